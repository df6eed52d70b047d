/** How much was decided and answered, and how: what tells a configuration that keeps people out from one that does not. */

export interface TrafficCounts {
  /** Requests that were let in or denied; who was sent to sign in is neither. */
  readonly decided: number
  readonly denied: number
  /** Requests that were answered. */
  readonly answered: number
  /** Those with a status of 5xx. */
  readonly failed: number
}

const parts = ['decided', 'denied', 'answered', 'failed'] as const

/** The counts of each second of the last hour. */
const SECONDS = 3600

export class TrafficHistory {
  readonly #counts = new Uint32Array(SECONDS * parts.length)
  /** The second that each slot stands for. */
  readonly #seconds = new Float64Array(SECONDS).fill(-1)

  add(part: (typeof parts)[number], now: number): void {
    const second = Math.floor(now / 1000)
    const slot = second % SECONDS
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second
      this.#counts.fill(0, slot * parts.length, (slot + 1) * parts.length)
    }
    const at = slot * parts.length + parts.indexOf(part)
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
  }

  /** Sums of the last `window` milliseconds (at most an hour), the second under way included. */
  last(window: number, now: number): TrafficCounts {
    const second = Math.floor(now / 1000)
    const sums = { decided: 0, denied: 0, answered: 0, failed: 0 }
    for (let back = 0; back < Math.min(SECONDS, Math.ceil(window / 1000)); back++) {
      const slot = (second - back) % SECONDS
      if (this.#seconds[slot] !== second - back) continue
      for (const [index, part] of parts.entries()) sums[part] += this.#counts[slot * parts.length + index] ?? 0
    }
    return sums
  }
}

/** The counts of one configuration, each told to the history as well. */
export class Traffic implements TrafficCounts {
  decided = 0
  denied = 0
  answered = 0
  failed = 0
  readonly #history: TrafficHistory

  constructor(history: TrafficHistory) {
    this.#history = history
  }

  decision(kind: 'allow' | 'deny' | 'sign-in', now: number): void {
    if (kind === 'sign-in') return
    this.#add('decided', now)
    if (kind === 'deny') this.#add('denied', now)
  }

  answer(status: number, now: number): void {
    this.#add('answered', now)
    if (status >= 500 && status < 600) this.#add('failed', now)
  }

  #add(part: (typeof parts)[number], now: number): void {
    this[part]++
    this.#history.add(part, now)
  }
}
