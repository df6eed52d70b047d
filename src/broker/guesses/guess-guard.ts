/**
 * Slows down guessing: after some failures each further try of an account, or from an address, has to wait twice as long
 * as the one before. Where a try takes time, it counts before it is made, or `PacedGuard` counts it as under way.
 */

export interface GuardLimits {
  /** Failures without any wait. */
  readonly free: number
  /** The first wait and the longest, milliseconds. */
  readonly firstWaitMs: number
  readonly longestWaitMs: number
  /** A key without a try for this long is forgotten, milliseconds. */
  readonly forgetAfterMs: number
  /** Keys kept at most. The oldest that need not wait makes room; when all have to wait, so has a new one. */
  readonly keys: number
}

interface Tries {
  failures: number
  /** No try before this moment. */
  notBefore: number
  lastAt: number
}

export class GuessGuard {
  readonly #limits: GuardLimits
  readonly #tries = new Map<string, Tries>()

  constructor(limits: GuardLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#tries.size
  }

  /** Milliseconds until `key` may try; 0: now. Counts nothing. */
  waitOf(key: string, now: number): number {
    const tries = this.#tries.get(key)
    if (tries) return this.#isOver(tries, now) ? 0 : Math.max(0, tries.notBefore - now)
    return this.#hasRoom(now) ? 0 : this.#limits.firstWaitMs
  }

  /** Failures that `key` has against it. */
  failuresOf(key: string, now: number): number {
    const tries = this.#tries.get(key)
    return tries && !this.#isOver(tries, now) ? tries.failures : 0
  }

  /** Counts a try; `forget` or `takeBack` undo it when it was good. Call it only where `waitOf` says 0. */
  count(key: string, now: number): void {
    const { free, firstWaitMs, longestWaitMs } = this.#limits
    const known = this.#tries.get(key)
    const failures = (known && !this.#isOver(known, now) ? known.failures : 0) + 1
    const wait = failures <= free ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(30, failures - free - 1))
    // Moved to the end: the map stays in the order of the last try.
    this.#tries.delete(key)
    this.#tries.set(key, { failures, notBefore: now + wait, lastAt: now })
  }

  /** One try less: it was good, and says nothing about the others of that key. */
  takeBack(key: string): void {
    const tries = this.#tries.get(key)
    if (!tries) return
    tries.failures--
    tries.notBefore = 0
    if (tries.failures <= 0) this.#tries.delete(key)
  }

  /** Forgets every failure of `key`. */
  forget(key: string): void {
    this.#tries.delete(key)
  }

  #isOver(tries: Tries, now: number): boolean {
    return now - tries.lastAt >= this.#limits.forgetAfterMs && tries.notBefore <= now
  }

  /**
   * Who fills the guard with names that he makes up keeps nobody else out by that, and to make it forget one account he
   * has to try as many others as it has room for.
   */
  #hasRoom(now: number): boolean {
    if (this.#tries.size < this.#limits.keys) return true
    for (const [key, tries] of this.#tries) {
      if (tries.notBefore > now) continue
      this.#tries.delete(key)
      return true
    }
    return false
  }
}
