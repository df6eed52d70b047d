/** Sessions that ended before their time: laid over the cookies, which cannot be called back. */

export interface Revocation {
  readonly id: string
  readonly issuedAt: number
  /** When the session would have ended by itself; nothing need be remembered after that. */
  readonly expiresAt: number
}

export interface RevocableSession {
  readonly id: string
  readonly issuedAt: number
  readonly userId?: string
}

/** Hears of a session's end: its id, and all that another process has to know to end it too. */
export type RevocationListener = (id: string, revocation: Revocation) => void

/**
 * Bounded memory of ended sessions. When it is full the oldest entry is forgotten, and with it every session that is
 * as old counts as ended: a few people sign in again, and nobody who signed out is let in.
 */
export class RevokedSessions {
  readonly #limit: number
  readonly #ended = new Map<string, Revocation>()
  /** Users whose sessions until a moment have ended; those revoked last stand last. */
  readonly #users = new Map<string, number>()
  readonly #userLimit: number
  readonly #listeners = new Set<RevocationListener>()
  /** Sessions from this moment or before have ended. */
  #floor = Number.NEGATIVE_INFINITY

  constructor({ limit = 100_000, userLimit = 10_000 }: { limit?: number; userLimit?: number } = {}) {
    this.#limit = limit
    this.#userLimit = userLimit
  }

  get size(): number {
    return this.#ended.size
  }

  /** Ends a session for all hosts at once, and tells whoever holds something open for it. A second time nothing happens. */
  revoke(revocation: Revocation, now: number): void {
    if (revocation.expiresAt <= now || this.#ended.has(revocation.id)) return
    if (this.#ended.size >= this.#limit) this.#makeRoom(now)
    const { id, issuedAt, expiresAt } = revocation
    this.#ended.set(id, { id, issuedAt, expiresAt })
    for (const listener of this.#listeners) listener(id, { id, issuedAt, expiresAt })
  }

  /** Ends all sessions of a user that began until now, on whatever device; signing in again is another matter. */
  revokeUser(userId: string, now: number): void {
    this.#users.delete(userId)
    if (this.#users.size >= this.#userLimit) {
      const [oldest] = this.#users
      if (oldest) this.#users.delete(oldest[0])
      this.#floor = Math.max(this.#floor, oldest?.[1] ?? this.#floor)
    }
    this.#users.set(userId, now)
  }

  isRevoked({ id, issuedAt, userId }: RevocableSession): boolean {
    if (issuedAt <= this.#floor || this.#ended.has(id)) return true
    return (
      this.#users.size > 0 && userId !== undefined && issuedAt <= (this.#users.get(userId) ?? Number.NEGATIVE_INFINITY)
    )
  }

  /**
   * Calls `listener` for each session that is ended from now on, to cut its open WebSockets or tell other processes;
   * returns how to stop that.
   */
  onRevoked(listener: RevocationListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #makeRoom(now: number): void {
    for (const [id, { expiresAt }] of this.#ended) if (expiresAt <= now) this.#ended.delete(id)
    if (this.#ended.size < this.#limit) return
    const oldest = [...this.#ended.values()].reduce((one, other) => (other.issuedAt < one.issuedAt ? other : one))
    this.#ended.delete(oldest.id)
    this.#floor = Math.max(this.#floor, oldest.issuedAt)
  }
}
