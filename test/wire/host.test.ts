import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAuthority, printAuthority } from '#src/wire/host.ts'

const piece = fc.constantFrom(
  ...[
    'a',
    'Z',
    '0',
    '127',
    '0x7f',
    '-',
    '_',
    '.',
    ':',
    '80',
    '443',
    '[',
    ']',
    '::1',
    '::ffff:1.2.3.4',
    '@',
    '/',
    '*',
    '%',
    ' ',
    'é',
  ],
)
const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))

test('what is read prints to an authority that reads the same', () => {
  fc.assert(
    fc.property(text, (sent) => {
      const authority = parseAuthority(sent)
      if (!authority) return
      assert.deepEqual(parseAuthority(printAuthority(authority)), authority)
      assert.match(authority.host, /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/)
      assert.match(authority.port, /^(?:[1-9][0-9]{0,4})?$/)
    }),
    { numRuns: 5000 },
  )
})

test('an accepted host is the host that URL reads, so that no two parts of the program disagree', () => {
  fc.assert(
    fc.property(text, (sent) => {
      const authority = parseAuthority(sent)
      if (!authority) return
      // URL also checks punycode, which no host here has.
      const url = new URL(`https://${printAuthority(authority)}/`)
      assert.equal(url.hostname, authority.host)
      assert.equal(url.port, authority.port === '443' ? '' : authority.port)
      assert.equal(url.username, '')
    }),
    { numRuns: 5000 },
  )
})

test('no text makes it throw', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (sent) => void parseAuthority(sent)))
})

test('the longest names are read, and one octet more is not', () => {
  const label = 'a'.repeat(63)
  const longest = `${label}.${label}.${label}.${'a'.repeat(61)}`
  assert.equal(longest.length, 253)
  assert.equal(parseAuthority(longest)?.host, longest)
  assert.equal(parseAuthority(`${longest}.:65535`)?.port, '65535')
  assert.equal(parseAuthority(`${longest}a`), undefined)
  assert.equal(parseAuthority(`${label}a.test`), undefined)
})

test('letters are folded by ASCII alone: nothing becomes a host by the case rules of Unicode', () => {
  assert.deepEqual(parseAuthority('WIKI.Corp.TEST'), { host: 'wiki.corp.test', port: '' })
  // The Kelvin sign folds to k, the dotted capital I to i and a mark, the long s to s.
  for (const sent of ['wi\u212ai.corp.test', 'w\u0130ki.corp.test', 'wiki.corp.te\u017ft', 'wiki。corp.test'])
    assert.equal(parseAuthority(sent), undefined, sent)
})
