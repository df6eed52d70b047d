/** Names of entries (RFC 4514), read so that two spellings of one name are the same. */

/** One step of a name: usually one pair, `uid=alice`; several with `+`. Sorted. */
type Step = readonly (readonly [type: string, value: string])[]

/**
 * Types whose values are the same in any case and with any number of spaces (RFC 4519, RFC 4524). Values of others are
 * compared as they are: lower case would make one entry of two.
 */
const CASELESS = new Set(
  'c cn co dc description dn employeenumber givenname l mail o ou postaladdress postalcode sn st street title uid'.split(
    ' ',
  ),
)

const LONGEST = 8192

/** @throws RangeError where the text is no name */
function parseDn(text: string): readonly Step[] {
  if (text.length > LONGEST) throw new RangeError('the name is too long')
  if (text.trim() === '') return []
  const steps: (readonly [string, string])[][] = [[]]
  let position = 0
  for (;;) {
    const { pair, end } = readPair(text, position)
    steps.at(-1)?.push(pair)
    const separator = text[end]
    if (separator === undefined) break
    if (separator !== '+') steps.push([])
    position = end + 1
  }
  return steps.map((step) => step.sort(([a, x], [b, y]) => (a + x < b + y ? -1 : 1)))
}

/** The same text for every spelling of one name; the text itself where it is no name. */
export function sameDn(text: string): string {
  try {
    return JSON.stringify(parseDn(text))
  } catch {
    return text
  }
}

/** Whether `dn` lies anywhere below `base` (or is it). Every name lies below the empty one. */
export function isBelow(dn: string, base: string): boolean {
  try {
    const [steps, end] = [parseDn(dn), parseDn(base)]
    return steps.length >= end.length && JSON.stringify(steps.slice(steps.length - end.length)) === JSON.stringify(end)
  } catch {
    return false
  }
}

/** Value of the first step when its type is `type`: `devops` for `cn=devops,cn=groups` and `cn`, as it was written. */
export function firstValue(dn: string, type: string): string | undefined {
  try {
    const { pair, end, value } = readPair(dn, 0)
    return pair[0] === type.toLowerCase() && dn[end] !== '+' ? value : undefined
  } catch {
    return undefined
  }
}

function readPair(text: string, start: number) {
  const typed = /\s*(?:OID\.)?([A-Za-z][\w-]*|\d+(?:\.\d+)+)\s*=\s*/iy
  typed.lastIndex = start
  const type = typed.exec(text)?.[1]?.toLowerCase()
  if (type === undefined) throw new RangeError('the text is no name of an entry')
  const { value, end } = readValue(text, typed.lastIndex)
  const compared = CASELESS.has(type) ? value.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim() : value
  return { pair: [type, compared] as const, value, end }
}

/** Up to the next separator that is not escaped. Spaces around the value are not of it, escaped ones are. */
function readValue(text: string, start: number): { value: string; end: number } {
  if (text[start] === '"') return readQuoted(text, start + 1)
  const octets: Buffer[] = []
  let [position, kept] = [start, 0]
  while (position < text.length && !/[,;+]/.test(text[position] ?? '')) {
    const { piece, next, isEscaped } = readCharacter(text, position)
    octets.push(piece)
    if (isEscaped || !/\s/.test(text[position] ?? '')) kept = octets.length
    position = next
  }
  return { value: Buffer.concat(octets.slice(0, kept)).toString('utf8'), end: position }
}

/** The older form (RFC 2253 §4): `cn="Doe, Jane"`. */
function readQuoted(text: string, start: number): { value: string; end: number } {
  const octets: Buffer[] = []
  let position = start
  while (text[position] !== '"') {
    if (position >= text.length) throw new RangeError('a quotation in the name has no end')
    const { piece, next } = readCharacter(text, position)
    octets.push(piece)
    position = next
  }
  const end = position + 1 + (/^\s*/.exec(text.slice(position + 1))?.[0].length ?? 0)
  if (end < text.length && !/[,;+]/.test(text[end] ?? ''))
    throw new RangeError('something follows a quotation in the name')
  return { value: Buffer.concat(octets).toString('utf8'), end }
}

/** A character, `\,`, or an octet as `\c3`. */
function readCharacter(text: string, position: number): { piece: Buffer; next: number; isEscaped: boolean } {
  if (text[position] !== '\\') {
    const character = String.fromCodePoint(text.codePointAt(position) ?? 0)
    return { piece: Buffer.from(character), next: position + character.length, isEscaped: false }
  }
  const digits = /^[\da-f]{2}/i.exec(text.slice(position + 1, position + 3))?.[0]
  if (digits !== undefined) return { piece: Buffer.from(digits, 'hex'), next: position + 3, isEscaped: true }
  const character = text[position + 1]
  if (character === undefined) throw new RangeError('the name ends with a backslash')
  return { piece: Buffer.from(character), next: position + 2, isEscaped: true }
}
