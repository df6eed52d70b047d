import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalPath, type PathOptions } from '#src/wire/path.ts'

const piece = fc.constantFrom(
  ...['/', '//', '.', '..', '/.', '/..', '%2e', '%2E', '%2f', '%2F', '%5c', '%5C', '%25', '%', '%41', '%7e', '%c3%a9'],
  ...[
    '%c0%ae',
    '%ff',
    '%00',
    ';',
    ';x=1',
    '\\',
    'a',
    'b',
    '~',
    '{',
    '|',
    '"',
    '<',
    '^',
    '?',
    '?x=/../%2f',
    '#',
    ' ',
    'é',
    '%',
  ],
)
const target = fc.array(piece, { maxLength: 14 }).map((pieces) => `/${pieces.join('')}`)
const options: fc.Arbitrary<PathOptions> = fc.record({
  normalizePath: fc.boolean(),
  mergeSlashes: fc.boolean(),
  escapedSlashes: fc.constantFrom('reject_request', 'keep_unchanged', 'unescape_and_redirect', 'unescape_and_forward'),
})

test('the canonical path of a canonical path is itself, under every set of options', () => {
  fc.assert(
    fc.property(target, options, (text, how) => {
      const once = canonicalPath(text, how)
      if (once.kind !== 'path' && once.kind !== 'redirect') return
      const twice = canonicalPath(once.path + once.query, how)
      assert.deepEqual(twice, { kind: 'path', path: once.path, query: once.query })
    }),
    { numRuns: 5000 },
  )
})

test('a canonical path holds what it promises', () => {
  fc.assert(
    fc.property(target, options, (text, how) => {
      const made = canonicalPath(text, how)
      if (made.kind !== 'path' && made.kind !== 'redirect') return
      assert.match(made.path, /^\/[\x21-\x7e]*$/)
      assert.doesNotMatch(made.path, /[\\?#]|%(?![0-9a-f]{2})|%00/i)
      assert.doesNotThrow(() => decodeURIComponent(made.path))
      if (how.normalizePath) assert.doesNotMatch(made.path, /\/(?:\.|%2e){1,2}(?:;|\/|$)|["<>^`{|}]/i)
      if (how.mergeSlashes || made.kind === 'redirect')
        assert.doesNotMatch(made.path, how.mergeSlashes ? /\/\// : /^\/\//)
      if (how.escapedSlashes !== 'keep_unchanged') assert.doesNotMatch(made.path, /%2f|%5c/i)
      const question = text.indexOf('?')
      assert.equal(made.query, question === -1 ? '' : text.slice(question))
    }),
    { numRuns: 5000 },
  )
})

test('whatever the text is, the answer is a value and never an exception', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), options, (text, how) => {
      assert.ok(canonicalPath(text, how).kind)
    }),
  )
})

test('with a slash behind an escape the canonical path can be reached in no other segment', () => {
  const keep: PathOptions = { normalizePath: true, mergeSlashes: true, escapedSlashes: 'keep_unchanged' }
  assert.deepEqual(canonicalPath('/a%2F..%2Fb/../c', keep), { kind: 'path', path: '/c', query: '' })
  assert.deepEqual(canonicalPath('/a//../b', keep), { kind: 'path', path: '/a/b', query: '' })
})
