/** Counts what agrees, what differs on purpose, and what cannot be asked yet; the lists of differences are held to it. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { differingIds } from '#test/vectors/read-vectors.ts'

export class Verdicts {
  readonly #listed = new Set<string>()
  readonly #differing = new Set<string>()
  readonly #wrong: { id: string; about: string; seen: unknown; expected: unknown }[] = []
  readonly #skipped = new Map<string, number>()
  #compared = 0

  /** @param lists names of the difference lists whose ids may differ here */
  constructor(lists: readonly string[]) {
    for (const list of lists) for (const id of differingIds(list)) this.#listed.add(id)
  }

  /** A vector that needs something this version does not have. */
  skip(need: string): void {
    this.#skipped.set(need, (this.#skipped.get(need) ?? 0) + 1)
  }

  compare(id: string, { about, seen, expected }: { about: string; seen: unknown; expected: unknown }): void {
    this.#compared++
    if (isDeepStrictEqual(seen, expected)) return
    this.#differing.add(id)
    if (!this.#listed.has(id)) this.#wrong.push({ id, about, seen, expected })
  }

  /** Fails for a difference that is not listed, and for a listed one (of those with `prefix`) that is none. */
  end(context: TestContext, { prefix, atLeast }: { prefix: string; atLeast: number }): void {
    context.diagnostic(`${this.#compared} compared, ${this.#differing.size} differ on purpose`)
    for (const [need, count] of this.#skipped) context.diagnostic(`${count} skipped: they need ${need}`)
    for (const { id, about, seen, expected } of this.#wrong.slice(0, 40)) {
      context.diagnostic(`${id} ${about}: got ${JSON.stringify(seen)}, expected ${JSON.stringify(expected)}`)
    }
    assert.deepEqual(
      this.#wrong.map(({ id }) => id),
      [],
      'these differ and are not listed',
    )
    const stale = [...this.#listed].filter((id) => id.startsWith(prefix) && !this.#differing.has(id))
    assert.deepEqual(stale, [], 'these are listed as different and are not')
    assert.ok(this.#compared >= atLeast, `only ${this.#compared} were compared`)
  }
}
