/**
 * Filters of searches, built of objects: what a person typed is a value from end to end and never part of a text that
 * is read as a filter (RFC 4515 §3, injection).
 */
import {
  AndFilter,
  EqualityFilter,
  ExtensibleFilter,
  type Filter,
  FilterParser,
  OrFilter,
  PresenceFilter,
} from 'ldapts'
import type { UserSearch } from '../../../config/dex/connectors/ldap.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'

/** Every entry has a class. */
export const anything = (): Filter => new PresenceFilter({ attribute: 'objectClass' })

/**
 * The filter that the administrator wrote; undefined where it is empty. Several in a row must all match: Dex puts the
 * text into a conjunction as it stands.
 * @throws ProxyError CONNECTOR_MISCONFIGURED
 */
export function parseFilter(text: string, setting: string): Filter | undefined {
  if (text.trim() === '') return undefined
  try {
    const written = withoutEmptyLists(decodeOctets(text.trim()))
    return FilterParser.parseString(isSeveral(written) ? `(&${written})` : written)
  } catch (cause) {
    // What follows repeats the text, or parts of it.
    const problem = (cause instanceof Error ? cause.message : 'unknown').replace(/:.*/s, '').toLowerCase()
    throw new ProxyError('CONNECTOR_MISCONFIGURED', `cannot read the filter ${setting}: ${problem}, got "${text}"`, {
      cause,
    })
  }
}

/** The true and false of RFC 4526, which the library does not know. A parenthesis in a value is escaped. */
const withoutEmptyLists = (text: string) =>
  text.replaceAll('(&)', '(objectClass=*)').replaceAll('(|)', '(!(objectClass=*))')

/** Whether the first parenthesis is closed before the end, and the last one at it. */
function isSeveral(text: string): boolean {
  let depth = 0
  let lists = 0
  for (const character of text) {
    if (character === '(') depth++
    else if (character === ')' && --depth === 0) lists++
    if (depth <= 0 && character !== ')') return false
  }
  return depth === 0 && lists > 1
}

/** The library takes each escaped octet for a character: `\c3\ba` would be two, where it is one ú. */
function decodeOctets(text: string): string {
  return text.replace(/(?:\\[89a-f][\da-f])+/gi, (run) =>
    new TextDecoder('utf8', { fatal: true }).decode(Buffer.from(run.replaceAll('\\', ''), 'hex')),
  )
}

/** All of those that are there. */
export function all(...filters: readonly (Filter | undefined)[]): Filter {
  const given = filters.filter((filter) => filter !== undefined)
  const [only] = given
  return only !== undefined && given.length === 1 ? only : new AndFilter({ filters: given })
}

export function any(filters: readonly Filter[]): Filter {
  const [only] = filters
  return only !== undefined && filters.length === 1 ? only : new OrFilter({ filters: [...filters] })
}

/** `attribute` may carry a matching rule: `member:1.2.840.113556.1.4.1941:` (RFC 4515 §3, extensible). */
export function equals(attribute: string, value: string): Filter {
  const { name, dn, rule } = attributeParts(attribute) ?? {}
  if (name === undefined || (dn === undefined && rule === undefined)) return new EqualityFilter({ attribute, value })
  return new ExtensibleFilter({
    matchType: name,
    dnAttributes: dn !== undefined,
    value,
    ...(rule !== undefined && { rule }),
  })
}

/** As `equals`, for an id that is octets and told in hexadecimal digits. */
export function equalsId(attribute: string, id: string): Filter {
  if (!isBinary(attribute)) return equals(attribute, id)
  return new EqualityFilter({ attribute, value: Buffer.from(id, 'hex') })
}

/** Ids of Active Directory that are octets. */
export function isBinary(attribute: string): boolean {
  return ['objectguid', 'objectsid'].includes(attribute.toLowerCase())
}

/** Who goes by the name that was typed: any of the attributes, and the administrator's filter. */
export function userFilter(search: UserSearch, own: Filter | undefined, login: string): Filter {
  return all(own, any(search.username.map((attribute) => equals(attribute, login))))
}

/** @throws ProxyError CONNECTOR_MISCONFIGURED */
export function checkAttribute(name: string, setting: string): void {
  const parts = attributeParts(name)
  const takesRule = /(?:groupAttr|\.username)$/i.test(setting)
  if (parts !== undefined && (takesRule || !name.includes(':'))) return
  throw new ProxyError('CONNECTOR_MISCONFIGURED', `cannot use ${setting}: it names an attribute, got "${name}"`)
}

/** RFC 4512 §2.5 and §1.4: a name or numbers, with options; the rule as in RFC 4515. */
function attributeParts(attribute: string) {
  return /^(?<name>(?:[A-Za-z][\w-]*|\d+(?:\.\d+)+)(?:;[\w-]+)*)(?:(?<dn>:dn)?(?::(?<rule>[\w.-]+))?:)?$/i.exec(
    attribute,
  )?.groups
}
