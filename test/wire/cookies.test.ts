import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cookiesOf, printSetCookie, setCookieName, withoutCookies } from '#src/wire/cookies.ts'

const header = fc
  .array(fc.constantFrom('a', 'b', '__Host-x', '=', ';', '; ', ' ', '\t', '"', ',', '%3B', '\\', 'é'), {
    maxLength: 20,
  })
  .map((pieces) => pieces.join(''))

test('cookies are read with their bytes, equal names and nameless values included', () => {
  assert.deepEqual(cookiesOf('a=1; b="x; c=3" ;d; =e;;a=2=3'), [
    { name: 'a', value: '1' },
    { name: 'b', value: '"x' },
    { name: 'c', value: '3"' },
    { name: '', value: 'd' },
    { name: '', value: 'e' },
    { name: 'a', value: '2=3' },
  ])
  assert.deepEqual(cookiesOf(undefined), [])
  assert.deepEqual(cookiesOf(' ; '), [])
})

test('a cookie that leaves is gone for every reader, and the others keep their bytes and order', () => {
  fc.assert(
    fc.property(header, (text) => {
      const leaves = (name: string) => name.toLowerCase().startsWith('__host-')
      const kept = withoutCookies(text, leaves)
      assert.deepEqual(
        cookiesOf(kept),
        cookiesOf(text).filter(({ name }) => !leaves(name)),
      )
      assert.equal(withoutCookies(kept, leaves), kept)
    }),
  )
  assert.equal(
    withoutCookies('s=1;  theme=a"b ; s=2', (name) => name === 's'),
    'theme=a"b',
  )
  assert.equal(
    withoutCookies('s=1', () => true),
    '',
  )
})

test('a Set-Cookie line is printed with all that was asked', () => {
  const line = printSetCookie({
    name: '__Host-x',
    value: 'abc',
    secure: true,
    httpOnly: true,
    sameSite: 'lax',
    maxAge: 60,
    expires: 0,
  })
  assert.equal(
    line,
    '__Host-x=abc; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly; SameSite=Lax',
  )
  assert.equal(
    printSetCookie({ name: 'a', value: '', path: '/oauth2/callback', domain: 'b.test' }),
    'a=; Path=/oauth2/callback; Domain=b.test',
  )
})

test('nothing can be added to a printed line', () => {
  const bad = fc.string({ unit: 'binary' }).filter((text) => /[;\s\0",\\\x7f-\uffff]/.test(text))
  fc.assert(
    fc.property(bad, (text) => {
      assert.throws(() => printSetCookie({ name: text, value: 'a' }), TypeError)
      assert.throws(() => printSetCookie({ name: 'a', value: text }), TypeError)
      assert.throws(() => printSetCookie({ name: 'a', value: 'a', domain: text }), TypeError)
    }),
  )
  for (const path of ['', 'x', '/;x', '/\r\n']) {
    assert.throws(() => printSetCookie({ name: 'a', value: 'a', path }), TypeError)
  }
  assert.throws(() => printSetCookie({ name: 'a', value: 'a', maxAge: 1.5 }), TypeError)
})

test('what is printed is read back, by name and by value', () => {
  const octet = fc.constantFrom(...Array.from("azAZ09!#$%&'()*+-./:<=>?@[]^_`{|}~"))
  const value = fc.array(octet).map((octets) => octets.join(''))
  fc.assert(
    fc.property(value, (text) => {
      const line = printSetCookie({ name: 'name', value: text, secure: true })
      assert.equal(setCookieName(line), 'name')
      assert.deepEqual(cookiesOf(line.split(';')[0]), [{ name: 'name', value: text }])
    }),
  )
})

test('the name in a foreign Set-Cookie line is the one that a browser reads', () => {
  assert.equal(setCookieName(' \t__HOST-x \t= v; Path=/'), '__HOST-x')
  assert.equal(setCookieName('novalue; a=b'), '')
  assert.equal(setCookieName('=__Host-x=1'), '')
})
