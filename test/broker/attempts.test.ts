import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Attempts } from '#src/broker/attempts.ts'

const limits = { failures: 3, windowMs: 1000, keys: 2 }

test('after so many tries the next one waits until the window has passed', () => {
  const attempts = new Attempts(limits)
  for (let tries = 0; tries < 3; tries++) assert.equal(attempts.begin('a', 100), 0)
  assert.equal(attempts.begin('a', 400), 700)
  assert.equal(attempts.begin('a', 1099), 1)
  assert.equal(attempts.begin('a', 1100), 0)
})

test('one key does not hold up another', () => {
  const attempts = new Attempts(limits)
  for (let tries = 0; tries < 9; tries++) attempts.begin('a', 0)
  assert.equal(attempts.begin('b', 0), 0)
})

test('a good try does not count', () => {
  const attempts = new Attempts(limits)
  for (let tries = 0; tries < 9; tries++) {
    assert.equal(attempts.begin('a', 0), 0)
    attempts.takeBack('a')
  }
})

test('a flood of keys makes new ones wait instead of forgetting who is held up', () => {
  const attempts = new Attempts(limits)
  for (let tries = 0; tries < 3; tries++) attempts.begin('a', 0)
  attempts.begin('b', 0)
  for (let other = 0; other < 100; other++) assert.equal(attempts.begin(`flood ${other}`, 10), 1000)
  assert.ok(attempts.begin('a', 10) > 0)
  assert.equal(attempts.begin('c', 1001), 0, 'windows that have passed make room')
})
