/** How long password checks take here, so that a name that does not exist takes as long as one that does. */
import { randomInt } from 'node:crypto'

const REMEMBERED = 32
/** A directory that was slow once should not make everybody wait. */
const LONGEST_MS = 2000

export class BindPace {
  readonly #spans: number[] = []

  remember(span: number): void {
    this.#spans.push(Math.min(Math.max(span, 0), LONGEST_MS))
    if (this.#spans.length > REMEMBERED) this.#spans.shift()
  }

  /** One of the spans that were seen: an average would stand out by always being the same. */
  any(): number {
    return this.#spans.length === 0 ? 0 : (this.#spans[randomInt(this.#spans.length)] ?? 0)
  }
}
