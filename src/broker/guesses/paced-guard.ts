/**
 * A guard for tries that come at the same moment: those under way count as wrong until they have ended, so that many at
 * once gain nothing, and whoever comes meanwhile waits for them to end: a dozen good ones at once are no guessing.
 */
import { type GuardLimits, GuessGuard } from './guess-guard.ts'

export interface PacedLimits extends GuardLimits {
  /** Tries at the same moment while nothing speaks against a key; as many as are free where it is not given. */
  readonly atOnce?: number
}

interface UnderWay {
  count: number
  /** Settles when one of them ends. */
  next: PromiseWithResolvers<void>
}

export class PacedGuard {
  readonly #guard: GuessGuard
  readonly #free: number
  readonly #atOnce: number
  readonly #underWay = new Map<string, UnderWay>()

  constructor({ atOnce, ...limits }: PacedLimits) {
    this.#guard = new GuessGuard(limits)
    this.#free = limits.free
    this.#atOnce = atOnce ?? limits.free
  }

  /** Milliseconds until `key` may try, by what has ended; 0: now. */
  waitOf(key: string, now: number): number {
    return this.#guard.waitOf(key, now)
  }

  /** Whether one more may try, if all of those under way turn out to be wrong. */
  hasRoom(key: string, now: number): boolean {
    const count = this.#underWay.get(key)?.count ?? 0
    const failures = this.#guard.failuresOf(key, now)
    return count === 0 || failures + count <= (failures === 0 ? this.#atOnce : this.#free)
  }

  /** Call it only where `waitOf` says 0 and there is room. */
  begin(key: string): void {
    const known = this.#underWay.get(key)
    if (known) known.count++
    else this.#underWay.set(key, { count: 1, next: Promise.withResolvers() })
  }

  end(key: string, { isWrong, now }: { readonly isWrong: boolean; readonly now: number }): void {
    if (isWrong) this.#guard.count(key, now)
    const known = this.#underWay.get(key)
    if (!known) return
    if (--known.count <= 0) this.#underWay.delete(key)
    const { resolve } = known.next
    known.next = Promise.withResolvers()
    resolve()
  }

  /** Until one of those under way ends. */
  async nextEnd(key: string): Promise<void> {
    await this.#underWay.get(key)?.next.promise
  }

  /** Forgets every failure of `key`. */
  forget(key: string): void {
    this.#guard.forget(key)
  }
}
