import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { GuessGuard } from '#src/broker/guesses/guess-guard.ts'

const limits = { free: 3, firstWaitMs: 1_000, longestWaitMs: 60_000, forgetAfterMs: 600_000, keys: 10 }

/** A try that fails, as soon as it may be made. */
function fail(guard: GuessGuard, key: string, now: number): number {
  const at = now + guard.waitOf(key, now)
  guard.count(key, at)
  return at
}

test('some tries are free, then each waits twice as long as the one before, up to a limit', () => {
  const guard = new GuessGuard(limits)
  const waits: number[] = []
  let now = 0
  for (let tries = 0; tries < 12; tries++) {
    waits.push(guard.waitOf('alice', now))
    now = fail(guard, 'alice', now)
  }
  assert.deepEqual(waits, [0, 0, 0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
})

test('one key says nothing about another', () => {
  const guard = new GuessGuard(limits)
  for (let tries = 0; tries < 4; tries++) guard.count('alice', 0)
  assert.equal(guard.waitOf('alice', 0), 1_000)
  assert.equal(guard.waitOf('bob', 0), 0)
})

test('a key that was left alone is as new, and never before its wait is over', () => {
  const guard = new GuessGuard({ ...limits, forgetAfterMs: 100 })
  for (let tries = 0; tries < 4; tries++) guard.count('alice', 0)
  assert.equal(guard.waitOf('alice', 200), 800)
  assert.equal(guard.waitOf('alice', 1_000), 0)
  guard.count('alice', 1_000)
  assert.equal(guard.waitOf('alice', 1_000), 0)
})

test('a good try is forgotten whole, or taken back alone', () => {
  const guard = new GuessGuard(limits)
  for (let tries = 0; tries < 5; tries++) guard.count('alice', 0)
  guard.takeBack('alice')
  assert.equal(guard.waitOf('alice', 0), 0)
  guard.count('alice', 0)
  assert.equal(guard.waitOf('alice', 0), 2_000)
  guard.forget('alice')
  assert.equal(guard.size, 0)
  guard.takeBack('nobody')
  assert.equal(guard.size, 0)
})

test('a flood of names fills the guard and keeps nobody else out; who has to wait is not forgotten for it', () => {
  const guard = new GuessGuard(limits)
  for (let tries = 0; tries < 4; tries++) guard.count('alice', 0)
  for (let at = 0; at < 1_000; at++) {
    assert.equal(guard.waitOf(`name ${at}`, 0), 0)
    guard.count(`name ${at}`, 0)
    assert.ok(guard.size <= limits.keys)
  }
  assert.equal(guard.waitOf('alice', 0), 1_000)
})

test('where everybody in it has to wait, a new name waits, too, and no longer than the first wait at a time', () => {
  const guard = new GuessGuard(limits)
  for (let at = 0; at < limits.keys; at++) for (let tries = 0; tries < 4; tries++) guard.count(`name ${at}`, 0)
  assert.equal(guard.waitOf('bob', 0), limits.firstWaitMs)
  assert.equal(guard.waitOf('bob', limits.firstWaitMs), 0)
})

test('whatever is tried, the guard keeps to its bound, and no wait is longer than the longest', () => {
  const step = fc.record({
    key: fc.integer({ min: 0, max: 20 }).map(String),
    later: fc.integer({ min: 0, max: 100_000 }),
    does: fc.constantFrom('count', 'takeBack', 'forget'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const guard = new GuessGuard(limits)
      let now = 0
      for (const { key, later, does } of steps) {
        now += later
        const wait = guard.waitOf(key, now)
        assert.ok(wait >= 0 && wait <= limits.longestWaitMs)
        if (does !== 'count') guard[does as 'takeBack' | 'forget'](key)
        else if (wait === 0) guard.count(key, now)
        assert.ok(guard.size <= limits.keys)
      }
    }),
    { numRuns: 200 },
  )
})
