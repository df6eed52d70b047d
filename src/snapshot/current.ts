/** The snapshot in force: borrowed by each request at the door, swapped whole by a reload, retired after its last borrower. */

/** What a snapshot owns (leases on upstream pools, timers) ends here. */
export interface Retirable {
  retire(): void
}

interface Held<S> {
  readonly snapshot: S
  borrowers: number
  replaced: boolean
}

/** One request's hold on a snapshot; give it back by `using`. */
export class Borrowed<S extends Retirable> {
  readonly snapshot: S
  readonly #held: Held<S>

  constructor(held: Held<S>) {
    this.#held = held
    this.snapshot = held.snapshot
    held.borrowers++
  }

  [Symbol.dispose](): void {
    this.#held.borrowers--
    if (this.#held.replaced && this.#held.borrowers === 0) this.#held.snapshot.retire()
  }
}

export class Current<S extends Retirable> {
  #held: Held<S>

  constructor(first: S) {
    this.#held = { snapshot: first, borrowers: 0, replaced: false }
  }

  /** The snapshot in force, without a hold on it: for a look that ends at once. */
  get snapshot(): S {
    return this.#held.snapshot
  }

  borrow(): Borrowed<S> {
    return new Borrowed(this.#held)
  }

  /** Puts `next` in force. Requests under way finish with what they borrowed. */
  swap(next: S): void {
    const old = this.#held
    this.#held = { snapshot: next, borrowers: 0, replaced: false }
    old.replaced = true
    if (old.borrowers === 0) old.snapshot.retire()
  }
}
