/**
 * Keeps anybody from filling the store: what each owner has in it (a network without a sign-in, a person with many) is
 * bounded, and so is what all have together. Whoever takes more loses the oldest of their own first.
 */

export interface Share {
  readonly count: number
  readonly octets: number
}

export interface ShareLimits {
  readonly each: Share
  readonly all: Share
  /** What happens to the oldest when all have too much: it leaves the store, or it is only counted no longer. */
  readonly whenFull: 'drop' | 'forget'
}

export interface TakenRecord {
  readonly kind: string
  readonly id: string
  readonly octets: number
  /** Milliseconds since the epoch. */
  readonly endsAt: number
}

interface Taken extends TakenRecord {
  readonly owner: string
}

interface Holding {
  readonly records: Map<string, Taken>
  octets: number
}

export class Shares {
  readonly #limits: ShareLimits
  readonly #drop: (record: TakenRecord) => void
  readonly #owners = new Map<string, Holding>()
  /** In the order they were taken. */
  readonly #all = new Map<string, Taken>()
  #octets = 0

  /** `drop` takes a record out of the store. */
  constructor(limits: ShareLimits, drop: (record: TakenRecord) => void) {
    this.#limits = limits
    this.#drop = drop
  }

  get size(): number {
    return this.#all.size
  }

  /** A record that was just written for `owner`; the same id again replaces it. */
  take(owner: string, record: TakenRecord, now: number): void {
    const key = keyOf(record)
    this.#forget(key)
    const holding = this.#owners.get(owner) ?? { records: new Map(), octets: 0 }
    const taken = { ...record, owner }
    this.#owners.set(owner, holding)
    this.#all.set(key, taken)
    holding.records.set(key, taken)
    holding.octets += record.octets
    this.#octets += record.octets
    this.#forgetEnded(now)
    const { each, all, whenFull } = this.#limits
    while (holding.records.size > each.count || holding.octets > each.octets) this.#dropOldest(holding.records)
    while (this.#all.size > all.count || this.#octets > all.octets) {
      if (whenFull === 'drop') this.#dropOldest(this.#isGreedy(holding) ? holding.records : this.#all)
      else this.#forgetOldest()
    }
  }

  /** It is gone, or has become somebody's. */
  giveBack(record: Pick<TakenRecord, 'kind' | 'id'>): void {
    this.#forget(keyOf(record))
  }

  /** More than what all would have if they had as much. */
  #isGreedy({ records, octets }: Holding): boolean {
    const { all } = this.#limits
    return records.size > all.count / this.#owners.size || octets > all.octets / this.#owners.size
  }

  #dropOldest(records: Map<string, Taken>): void {
    const [oldest] = records.entries()
    if (!oldest) return
    this.#forget(oldest[0])
    this.#drop(oldest[1])
  }

  #forgetOldest(): void {
    const [oldest] = this.#all.keys()
    if (oldest !== undefined) this.#forget(oldest)
  }

  /** From the oldest on, as far as they have ended: the store has dropped them by itself. */
  #forgetEnded(now: number): void {
    for (const [key, { endsAt }] of this.#all) {
      if (endsAt > now) return
      this.#forget(key)
    }
  }

  #forget(key: string): void {
    const taken = this.#all.get(key)
    const holding = taken && this.#owners.get(taken.owner)
    if (!taken || !holding) return
    this.#all.delete(key)
    holding.records.delete(key)
    holding.octets -= taken.octets
    this.#octets -= taken.octets
    if (holding.records.size === 0) this.#owners.delete(taken.owner)
  }
}

function keyOf({ kind, id }: Pick<TakenRecord, 'kind' | 'id'>): string {
  return `${kind} ${id}`
}
