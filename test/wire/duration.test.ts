import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseDuration, printDuration } from '#src/wire/duration.ts'

test('Go durations are read with all their units', () => {
  const cases: [string, number][] = [
    ['0', 0],
    ['0s', 0],
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['5.s', 5000],
    ['500ms', 500],
    ['250us', 0.25],
    ['250\u00b5s', 0.25],
    ['-1m', -60_000],
    ['+1m', 60_000],
  ]
  for (const [text, span] of cases) assert.equal(parseDuration(text), span, text)
})

test('what Go refuses is refused', () => {
  for (const text of [
    '',
    '30',
    '-30',
    '1.5',
    '1d',
    '10S',
    'forever',
    '1h 30m',
    ' 1s',
    '1s ',
    's',
    '.s',
    '1h-3m',
    '1e3s',
    '٣s',
    '99999999h',
  ]) {
    assert.throws(() => parseDuration(text), RangeError, JSON.stringify(text))
  }
})

test('spans are printed as Go prints them', () => {
  const cases: [number, string][] = [
    [0, '0s'],
    [500, '500ms'],
    [1500, '1.5s'],
    [60_000, '1m0s'],
    [5_400_000, '1h30m0s'],
    [0.25, '250\u00b5s'],
    [-1000, '-1s'],
  ]
  for (const [span, text] of cases) assert.equal(printDuration(span), text)
})

test('what is printed is read as the same span', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e11, max: 1e11 }), (span) =>
      assert.equal(parseDuration(printDuration(span)), span),
    ),
  )
})

test('no text makes the parser do anything but answer or refuse with a RangeError', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.+-hmsnuµ '), maxLength: 30 }), (text) => {
      try {
        assert.ok(Number.isFinite(parseDuration(text)))
      } catch (error) {
        assert.ok(error instanceof RangeError)
      }
    }),
  )
})
