/** An entry of the directory: its name, and its attributes by names in any case (RFC 4512 §2.5). */
import type { Entry } from 'ldapts'
import { ProxyError } from '../../../errors/proxy-error.ts'

export interface DirectoryEntry {
  /** As the server wrote it. */
  readonly dn: string
  /** Values that are not empty; `DN` is the entry's name. Octets that are no text are told in hexadecimal digits. */
  values(attribute: string): readonly string[]
  /** The first value; undefined where there is none. */
  first(attribute: string): string | undefined
}

/** `DN` in a setting means the entry's name and no attribute. */
export function meansName(attribute: string): boolean {
  return attribute.toLowerCase() === 'dn'
}

/** @throws RangeError where the entry has no name, ProxyError CONNECTOR_MISCONFIGURED where a list of values is not whole */
export function readEntry(entry: Entry): DirectoryEntry {
  const { dn, ...rest } = entry
  if (typeof dn !== 'string' || dn === '') throw new RangeError('an entry has no name')
  const byName = new Map<string, readonly string[]>()
  for (const [name, value] of Object.entries(rest)) {
    // Active Directory cuts long lists (MS-ADTS §3.1.1.3.1.3.3); a list with gaps decides wrongly.
    if (/;range=\d+-\d+$/i.test(name))
      throw new ProxyError('CONNECTOR_MISCONFIGURED', `cannot read ${dn}: the values of ${name} are not all of them`)
    // The library adds an empty list for each attribute that was asked for and did not come.
    const values = (Array.isArray(value) ? value : [value]).map(asText).filter((text) => text !== '')
    if (values.length > 0) byName.set(name.toLowerCase(), values)
  }
  const values = (attribute: string) => (meansName(attribute) ? [dn] : (byName.get(attribute.toLowerCase()) ?? []))
  return { dn, values, first: (attribute) => values(attribute)[0] }
}

const asText = (value: string | Buffer) => (typeof value === 'string' ? value : value.toString('hex'))
