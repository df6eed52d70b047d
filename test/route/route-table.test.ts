import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileHostPattern } from '#src/route/host-pattern.ts'
import { compileRoutes, type RouteEntry } from '#src/route/route-table.ts'

test('a host that is named exactly never falls through to a pattern', () => {
  const table = compileRoutes([
    { from: 'https://*.app.test', value: 'any' },
    { from: 'https://wiki.app.test', prefix: '/docs', value: 'wiki' },
  ])
  assert.equal(table.find('wiki.app.test', '', '/docs/a'), 'wiki')
  assert.equal(table.find('wiki.app.test', '', '/'), undefined)
  assert.equal(table.find('other.app.test', '', '/'), 'any')
  assert.equal(table.knownHost('wiki.app.test', ''), true)
  assert.equal(table.knownHost('app.test', ''), false)
})

test('a from with a port takes that port alone, and hides the host without port there', () => {
  const table = compileRoutes([
    { from: 'https://a.test', value: 'any' },
    { from: 'https://a.test:8443', prefix: '/x', value: 'eight' },
  ])
  assert.equal(table.find('a.test', '8443', '/x'), 'eight')
  assert.equal(table.find('a.test', '8443', '/y'), undefined)
  assert.equal(table.find('a.test', '443', '/y'), 'any')
  assert.equal(table.find('a.test', '9443', '/y'), 'any')
})

test('with any-port switched off a from takes no port, or the port of its scheme', () => {
  const table = compileRoutes(
    [
      { from: 'https://a.test', value: 's' },
      { from: 'http://b.test', value: 'p' },
      { from: 'https://*.c.test', value: 'w' },
    ],
    { anyPort: false },
  )
  assert.deepEqual(
    ['', '443', '80', '8443'].map((port) => table.find('a.test', port, '/')),
    ['s', 's', undefined, undefined],
  )
  assert.deepEqual(
    ['', '443', '80'].map((port) => table.find('b.test', port, '/')),
    ['p', undefined, 'p'],
  )
  assert.deepEqual(
    ['', '443', '80'].map((port) => table.find('x.c.test', port, '/')),
    ['w', 'w', undefined],
  )
})

test('a dot at the end of a host makes another host', () => {
  const table = compileRoutes([
    { from: 'https://a.test', value: 1 },
    { from: 'https://*.w.test', value: 2 },
  ])
  assert.equal(table.find('a.test.', '', '/'), undefined)
  assert.equal(table.find('x.w.test.', '', '/'), undefined)
})

test('an IPv6 address is one host in every spelling', () => {
  const table = compileRoutes([{ from: 'https://[2001:DB8:0:0::1]', value: 'six' }])
  assert.equal(table.find('[2001:db8::1]', '', '/'), 'six')
  assert.equal(table.find('[2001:0db8:0000::0001]', '8443', '/'), 'six')
})

test('an international name is matched in the form that clients send', () => {
  const table = compileRoutes([
    { from: 'https://Bücher.test', value: 'b' },
    { from: 'https://*.Bücher.test', value: 'g' },
  ])
  assert.equal(table.find('xn--bcher-kva.test', '', '/'), 'b')
  assert.equal(table.find('x.xn--bcher-kva.test', '', '/'), 'g')
})

test('of regex, path and prefix only the first that is set counts', () => {
  const table = compileRoutes([
    { from: 'https://a.test', regex: '/x.*', path: '/a', prefix: '/b', value: 'regex' },
    { from: 'https://a.test', path: '/a', prefix: '/c', value: 'path' },
  ])
  assert.deepEqual(
    ['/xy', '/a', '/b', '/c', '/yx'].map((path) => table.find('a.test', '', path)),
    ['regex', 'path', undefined, undefined, undefined],
  )
})

test('a from or a regex that cannot be read is refused with its text', () => {
  for (const from of [
    '',
    'a.test',
    'https://',
    'https://a.test/x',
    'https://u@a.test',
    'https://a.test:99999',
    'https://a b',
  ]) {
    assert.throws(() => compileRoutes([{ from, value: 1 }]), { name: 'TypeError', message: /cannot read from/ }, from)
  }
  assert.throws(() => compileRoutes([{ from: 'https://a.test', regex: '(?=x)', value: 1 }]), /cannot compile regex/)
})

/** The plainest matcher: every route in file order, no tables. */
function naiveFind(
  entries: readonly RouteEntry<number>[],
  host: string,
  port: string,
  path: string,
): number | undefined {
  const taken = entries.filter(({ from }) => {
    const [, name = '', wanted = ''] = /^https:\/\/([^:]*)(?::(.*))?$/.exec(from) ?? []
    return naiveGlob(name.toLowerCase(), host) && (wanted === '' || wanted === '443' || wanted === port)
  })
  const exact = taken.filter(({ from }) => !from.includes('*'))
  const withPort = exact.filter(({ from }) => /:(?!443$)[0-9]+$/.test(from))
  const candidates = withPort.length > 0 ? withPort : exact.length > 0 ? exact : taken
  return candidates.find((entry) =>
    entry.path === undefined ? path.startsWith(entry.prefix ?? '/') : path === entry.path,
  )?.value
}

function naiveGlob(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern[0] === '*') {
    return naiveGlob(pattern.slice(1), text) || (text !== '' && naiveGlob(pattern, text.slice(1)))
  }
  return text[0] === pattern[0] && naiveGlob(pattern.slice(1), text.slice(1))
}

const label = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '*b', 'a*b')
const hostPattern = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'))
const host = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'aab', 'ba'), { minLength: 1, maxLength: 4 })
  .map((l) => l.join('.'))
const port = fc.constantFrom('', '443', '8443', '9443')
const path = fc.constantFrom('/', '/a', '/a/', '/a/b', '/ab', '/b')

test('the table agrees with a naive matcher over random routes and requests', () => {
  const entry = fc.record({
    name: hostPattern,
    port: fc.constantFrom('', ':443', ':8443'),
    rule: fc.oneof(
      path.map((prefix) => ({ prefix })),
      path.map((exact) => ({ path: exact })),
      fc.constant({}),
    ),
  })
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 8 }), host, port, path, (list, asked, askedPort, askedPath) => {
      const entries = list.map(({ name, port: wanted, rule }, value) => ({
        from: `https://${name}${wanted}`,
        ...rule,
        value,
      }))
      const table = compileRoutes(entries)
      assert.equal(table.find(asked, askedPort, askedPath), naiveFind(entries, asked, askedPort, askedPath))
    }),
    { numRuns: 2000 },
  )
})

test('a host pattern agrees with a backtracking matcher, without backtracking', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 })
  fc.assert(
    fc.property(letters, text, (pattern, asked) => {
      assert.equal(compileHostPattern(pattern)(asked), naiveGlob(pattern, asked), `${pattern} ${asked}`)
    }),
    { numRuns: 3000 },
  )
})
