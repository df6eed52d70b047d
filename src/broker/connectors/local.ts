/** The connector `local`: people whom the broker itself knows, by address and bcrypt hash. */
import { parseBcryptHash } from '../../crypto/bcrypt-hash.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { LocalUser, LocalUsers } from '../passwords/local-users.ts'
import { PasswordChecker } from '../passwords/password-checker.ts'
import type { ConnectorTools, DiagnosticStep, PasswordConnector, UpstreamIdentity } from './connector.ts'

export interface LocalConnectorOptions {
  /** Its own one where absent; closed with the connector either way. */
  readonly checker?: PasswordChecker
}

export function openLocalConnector(
  users: LocalUsers,
  tools: ConnectorTools,
  { checker = new PasswordChecker() }: LocalConnectorOptions = {},
): PasswordConnector {
  return {
    kind: 'password',
    prompt: 'Email Address',
    freshness: 'each refresh',

    async signIn({ login, password }, { signal }) {
      const user = await users.find(normalised(login))
      const hash = usableHash(user, tools)
      const isRight = await checker.isRight(password, { hash, costliest: users.highestCost(), signal })
      return isRight && user ? identityOf(user) : undefined
    },

    async refresh(identity) {
      const { userId, email } = identity
      const byAddress = await users.find(normalised(email))
      // Somebody else may have the address by now; and who has another address is the same person still.
      const user = byAddress?.userId === userId ? byAddress : await users.findById(userId)
      if (user) return identityOf(user)
      throw new ProxyError('ACCOUNT_GONE', `cannot refresh ${JSON.stringify(userId)}: no local user has that id`)
    },

    async check() {},

    async *diagnose({ user: name }) {
      yield await lookAt(users, name)
    },

    close: () => checker.close(),
  }
}

function normalised(login: string): string {
  return login.trim().toLowerCase()
}

/** A hash that cannot be used is as good as none, and told to the operator only. */
function usableHash(user: LocalUser | undefined, tools: ConnectorTools): string | undefined {
  if (!user) return undefined
  const parsed = parseBcryptHash(user.hash)
  if (!parsed) tools.warn(`cannot let ${user.email} sign in: its hash is not bcrypt of cost 10 to 16`)
  return parsed?.text
}

function identityOf({ userId, name, preferredUsername, email, emailVerified, groups }: LocalUser): UpstreamIdentity {
  return { userId, name, preferredUsername, email, emailVerified, groups }
}

async function lookAt(users: LocalUsers, name: string | undefined): Promise<DiagnosticStep> {
  if (name === undefined) return { name: 'user', outcome: 'skipped', found: 'no user was named' }
  try {
    const user = await users.find(normalised(name))
    if (!user) return { name: 'user', outcome: 'failed', found: `nobody has the address ${normalised(name)}` }
    const parsed = parseBcryptHash(user.hash)
    return {
      name: 'user',
      outcome: parsed ? 'ok' : 'failed',
      found: parsed ? `a bcrypt hash of cost ${parsed.cost}` : 'no bcrypt hash of cost 10 to 16',
      identity: identityOf(user),
    }
  } catch (error) {
    return { name: 'user', outcome: 'failed', found: error instanceof Error ? error.message : 'unknown reason' }
  }
}
