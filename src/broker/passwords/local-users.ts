/** The people whom the broker itself knows: those of the configuration first, then those made by management. */
import type { StaticPassword } from '../../config/dex/broker-settings.ts'
import { bcryptCosts, parseBcryptHash } from '../../crypto/bcrypt-hash.ts'
import { allOf, findStoredPassword, kinds, readStoredPassword, type StoredPassword } from '../management/records.ts'
import type { Store } from '../store/store.ts'

export interface LocalUser {
  /** bcrypt's text. */
  readonly hash: string
  readonly userId: string
  readonly name: string
  readonly preferredUsername: string
  readonly email: string
  readonly emailVerified: boolean
  readonly groups: readonly string[]
}

export interface LocalUsers {
  /** `email` is in lower case. An empty one is nobody's. */
  find(email: string): Promise<LocalUser | undefined>
  findById(userId: string): Promise<LocalUser | undefined>
  /** The highest cost of a hash that is known so far: what a look at an unknown address has to cost, too. */
  highestCost(): number
}

export function localUsers(declared: readonly StaticPassword[], store: Store): LocalUsers {
  const findStored = findStoredPassword(store)
  const byEmail = new Map<string, LocalUser>()
  const byId = new Map<string, LocalUser>()
  let highestCost: number = bcryptCosts.least
  const noteCost = (hash: string) => {
    highestCost = Math.max(highestCost, parseBcryptHash(hash)?.cost ?? 0)
  }
  for (const entry of declared) {
    const user = describe(entry)
    const email = user.email.trim().toLowerCase()
    if (email === '' || byEmail.has(email)) continue
    byEmail.set(email, user)
    if (!byId.has(user.userId)) byId.set(user.userId, user)
    noteCost(user.hash)
  }

  return {
    async find(email) {
      if (email === '') return undefined
      const known = byEmail.get(email)
      if (known) return known
      const stored = await findStored(email)
      const user = stored && describeStored(stored)
      if (user) noteCost(user.hash)
      return user
    },

    async findById(userId) {
      if (userId === '') return undefined
      const known = byId.get(userId)
      if (known) return known
      const records = await allOf(store, kinds.password)
      const found = records.map((record) => readStoredPassword(record)).find((stored) => stored.userId === userId)
      // An address of the configuration hides the record of the same one.
      return found && !byEmail.has(found.email.toLowerCase()) ? describeStored(found) : undefined
    },

    highestCost: () => highestCost,
  }
}

/** Dex: `name` falls back to `username`. */
function describe(entry: StaticPassword): LocalUser {
  const { email, hash, userID, username, name, preferredUsername, emailVerified, groups } = entry
  return { hash, userId: userID, name: name || username, preferredUsername, email, emailVerified, groups }
}

/** What management makes has groups besides what Dex's API gives it. A record without address or id is nobody's. */
function describeStored({ email, hash, username, userId, groups }: StoredPassword): LocalUser | undefined {
  if (email.trim() === '' || userId === '') return undefined
  return { hash, userId, name: username, preferredUsername: '', email, emailVerified: true, groups }
}
