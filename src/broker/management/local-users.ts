/** Users of the `local` connector and everybody's refresh tokens under management. */
import { bcryptCosts, parseBcryptHash } from '../../crypto/bcrypt-hash.ts'
import { digestText } from '../../crypto/random.ts'
import type { Store, StoredRecord } from '../store/store.ts'
import { checkName } from './checked-texts.ts'
import { type Management, ManagementError, type PasswordRecord, type RefreshTokenRecord } from './management.ts'
import { allOf, kinds, readStoredPassword, type StoredPassword } from './records.ts'
import { missing, readOnly, taken, untilWritten } from './refusals.ts'

export interface LocalUserOptions {
  readonly store: Store
  /** Users of the configuration as it is now. */
  readonly filePasswords: () => readonly StoredPassword[]
  /** Whether the password opens the hash; without one it never does, and that takes as long. Outside of this thread. */
  readonly isPassword: (password: string, hash: string | undefined) => Promise<boolean>
  /** Kinds that end with a grant, the refresh token's own among them. */
  readonly grantKinds: readonly string[]
  /** Kinds that end with a user's last session. */
  readonly sessionKinds: readonly string[]
  /** Told after tokens were ended. `clientId` undefined: everything of the user's. */
  readonly onRevoked?: (subject: string, clientId: string | undefined) => Promise<void>
}

type PasswordManagement = Pick<
  Management,
  'listPasswords' | 'createPassword' | 'updatePassword' | 'deletePassword' | 'verifyPassword'
>

export function localPasswords({ store, filePasswords, isPassword }: LocalUserOptions): PasswordManagement {
  const declared = (email: string) => filePasswords().find((user) => user.email.toLowerCase() === email.toLowerCase())
  const stored = async (email: string) => await store.get(kinds.password, email.toLowerCase())

  return {
    async listPasswords() {
      const ofFile = filePasswords().map((user) => shown(user, 'file'))
      const others = (await allOf(store, kinds.password)).map((record) => shown(readStoredPassword(record), 'store'))
      return [...ofFile, ...others.filter(({ email }) => !declared(email))]
    },

    async createPassword(given) {
      const user = checked({ groups: [], ...given })
      const isNew = !declared(user.email) && (await store.put(recordOf(user), { ifVersion: 0 })) !== undefined
      if (!isNew) throw taken('user', user.email)
    },

    async updatePassword({ email, ...change }) {
      if (declared(email)) throw readOnly('update', 'user', email)
      await untilWritten('user', email, async () => {
        const found = await stored(email)
        if (!found) throw missing('update', 'user', email)
        const user = checked({ ...readStoredPassword(found), ...change })
        return await store.put(recordOf(user), { ifVersion: found.version })
      })
    },

    async deletePassword(email) {
      if (declared(email)) throw readOnly('delete', 'user', email)
      if (!(await store.delete(kinds.password, email.toLowerCase()))) throw missing('delete', 'user', email)
    },

    async verifyPassword(email, password) {
      const found = await stored(email)
      const user = declared(email) ?? (found && readStoredPassword(found))
      // Looked at though there is nobody: the time tells nothing.
      const isRight = await isPassword(password, user?.hash)
      if (!user) throw missing('verify', 'user', email)
      return isRight
    },
  }
}

function recordOf(user: StoredPassword) {
  return { kind: kinds.password, id: user.email.toLowerCase(), value: { ...user } }
}

function shown({ email, username, userId, groups }: StoredPassword, origin: PasswordRecord['origin']): PasswordRecord {
  return { email, username, userId, groups, origin }
}

/** The same, with the hash as plain text. */
function checked(user: StoredPassword): StoredPassword {
  const { email, hash, username, userId, groups } = user
  const refusal = (why: string) => new ManagementError('invalid', `cannot keep this user: ${why}`)
  // Or a name in its place, as in the configuration file.
  if (!/^[^\s@\u0000-\u001f\u007f]+(?:@[^\s@\u0000-\u001f\u007f]+)?$/.test(email) || email.length > 254)
    throw refusal('expected an e-mail address')
  const parsed = parseBcryptHash(hash)
  if (!parsed) throw refusal(`expected a hash as bcrypt writes it, of cost ${bcryptCosts.least} to ${bcryptCosts.most}`)
  checkName('name of a user', username)
  if (userId === '' || userId.length > 256) throw refusal('it has no id, or a very long one')
  if (groups.length > 1_000) throw refusal('expected at most 1000 groups')
  for (const group of groups) checkName('name of a group', group)
  return { ...user, hash: parsed.text }
}

type RefreshManagement = Pick<Management, 'listRefreshTokens' | 'revoke'>

export function localRefreshTokens(options: LocalUserOptions): RefreshManagement {
  const { store, grantKinds, sessionKinds, onRevoked } = options

  /** One for each grant: what was rotated away counts no more. */
  async function alive(subject: string, clientId?: string): Promise<readonly StoredRecord[]> {
    const where = { subject, ...(clientId !== undefined && { client: clientId }) }
    const tokens = await store.list('RefreshToken', { where, limit: 10_000 })
    const byGrant = new Map(
      tokens.filter(({ consumedAt }) => consumedAt === undefined).map((one) => [grantOf(one), one]),
    )
    return [...byGrant.values()]
  }

  return {
    async listRefreshTokens(subject) {
      return (await alive(subject)).map(tokenOf)
    },

    async revoke(subject, clientId) {
      const tokens = await alive(subject, clientId)
      for (const token of tokens) await store.deleteBy(grantKinds, 'grant', grantOf(token))
      if (clientId === undefined) await store.deleteBy([...grantKinds, ...sessionKinds], 'subject', subject)
      await onRevoked?.(subject, clientId)
      return tokens.length
    },
  }
}

function grantOf({ id, indexes }: StoredRecord): string {
  return indexes?.grant ?? id
}

/** The id of the record may be the token itself: a digest tells as well which one it is. */
function tokenOf(record: StoredRecord): RefreshTokenRecord {
  const seconds = (name: string) => (typeof record.value[name] === 'number' ? record.value[name] * 1_000 : undefined)
  const used = seconds('iat') ?? 0
  return {
    id: digestText(grantOf(record)).slice(0, 16),
    clientId: record.indexes?.client ?? '',
    // `iiat` is when the first of a row of rotated tokens was made.
    createdAt: seconds('iiat') ?? used,
    lastUsedAt: used,
  }
}
