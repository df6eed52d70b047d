/** Sessions already opened, by the text of their cookies: opening a seal costs 140 µs, looking here next to nothing. */
import type { Session } from './session.ts'

/** Bounded in number and in characters; what was not used for longest leaves first. */
export class OpenedSessions {
  readonly #limits: { readonly entries: number; readonly characters: number }
  readonly #sessions = new Map<string, Session>()
  #characters = 0

  constructor({ entries = 10_000, characters = 32 * 1024 * 1024 } = {}) {
    this.#limits = { entries, characters }
  }

  get size(): number {
    return this.#sessions.size
  }

  /** The session kept under `key`, unless it has ended by `now`. */
  get(key: string, now: number): Session | undefined {
    const session = this.#sessions.get(key)
    if (!session) return undefined
    this.#delete(key)
    if (session.expiresAt <= now) return undefined
    this.#add(key, session)
    return session
  }

  keep(key: string, session: Session): void {
    this.#delete(key)
    this.#add(key, session)
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size <= this.#limits.entries && this.#characters <= this.#limits.characters) break
      this.#delete(oldest)
    }
  }

  #add(key: string, session: Session): void {
    this.#sessions.set(key, session)
    this.#characters += key.length
  }

  #delete(key: string): void {
    if (this.#sessions.delete(key)) this.#characters -= key.length
  }
}
