import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RE2JS } from 're2js'
import { pathsOfPattern } from '#src/trial/compare/pattern-paths.ts'

const patterns: readonly (readonly [string, readonly string[]])[] = [
  ['^/api/v[0-9]+/.*', ['/api/v1/x', '/api/v11/x', '/api/v1/']],
  ['^/a(dmin)?/.*$', ['/admin/x', '/a/x']],
  ['/(a|b|cc(?:d|e)?)/x{2,4}', ['/a/xx', '/b/xx', '/cce/xx', '/cc/xx', '/a/xxxx']],
  ['/\\w+\\.(png|jpe?g)', ['/x.png', '/x.jpeg', '/x.jpg']],
  ['/[^/]+/edit', ['/x/edit', '/xx/edit']],
  ['/[[:alpha:]]+/[\\]x]', ['/x/x', '/x/]']],
  ['/(?P<id>[a-f0-9]{8})', ['/11111111']],
  ['/\\Qa.b\\E\\x41', ['/a.bA']],
  ['(?i)^/Admin', ['/Admin']],
  ['.*', ['/x', '/']],
]

for (const [pattern, wanted] of patterns) {
  test(`paths of ${pattern} are its alternatives and the ends of what it repeats, and all fit`, () => {
    const paths = pathsOfPattern(pattern)
    const compiled = RE2JS.compile(pattern)
    assert.deepEqual(
      paths.filter((path) => !compiled.testExact(path)),
      [],
    )
    assert.deepEqual(
      wanted.filter((path) => !paths.includes(path)),
      [],
    )
  })
}

test('no pattern makes many paths, or takes long', () => {
  const hostile = `/${'(a|b|[0-9a-z]{1,1000}|'.repeat(40)}x${')*'.repeat(40)}`
  assert.ok(pathsOfPattern(hostile).length <= 60)
  assert.ok(pathsOfPattern('/(a|b)'.repeat(300)).length <= 60)
  assert.deepEqual(pathsOfPattern('/a)b'), [])
})
