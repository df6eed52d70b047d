/** Limits guesses at passwords: so many failures per key within a window, then a pause until the window has passed. */

export interface AttemptLimits {
  readonly failures: number
  readonly windowMs: number
  /** Keys kept at most. When all are in use, a new key is refused rather than an old one forgotten. */
  readonly keys: number
}

interface Window {
  failures: number
  endsAt: number
}

export class Attempts {
  readonly #limits: AttemptLimits
  readonly #windows = new Map<string, Window>()

  constructor(limits: AttemptLimits) {
    this.#limits = limits
  }

  /**
   * Counts a try as failed before it is made, so that tries at the same time cannot all pass; `takeBack` undoes it.
   * Returns 0, or the milliseconds to wait when the key has no try left (and counts nothing).
   */
  begin(key: string, now: number): number {
    const window = this.#windows.get(key)
    if (window && window.endsAt > now) {
      if (window.failures >= this.#limits.failures) return window.endsAt - now
      window.failures++
      return 0
    }
    if (!window && this.#windows.size >= this.#limits.keys) {
      for (const [old, { endsAt }] of this.#windows) if (endsAt <= now) this.#windows.delete(old)
      if (this.#windows.size >= this.#limits.keys) return this.#limits.windowMs
    }
    this.#windows.set(key, { failures: 1, endsAt: now + this.#limits.windowMs })
    return 0
  }

  /** The try was good after all: it does not count. */
  takeBack(key: string): void {
    const window = this.#windows.get(key)
    if (window && --window.failures <= 0) this.#windows.delete(key)
  }

  /** Forgets every failure of `key`. */
  forget(key: string): void {
    this.#windows.delete(key)
  }
}
