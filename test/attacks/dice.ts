/**
 * Repeatable chance for attacks. OSTIARY_ATTACK_ROUNDS multiplies how many are made, OSTIARY_ATTACK_SEED chooses others.
 */

export const rounds = Math.max(0.01, Number(process.env['OSTIARY_ATTACK_ROUNDS'] ?? 1))
export const seed = Number(process.env['OSTIARY_ATTACK_SEED'] ?? 20261122)

export interface Dice {
  /** 0 … limit-1 */
  below(limit: number): number
  oneOf<T>(list: readonly T[]): T
  chance(probability: number): boolean
}

/** Repeatable chance (mulberry32). */
export function diceFor(salt: number): Dice {
  let state = (seed ^ Math.imul(salt + 1, 0x9e3779b1)) >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    below,
    chance: (probability) => next() < probability,
    oneOf(list) {
      const found = list[below(list.length)]
      if (found === undefined) throw new RangeError('nothing to choose from')
      return found
    },
  }
}

/** 0 … `count` times the rounds that were asked for. */
export function many(count: number): number[] {
  return Array.from({ length: Math.ceil(count * rounds) }, (_, at) => at)
}
