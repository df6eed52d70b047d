/** How many may do something at once: for each key, and altogether. */

export class Turns {
  readonly #limits: { readonly each: number; readonly all: number }
  readonly #taken = new Map<string, number>()
  #all = 0

  constructor(limits: { readonly each: number; readonly all: number }) {
    this.#limits = limits
  }

  /** To be given back by whoever has it; undefined where too many have one. */
  take(key: string): Disposable | undefined {
    const taken = this.#taken.get(key) ?? 0
    if (taken >= this.#limits.each || this.#all >= this.#limits.all) return undefined
    this.#taken.set(key, taken + 1)
    this.#all++
    return { [Symbol.dispose]: () => this.#giveBack(key) }
  }

  #giveBack(key: string): void {
    const left = (this.#taken.get(key) ?? 1) - 1
    this.#all--
    if (left > 0) this.#taken.set(key, left)
    else this.#taken.delete(key)
  }
}
