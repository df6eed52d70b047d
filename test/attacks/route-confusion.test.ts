import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileHostPattern } from '#src/route/host-pattern.ts'
import { compileRoutes } from '#src/route/route-table.ts'

test('a path in other escape digits does not slip past the guarded route to the open one', () => {
  const table = compileRoutes([
    { from: 'https://a.test', prefix: '/gr%C3%BC', value: 'guarded' },
    { from: 'https://a.test', value: 'open' },
  ])
  assert.equal(table.find('a.test', '', '/gr%c3%bc/x'), 'guarded')
  assert.equal(table.find('a.test', '', '/gr%C3%Bc/x'), 'guarded')
})

test('names of inherited properties are neither hosts nor paths', () => {
  const table = compileRoutes([{ from: 'https://a.test', path: '/a', value: 1 }])
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    assert.equal(table.find(name, '', '/a'), undefined)
    assert.equal(table.knownHost(name, ''), false)
    assert.equal(table.find('a.test', '', name), undefined)
  }
})

test('a host that ends or begins with a named one is another host', () => {
  const table = compileRoutes([
    { from: 'https://*.app.test', value: 1 },
    { from: 'https://app.test', value: 2 },
  ])
  for (const host of ['evilapp.test', 'a.app.test.evil.test', 'app.test.evil.test', 'app.testx']) {
    assert.equal(table.find(host, '', '/'), undefined, host)
  }
})

test('a letter that folds to ASCII only under the rules of Unicode names another host', () => {
  const kelvin = '\u212a'
  assert.equal(kelvin.toLowerCase(), 'k')
  const table = compileRoutes([
    { from: 'https://k.test', value: 1 },
    { from: 'https://*.k.test', value: 2 },
  ])
  assert.equal(table.find(`${kelvin}.test`, '', '/'), undefined)
  assert.equal(table.find(`a.${kelvin}.test`, '', '/'), undefined)
})

test('many stars in a pattern and a long host cost no more than one pass', () => {
  const takes = compileHostPattern(`${'a*'.repeat(2000)}b`)
  assert.equal(takes('a'.repeat(200_000)), false)
  assert.equal(takes(`${'a'.repeat(200_000)}b`), true)
})

test('a regex that would make a backtracking engine explode answers', () => {
  const table = compileRoutes([{ from: 'https://a.test', regex: '/(a+)+$', value: 1 }])
  assert.equal(table.find('a.test', '', `/${'a'.repeat(50_000)}!`), undefined)
  assert.equal(table.find('a.test', '', `/${'a'.repeat(50_000)}`), 1)
})

test('a regex must match from the first to the last letter, whatever lines the path could be cut into', () => {
  const table = compileRoutes([{ from: 'https://a.test', regex: '/a|/b', value: 1 }])
  for (const path of ['/a/secret', '/secret/b', '/a\n/b', '/b\n'])
    assert.equal(table.find('a.test', '', path), undefined)
})

test('ten thousand exact hosts are one look-up: no route is asked but those of the host', () => {
  const asked: string[] = []
  const entries = Array.from({ length: 10_000 }, (_, at) => ({
    from: `https://h${at}.test`,
    value: at,
    get prefix(): string {
      asked.push(`h${at}`)
      return '/'
    },
  }))
  const table = compileRoutes(entries)
  asked.length = 0
  assert.equal(table.find('h9999.test', '', '/'), 9999)
  assert.deepEqual(asked, [])
})
