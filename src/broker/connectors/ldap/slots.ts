/** Places that so many may hold at once; who comes later waits in a queue of bounded length, for a bounded time. */
import { GaveUp, type Patience, within } from './time-limit.ts'

export class Slots {
  readonly #most: number
  readonly #mostWaiting: number
  readonly #waiting = new Set<() => void>()
  #held = 0

  constructor({ most, mostWaiting }: { readonly most: number; readonly mostWaiting: number }) {
    this.#most = most
    this.#mostWaiting = mostWaiting
  }

  /** @throws GaveUp where the queue is full, the time is over, or nobody waits any more */
  async take(patience: Patience): Promise<Disposable> {
    if (this.#held < this.#most) this.#held += 1
    else await this.#wait(patience)
    let isHeld = true
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#giveBack()
        isHeld = false
      },
    }
  }

  async #wait(patience: Patience): Promise<void> {
    if (this.#waiting.size >= this.#mostWaiting) throw new GaveUp(`${this.#mostWaiting} others wait already`)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.add(resolve)
    await within(promise, { ...patience, giveUp: () => this.#waiting.delete(resolve) })
  }

  /** Hands the place to who has waited longest; it never becomes free in between. */
  #giveBack(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#held -= 1
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
