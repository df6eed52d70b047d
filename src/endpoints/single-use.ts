/** Ids that may be used once: remembered until they would have expired anyway. */
export class SingleUse {
  readonly #limit: number
  readonly #used = new Map<string, number>()

  constructor({ limit = 50_000 }: { limit?: number } = {}) {
    this.#limit = limit
  }

  /**
   * True the first time, false from then on until `expiresAt`. Bounded: when full the oldest id is forgotten, which
   * leaves its replay to the other bonds (the browser's own cookie, the provider's single-use code).
   */
  claim(id: string, { expiresAt, now }: { expiresAt: number; now: number }): boolean {
    const known = this.#used.get(id)
    if (known !== undefined && known > now) return false
    this.#used.delete(id)
    for (const [oldest, until] of this.#used) {
      if (until > now && this.#used.size < this.#limit) break
      this.#used.delete(oldest)
    }
    this.#used.set(id, expiresAt)
    return true
  }
}
