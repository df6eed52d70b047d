/** Which of a route's targets serves the next request: smooth weighted round robin over those that answer. */
import type { UpstreamLease } from './upstream-pools.ts'

export interface Target {
  readonly lease: UpstreamLease
  /** Host as it is sent where the route does not say another: as written in `to`, without the scheme's own port. */
  readonly host: string
  readonly weight: number
}

/** Milliseconds for which a target that could not be reached is passed over; doubles with each failure in a row. */
const coolDown = { first: 2000, longest: 60_000 }

interface Standing {
  readonly target: Target
  current: number
  failures: number
  deadUntil: number
}

export class Targets {
  readonly #standings: readonly Standing[]

  /** `targets` must not be empty; weights are above 0. */
  constructor(targets: readonly Target[]) {
    this.#standings = targets.map((target) => ({ target, current: 0, failures: 0, deadUntil: 0 }))
  }

  get count(): number {
    return this.#standings.length
  }

  /**
   * The next target at `now` (ms). Those that failed lately are passed over, and those in `tried`; where nothing else is
   * left, one that failed is tried again rather than nobody. Undefined when all were tried.
   */
  pick(now: number, tried: readonly Target[]): Target | undefined {
    if (this.#standings.length === 1) {
      const only = this.#standings[0]?.target
      return only && !tried.includes(only) ? only : undefined
    }
    const untried = this.#standings.filter(({ target }) => !tried.includes(target))
    const alive = untried.filter(({ deadUntil }) => deadUntil <= now)
    return next(alive.length > 0 ? alive : untried)
  }

  /** Notes that `target` could not be reached. */
  failed(target: Target, now: number): void {
    const standing = this.#standings.find((other) => other.target === target)
    if (!standing) return
    standing.deadUntil = now + Math.min(coolDown.first * 2 ** Math.min(standing.failures, 10), coolDown.longest)
    standing.failures++
  }

  /** Notes that `target` answered. */
  answered(target: Target): void {
    if (this.#standings.length === 1) return
    const standing = this.#standings.find((other) => other.target === target)
    if (!standing) return
    standing.failures = 0
    standing.deadUntil = 0
  }

  release(): void {
    for (const { target } of this.#standings) target.lease.release()
  }
}

/** Smooth weighted round robin: each gains its weight, the richest serves and pays the total. */
function next(standings: readonly Standing[]): Target | undefined {
  let total = 0
  let richest: Standing | undefined
  for (const standing of standings) {
    total += standing.target.weight
    standing.current += standing.target.weight
    if (!richest || standing.current > richest.current) richest = standing
  }
  if (!richest) return undefined
  richest.current -= total
  return richest.target
}
