/** Assertions that have been used, until they are out of date (SAML 2.0 Profiles §4.1.4.5), bounded. */

export class ReplayMemory {
  readonly #deadlines = new Map<string, number>()
  readonly #limit: number
  #nextSweep = 0

  constructor(limit = 50_000) {
    this.#limit = limit
  }

  /** `full`: nothing can be remembered just now, so nothing can be taken. */
  note(id: string, { deadline, now }: { readonly deadline: number; readonly now: number }): 'new' | 'used' | 'full' {
    const known = this.#deadlines.get(id)
    if (known !== undefined && known > now) return 'used'
    if (this.#deadlines.size >= this.#limit && now >= this.#nextSweep) {
      for (const [key, end] of this.#deadlines) if (end <= now) this.#deadlines.delete(key)
      // Not for every answer while it is full.
      this.#nextSweep = now + 1_000
    }
    if (this.#deadlines.size >= this.#limit) return 'full'
    this.#deadlines.set(id, deadline)
    return 'new'
  }
}
