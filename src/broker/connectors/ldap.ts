/** The `ldap` connector: finds the entry of a typed name, tries the password as that entry, reads groups. */
import type { LdapSettings } from '../../config/dex/connectors/ldap.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { ConnectorTools, PasswordConnector, UpstreamIdentity } from './connector.ts'
import { whyDisabled } from './ldap/account-state.ts'
import { diagnose } from './ldap/diagnose.ts'
import { Directory } from './ldap/directory.ts'
import { readEndpoint } from './ldap/endpoint.ts'
import type { DirectoryEntry } from './ldap/entry.ts'
import { anything } from './ldap/filters.ts'
import { groupSearchOf, readGroups } from './ldap/groups.ts'
import { checkSettings } from './ldap/settings-check.ts'
import { findAgain, findUser, type Person, readMemory, readPerson, writeMemory } from './ldap/users.ts'

/** No directory has names this long, and no person; RFC 4511 sets no bound. */
const LONGEST_LOGIN = 512
const LONGEST_PASSWORD = 1024

/** Opens no connection before it is needed. @throws ProxyError CONNECTOR_MISCONFIGURED */
export function openLdapConnector(settings: LdapSettings, tools: ConnectorTools): PasswordConnector {
  checkSettings(settings, tools)
  const directory = new Directory({ endpoint: readEndpoint(settings, tools), settings, now: tools.now })

  return {
    kind: 'password',
    prompt: settings.usernamePrompt || 'Username',
    freshness: 'each refresh',
    signIn,
    refresh,
    check,
    diagnose: ({ user, signal }) => diagnose({ directory, settings, tools, user, signal }),
    close: async () => directory.close(),
  }

  async function signIn(
    { login, password }: { readonly login: string; readonly password: string },
    { scopes, signal }: { scopes: { groups: boolean }; signal: AbortSignal },
  ): Promise<UpstreamIdentity | undefined> {
    if (!isName(login) || !isPassword(password)) return undefined
    const entry = await directory.asService('cannot look for a user', {
      signal,
      work: (connection) => findUser(connection, { settings, login, signal }),
    })
    if (entry === undefined) {
      await directory.pretendPassword(signal)
      return undefined
    }
    const verdict = await directory.tryPassword({ dn: entry.dn, password }, signal)
    switch (verdict.kind) {
      case 'wrong':
        return undefined
      case 'disabled':
        throw disabled(entry, verdict.why)
      case 'right':
    }
    // Asked last: whoever does not know the password learns nothing about the account.
    refuseDisabled(entry)
    const person = readPerson(entry, settings.userSearch)
    const groups = scopes.groups ? await groupsOf(entry, signal) : []
    return identityOf(entry, { person, groups, login })
  }

  async function refresh(
    { userId, connectorData }: UpstreamIdentity,
    { scopes, signal }: { scopes: { groups: boolean }; signal: AbortSignal },
  ): Promise<UpstreamIdentity> {
    const memory = readMemory(connectorData)
    if (memory === undefined)
      throw new ProxyError(
        'ACCOUNT_GONE',
        'cannot find the account again: the entry of the sign-in is needed, got none',
      )
    const entry = await directory.asService('cannot look for a user again', {
      signal,
      work: (connection) => findAgain(connection, { settings, userId, memory, signal }),
    })
    refuseDisabled(entry)
    const person = readPerson(entry, settings.userSearch)
    if (person.userId !== userId)
      throw new ProxyError(
        'ACCOUNT_GONE',
        `cannot find the account again: ${entry.dn} had the id "${userId}", got another`,
      )
    const groups = scopes.groups ? await groupsOf(entry, signal) : []
    return identityOf(entry, { person, groups, login: memory.login })
  }

  async function check(signal: AbortSignal): Promise<void> {
    const groupSearch = groupSearchOf(settings)
    for (const base of [settings.userSearch.baseDN, ...(groupSearch ? [groupSearch.baseDN] : [])])
      await directory.asService(`cannot search "${base}"`, {
        signal,
        work: (connection) =>
          connection.search({ base, scope: 'base', filter: anything(), attributes: [], most: 1, signal }),
      })
  }

  function groupsOf(entry: DirectoryEntry, signal: AbortSignal): Promise<readonly string[]> {
    const search = groupSearchOf(settings)
    if (search === undefined) return Promise.resolve([])
    return directory.asService('cannot read the groups', {
      signal,
      work: (connection) => readGroups(connection, entry, { search, signal, warn: tools.warn }),
    })
  }

  function refuseDisabled(entry: DirectoryEntry): void {
    const why = whyDisabled(entry, tools.now())
    if (why !== undefined) throw disabled(entry, why)
  }
}

const disabled = (entry: DirectoryEntry, why: string) =>
  new ProxyError('ACCOUNT_DISABLED', `cannot let ${entry.dn} in: ${why}`)

function identityOf(
  entry: DirectoryEntry,
  { person, groups, login }: { readonly person: Person; readonly groups: readonly string[]; readonly login: string },
): UpstreamIdentity {
  return { ...person, groups, connectorData: writeMemory(entry, login) }
}

/** A name with NUL in it ends there for some servers; half a character is none. */
function isName(login: string): boolean {
  return (
    login.trim() !== '' && Buffer.byteLength(login) <= LONGEST_LOGIN && !login.includes('\0') && login.isWellFormed()
  )
}

/** A bind without password is no proof of anything, and succeeds at many servers (RFC 4513 §5.1.2). */
function isPassword(password: string): boolean {
  return (
    password !== '' &&
    Buffer.byteLength(password) <= LONGEST_PASSWORD &&
    !password.includes('\0') &&
    password.isWellFormed()
  )
}
