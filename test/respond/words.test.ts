import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timeInWords } from '#src/respond/times.ts'

const minute = 60_000
const hour = 60 * minute

for (const [distance, words] of [
  [0, 'just now'],
  [20_000, 'in less than a minute'],
  [minute, 'in 1 minute'],
  [59 * minute, 'in 59 minutes'],
  [59.9 * minute, 'in 1 hour'],
  [3 * hour, 'in 3 hours'],
  [23.9 * hour, 'in 1 day'],
  [14 * 24 * hour, 'in 14 days'],
  [100 * 24 * hour, 'in 3 months'],
  [800 * 24 * hour, 'in 2 years'],
  [-20_000, 'just now'],
  [-2 * minute, '2 minutes ago'],
] as const) {
  test(`${distance / 1000} seconds from now is "${words}"`, () => assert.equal(timeInWords(distance, 0), words))
}
