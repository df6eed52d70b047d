import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { askAt, holdsUntil, pauseAfter } from '#src/session/upkeep-times.ts'

const seconds = (span: number, { interval = 0, random = 0 } = {}) =>
  askAt({ now: 0, endsAt: span * 1000, interval: interval * 1000, random }) / 1000

test('a token is refreshed at four fifths of its life, and with a minute to spare', () => {
  assert.equal(seconds(3600), 2880)
  assert.equal(seconds(300), 240)
  assert.equal(seconds(120), 60)
  assert.equal(seconds(66), 6)
  assert.equal(seconds(3600, { random: 1 }), 2592)
})

test('the interval is the longest wait where it is shorter', () => {
  assert.equal(seconds(86_400, { interval: 3600 }), 3600)
  assert.equal(seconds(300, { interval: 3600 }), 240)
})

test('whatever a provider says, the wait is some seconds at the least and ends before the word does', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 0 }),
      fc.nat(),
      fc.float({ min: 0, max: 1, noNaN: true }),
      (endsAt, now, interval, random) => {
        const until = holdsUntil(endsAt, now)
        const at = askAt({ now, endsAt: until, interval, random })
        return at >= now + 4500 && at < until && until >= endsAt
      },
    ),
  )
})

test('pauses double up to a minute, a fifth more or less', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 99].map((failures) => pauseAfter(failures, 0.5)),
    [5, 10, 20, 40, 60, 60].map((s) => s * 1000),
  )
  assert.deepEqual([pauseAfter(1, 0), pauseAfter(1, 1)].map(Math.round), [4000, 6000])
})
