import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as headers from '#src/wire/headers.ts'

const list = [
  'accept',
  'a',
  'cookie',
  'a=1',
  'Accept',
  'x',
  'accept',
  'b',
  'cookie',
  'b=2',
  'connection',
  'Close, X-Hop ,',
]

test('a field is read by its lower-case name, repeats joined in their own way', () => {
  assert.equal(headers.headerOf(list, 'accept'), 'a, b')
  assert.equal(headers.headerOf(list, 'cookie'), 'a=1; b=2')
  assert.equal(headers.headerOf(list, 'a'), undefined)
  assert.deepEqual(headers.headersOf(list, 'accept'), ['a', 'b'])
  assert.equal(headers.hasHeader(list, 'cookie'), true)
  assert.equal(headers.hasHeader(list, 'b'), false)
  assert.deepEqual(
    [...headers.headerPairs(['a', '1', 'b', '2'])],
    [
      ['a', '1'],
      ['b', '2'],
    ],
  )
})

test('a field value is never taken for a name', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('a', 'b', 'c'))), (pairs) => {
      const flat = pairs.flat()
      assert.equal(headers.hasHeader(flat, 'c'), false)
      assert.deepEqual(
        headers.withoutHeaders(flat, (name) => name === 'a'),
        pairs.filter(([name]) => name !== 'a').flat(),
      )
    }),
  )
})

test('what Connection names is read as tokens in lower case', () => {
  assert.deepEqual(headers.connectionOptions(list), ['close', 'x-hop'])
  assert.deepEqual(headers.listMembers(' a ,, b,'), ['a', 'b'])
  assert.deepEqual(headers.listMembers(undefined), [])
})

test('tokens and field values are told from what is none', () => {
  assert.equal(headers.isToken("X-a!#$%&'*+.^_`|~9"), true)
  for (const text of ['', 'a b', 'a:', 'é', 'a\0']) assert.equal(headers.isToken(text), false, text)
  for (const text of ['', 'a', 'a b\tc', '\xe9']) assert.equal(headers.isFieldValue(text), true, text)
  for (const text of [' a', 'a ', 'a\r\nb', 'a\0', 'a\x7f', 'ā', '\t'])
    assert.equal(headers.isFieldValue(text), false, text)
})
