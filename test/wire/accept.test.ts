import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { acceptsType, preferredType } from '#src/wire/accept.ts'

const types: readonly [string, ...string[]] = ['text/html', 'application/json', 'text/plain']

const cases: readonly (readonly [accept: string | undefined, type: string])[] = [
  [undefined, 'text/html'],
  ['', 'text/html'],
  ['*/*', 'text/html'],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html'],
  ['application/json', 'application/json'],
  ['application/json, text/plain, */*', 'application/json'],
  ['application/json;q=0.5, text/plain', 'text/plain'],
  ['text/*;q=0.9, text/html;q=0.1', 'text/plain'],
  ['*/*;q=0.1, text/html;q=0', 'application/json'],
  ['APPLICATION/JSON', 'application/json'],
  ['application/json; charset=utf-8', 'application/json'],
  ['image/png', 'text/html'],
  ['text/html;q=1.5, application/json;q=x', 'text/html'],
  ['nonsense', 'text/html'],
  ['*/json', 'text/html'],
  ['text/html;q=0, application/json;q=0, text/plain;q=0', 'text/html'],
]

test('the type that the client likes best is chosen, and the first one where it says nothing usable', () => {
  for (const [accept, type] of cases) assert.equal(preferredType(accept, types), type, accept ?? 'none')
})

test('whatever the field holds, the answer is one of ours', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (accept) => {
      assert.ok(types.includes(preferredType(accept, types)))
    }),
  )
})

test('acceptsType tells a type that is welcome from one that is not', () => {
  assert.equal(acceptsType('image/*', 'image/png'), true)
  assert.equal(acceptsType('image/*', 'text/html'), false)
  assert.equal(acceptsType('text/html;q=0, */*', 'text/html'), false)
  assert.equal(acceptsType(undefined, 'text/html'), true)
})
