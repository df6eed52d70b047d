/** The user's entry: found by the typed name, found again at a refresh, and read as an identity. */
import type { Filter } from 'ldapts'
import type { LdapSettings, UserSearch } from '../../../config/dex/connectors/ldap.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { UpstreamIdentity } from '../connector.ts'
import { stateAttributes } from './account-state.ts'
import { type Connection, isMissing, TooMany } from './connection.ts'
import { isBelow, sameDn } from './dn.ts'
import { type DirectoryEntry, meansName } from './entry.ts'
import { all, anything, equalsId, parseFilter, userFilter } from './filters.ts'
import { attributesForGroups, groupSearchOf } from './groups.ts'

/** Names that servers give an entry for good (RFC 4530 and its like): a new entry with an old id is told by them. */
const LASTING_NAMES = ['entryUUID', 'nsUniqueId', 'ipaUniqueID', 'objectGUID']

/** What is kept for a refresh: how the entry was found, and what it was called. */
export interface EntryMemory {
  readonly login: string
  readonly dn: string
  /** `entryUUID:…`; absent where the server has nothing like it. */
  readonly lasting?: string
}

export function writeMemory(entry: DirectoryEntry, login: string): string {
  const lasting = lastingNames(entry)[0]
  const memory: EntryMemory = { login, dn: entry.dn, ...(lasting !== undefined && { lasting }) }
  return JSON.stringify(memory)
}

/** undefined for what is not ours. */
export function readMemory(text: string | undefined): EntryMemory | undefined {
  let read: unknown
  try {
    read = JSON.parse(text ?? '')
  } catch {
    return undefined
  }
  if (typeof read !== 'object' || read === null) return undefined
  const { login, dn, lasting } = read as Record<string, unknown>
  if (typeof login !== 'string' || typeof dn !== 'string') return undefined
  return { login, dn, ...(typeof lasting === 'string' && { lasting }) }
}

const lastingNames = (entry: DirectoryEntry) =>
  LASTING_NAMES.flatMap((name) => entry.values(name).map((value) => `${name}:${value}`))

/**
 * The one entry that goes by the typed name; undefined where there is none.
 * @throws ProxyError ACCOUNT_AMBIGUOUS where there are more
 */
export function findUser(
  connection: Connection,
  {
    settings,
    login,
    signal,
  }: { readonly settings: LdapSettings; readonly login: string; readonly signal: AbortSignal },
): Promise<DirectoryEntry | undefined> {
  const { userSearch } = settings
  const filter = loginFilter(userSearch, login)
  return findOne(connection, { settings, base: userSearch.baseDN, scope: userSearch.scope, filter, signal })
}

/** The filter for a typed name as it is sent. */
export function loginFilter(search: UserSearch, login: string): Filter {
  return userFilter(search, parseFilter(search.filter, 'userSearch.filter'), login)
}

/**
 * The entry of an earlier sign-in. By its id, so that it is found after it was renamed or moved, or has another mail
 * address; but only where the server's own lasting name (or else the entry's name) says that it is the same one.
 * @throws ProxyError ACCOUNT_GONE, ACCOUNT_AMBIGUOUS
 */
export async function findAgain(
  connection: Connection,
  options: {
    readonly settings: LdapSettings
    readonly userId: string
    readonly memory: EntryMemory
    readonly signal: AbortSignal
  },
): Promise<DirectoryEntry> {
  const { settings, userId, memory, signal } = options
  const { userSearch } = settings
  const own = parseFilter(userSearch.filter, 'userSearch.filter')
  const byName = meansName(userSearch.idAttr)
  const entry = await findOne(connection, {
    settings,
    base: byName ? memory.dn : userSearch.baseDN,
    scope: byName ? 'base' : userSearch.scope,
    filter: byName ? (own ?? anything()) : all(own, equalsId(userSearch.idAttr, userId)),
    signal,
  })
  if (entry === undefined) throw gone(`there is no entry with the id of ${memory.dn} any more`)
  const isSame =
    memory.lasting === undefined ? sameDn(entry.dn) === sameDn(memory.dn) : lastingNames(entry).includes(memory.lasting)
  if (!isSame || !isBelow(entry.dn, userSearch.baseDN))
    throw gone(`the id of ${memory.dn} is now that of another entry, got ${entry.dn}`)
  return entry
}

const gone = (problem: string) => new ProxyError('ACCOUNT_GONE', `cannot find the account again: ${problem}`)

async function findOne(
  connection: Connection,
  options: {
    readonly settings: LdapSettings
    readonly base: string
    readonly scope: 'base' | 'one' | 'sub'
    readonly filter: Filter
    readonly signal: AbortSignal
  },
): Promise<DirectoryEntry | undefined> {
  const { settings, base, scope, filter, signal } = options
  try {
    const [entry] = await connection.search({
      base,
      scope,
      filter,
      attributes: attributesOf(settings),
      most: 1,
      signal,
    })
    return entry
  } catch (cause) {
    if (cause instanceof TooMany)
      throw new ProxyError('ACCOUNT_AMBIGUOUS', `cannot tell who this is: one entry fits, got more for ${filter}`, {
        cause,
      })
    if (isMissing(cause) && scope === 'base') return undefined
    throw cause
  }
}

/** Asked for by name: operational attributes are sent only then. `DN` is none. */
function attributesOf(settings: LdapSettings): readonly string[] {
  const { idAttr, emailAttr, nameAttr, preferredUsernameAttr } = settings.userSearch
  const wanted = [idAttr, emailAttr, nameAttr, preferredUsernameAttr, ...attributesForGroups(groupSearchOf(settings))]
  const names = [...wanted, ...stateAttributes, ...LASTING_NAMES].filter((name) => name !== '' && !meansName(name))
  const known = new Set<string>()
  return names.filter((name) => !known.has(name.toLowerCase()) && known.add(name.toLowerCase()))
}

/** What the entry says of who this is; the groups are read elsewhere. */
export type Person = Omit<UpstreamIdentity, 'groups' | 'connectorData'>

/** One attribute that the settings name: for what, and what the entry has. */
export interface UsedAttribute {
  readonly setting: string
  readonly attribute: string
  readonly values: readonly string[]
}

export function usedAttributes(entry: DirectoryEntry, search: UserSearch): readonly UsedAttribute[] {
  const { idAttr, emailAttr, nameAttr, preferredUsernameAttr, emailSuffix } = search
  const used: readonly [string, string][] = [
    ['idAttr', idAttr],
    ['emailAttr', emailSuffix === '' ? emailAttr : ''],
    ['nameAttr', nameAttr],
    ['preferredUsernameAttr', preferredUsernameAttr],
  ]
  return used
    .filter(([, attribute]) => attribute !== '')
    .map(([setting, attribute]) => ({ setting, attribute, values: entry.values(attribute) }))
}

/**
 * Reads who this is. What the settings name must be there, as Dex has it; the first value counts.
 * @throws ProxyError ACCOUNT_WITHOUT_EMAIL, ACCOUNT_INCOMPLETE, naming the attribute
 */
export function readPerson(entry: DirectoryEntry, search: UserSearch): Person {
  for (const { setting, attribute, values } of usedAttributes(entry, search)) {
    if (values[0] !== undefined && values[0].trim() !== '') continue
    const code = setting === 'emailAttr' ? 'ACCOUNT_WITHOUT_EMAIL' : 'ACCOUNT_INCOMPLETE'
    throw new ProxyError(code, `cannot read who this is: ${entry.dn} needs ${attribute} (${setting}), got none`)
  }
  const read = (attribute: string) => (attribute === '' ? '' : (entry.first(attribute) ?? ''))
  const name = read(search.nameAttr)
  return {
    userId: read(search.idAttr),
    name,
    preferredUsername: read(search.preferredUsernameAttr),
    email: search.emailSuffix === '' ? read(search.emailAttr) : `${name}@${search.emailSuffix}`,
    // The directory is whoever gives out the addresses.
    emailVerified: true,
  }
}
