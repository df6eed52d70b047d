/** Groups of a user: those that hold a value of the user's, and those that hold these groups, step by step upwards. */
import type { Filter } from 'ldapts'
import type { GroupSearch, LdapSettings } from '../../../config/dex/connectors/ldap.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import { type Connection, isMissing, TooMany } from './connection.ts'
import { firstValue, isBelow, sameDn } from './dn.ts'
import { type DirectoryEntry, meansName } from './entry.ts'
import { all, any, anything, equals, parseFilter } from './filters.ts'

export interface Matcher {
  readonly userAttr: string
  readonly groupAttr: string
  readonly recursionGroupAttr: string
}

/** What was asked for one matcher, and what it found; for `diagnose`. */
export interface GroupTrace {
  readonly matcher: string
  readonly filters: readonly string[]
  readonly names: readonly string[]
}

export interface GroupsOptions {
  readonly search: GroupSearch
  readonly signal: AbortSignal
  readonly warn: (message: string) => void
  readonly trace?: (trace: GroupTrace) => void
}

/** Memberships asked for in one search. */
const BATCH = 50

/** The matchers; or the older form of one, which counts where the first of them names nothing, as with Dex. */
export function matchersOf({ userMatchers, userAttr, groupAttr, recursionGroupAttr }: GroupSearch): readonly Matcher[] {
  const isOlder = (userMatchers[0]?.userAttr ?? '') === ''
  const matchers = isOlder ? [{ userAttr, groupAttr, recursionGroupAttr }] : userMatchers
  return matchers.filter((matcher) => matcher.userAttr !== '' || matcher.groupAttr !== '')
}

/** Where groups are looked for at all. */
export function groupSearchOf({ groupSearch }: LdapSettings): GroupSearch | undefined {
  return groupSearch !== undefined && groupSearch.baseDN !== '' ? groupSearch : undefined
}

/** Attributes of the user that have to be read for it. */
export function attributesForGroups(search: GroupSearch | undefined): readonly string[] {
  if (search === undefined) return []
  if (search.memberOfAttr !== '') return [search.memberOfAttr]
  return matchersOf(search).map(({ userAttr }) => userAttr)
}

/**
 * Names, each once, in the order the directory gave them.
 * @throws ProxyError CONNECTOR_MISCONFIGURED where there are more or deeper ones than allowed: a list with gaps would
 * pass a rule that keeps a group out. Other failures as the connection throws them.
 */
export async function readGroups(
  connection: Connection,
  user: DirectoryEntry,
  options: GroupsOptions,
): Promise<readonly string[]> {
  const { search } = options
  const names = new Set<string>()
  const own = parseFilter(search.filter, 'groupSearch.filter')
  const reading = { connection, own, ...options, filters: [] as string[] }
  const passes =
    search.memberOfAttr === ''
      ? matchersOf(search).map((matcher) => ({
          name: `${matcher.userAttr} in ${matcher.groupAttr}`,
          read: (pass: Reading) => byMatcher(matcher, user, pass),
        }))
      : [{ name: search.memberOfAttr, read: (pass: Reading) => byMemberOf(user, pass) }]
  for (const { name, read } of passes) {
    const filters: string[] = []
    const found = await read({ ...reading, filters })
    options.trace?.({ matcher: name, filters, names: found })
    for (const group of found) names.add(group)
    if (names.size > search.maxGroups) throw tooMany(search)
  }
  return [...names]
}

interface Reading extends GroupsOptions {
  readonly connection: Connection
  readonly own: Filter | undefined
  /** Filters as they were sent. */
  readonly filters: string[]
}

async function byMatcher(
  { userAttr, groupAttr, recursionGroupAttr }: Matcher,
  user: DirectoryEntry,
  reading: Reading,
): Promise<string[]> {
  const { search } = reading
  const seen = new Map<string, string | undefined>()
  const take = (groups: readonly DirectoryEntry[]) =>
    groups.filter((group) => {
      const key = sameDn(group.dn)
      if (seen.has(key)) return false
      seen.set(key, nameOf(group, reading))
      return true
    })
  let level = take(await groupsWith(groupAttr, user.values(userAttr), reading))
  for (let depth = 0; recursionGroupAttr !== '' && level.length > 0; depth++) {
    if (depth >= search.maxDepth)
      throw misconfigured(
        `groups lie in groups at most ${search.maxDepth} deep (maxDepth), got deeper ones of ${user.dn}`,
      )
    const above = await groupsWith(
      recursionGroupAttr,
      level.map(({ dn }) => dn),
      reading,
    )
    level = take(above)
    if (seen.size > search.maxGroups) throw tooMany(search)
  }
  return [...seen.values()].filter((name) => name !== undefined)
}

/** All groups whose `attribute` holds one of `values`, some of them at a time. */
async function groupsWith(
  attribute: string,
  values: readonly string[],
  reading: Reading,
): Promise<readonly DirectoryEntry[]> {
  const { search, own } = reading
  const found: DirectoryEntry[] = []
  for (let start = 0; start < values.length; start += BATCH) {
    const wanted = values.slice(start, start + BATCH).map((value) => equals(attribute, value))
    found.push(...(await askFor(all(own, any(wanted)), { base: search.baseDN, scope: search.scope, reading })))
    if (found.length > search.maxGroups * 2) throw tooMany(search)
  }
  return found
}

/** The user's own list. Names come from the DNs where they are in there; other groups are looked at one by one. */
async function byMemberOf(user: DirectoryEntry, reading: Reading): Promise<string[]> {
  const { search, own } = reading
  const suffix = search.memberOfSuffix === '' ? search.baseDN : search.memberOfSuffix
  const dns = user.values(search.memberOfAttr).filter((dn) => isBelow(dn, suffix))
  if (dns.length > search.maxGroups) throw tooMany(search)
  const names: string[] = []
  for (const dn of dns) {
    const written = meansName(search.nameAttr) ? dn : firstValue(dn, search.nameAttr)
    if (own === undefined && written !== undefined) names.push(written)
    else
      for (const group of await askFor(own ?? anything(), { base: dn, scope: 'base', reading })) {
        const name = nameOf(group, reading)
        if (name !== undefined) names.push(name)
      }
  }
  return names
}

async function askFor(
  filter: Filter,
  {
    base,
    scope,
    reading,
  }: { readonly base: string; readonly scope: 'base' | 'one' | 'sub'; readonly reading: Reading },
): Promise<readonly DirectoryEntry[]> {
  const { connection, search, signal, filters, warn } = reading
  filters.push(filter.toString())
  const attributes = meansName(search.nameAttr) ? [] : [search.nameAttr]
  try {
    return await connection.search({ base, scope, filter, attributes, most: search.maxGroups, signal })
  } catch (error) {
    if (error instanceof TooMany) throw tooMany(search)
    if (!isMissing(error)) throw error
    // What Dex does, too: no such place, no groups.
    warn(`there is no entry "${base}" to look for groups below`)
    return []
  }
}

function nameOf(group: DirectoryEntry, { search, warn }: Reading): string | undefined {
  const name = group.first(search.nameAttr)
  if (name === undefined) warn(`the group ${group.dn} has no ${search.nameAttr} and is left out`)
  return name
}

const tooMany = (search: GroupSearch) =>
  misconfigured(`a user is in at most ${search.maxGroups} groups (maxGroups), got more`)

const misconfigured = (problem: string) =>
  new ProxyError('CONNECTOR_MISCONFIGURED', `cannot read the groups: ${problem}`)
