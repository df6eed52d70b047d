import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { keyRing, randomSecret } from '#src/crypto/key-ring.ts'
import { urlSigner } from '#src/crypto/signed-url.ts'
import { tokenMaker } from '#src/crypto/tokens.ts'

const now = 1_800_000_000_000
const secret = randomSecret()
const signer = urlSigner(keyRing([secret], 'shared_secret'))
const address =
  'https://authenticate.corp.test/.pomerium/sign_in?pomerium_redirect_uri=https%3A%2F%2Fwiki.corp.test%2Fa'

test('a signed address is good for five minutes and the leeway, and not before its time', () => {
  const signed = signer.sign(address, now)
  assert.ok(signed.startsWith(`${address}&pomerium_issued=`))
  assert.equal(signer.verify(signed, now), 'good')
  assert.equal(signer.verify(signed, now - 59_000), 'good')
  assert.equal(signer.verify(signed, now + 359_000), 'good')
  assert.equal(signer.verify(signed, now + 360_000), 'expired')
  assert.equal(signer.verify(signed, now - 61_000), 'expired')
})

test('an address without a query can be signed, one with a fragment cannot', () => {
  assert.equal(signer.verify(signer.sign('https://a.test/x', now), now), 'good')
  assert.throws(() => signer.sign('https://a.test/x#y', now), /fragment/)
})

test('changing, doubling, moving or leaving out anything is a forgery', () => {
  const signed = signer.sign(address, now)
  const bent = [
    address,
    signed.replace('authenticate.', 'evil.'),
    signed.replace('https:', 'http:'),
    signed.replace('wiki', 'evil'),
    signed.replace('sign_in', 'sign_out'),
    signed.replace(/pomerium_expiry=\d+/, 'pomerium_expiry=9999999999'),
    signed.replace(/&pomerium_signature=[\w-]+/, ''),
    signed.replace(/&pomerium_signature=[\w-]+/, '&pomerium_signature='),
    `${signed}&x=1`,
    `${signed}&pomerium_redirect_uri=https%3A%2F%2Fevil.test`,
    signed.replace('?', '?pomerium_redirect_uri=https%3A%2F%2Fevil.test&'),
    signed.replace('%2Fa', '%2fa'),
    `${signed}${signed.slice(signed.indexOf('&pomerium_issued'))}`,
  ]
  for (const url of bent) assert.equal(signer.verify(url, now), 'forged', url)
})

test('no change of one character is taken', () => {
  const signed = signer.sign(address, now)
  fc.assert(
    fc.property(fc.nat(signed.length - 1), fc.constantFrom('A', 'z', '0', '&', '%', '\n'), (at, sign) => {
      const bent = signed.slice(0, at) + sign + signed.slice(at + 1)
      assert.equal(signer.verify(bent, now), bent === signed ? 'good' : 'forged')
    }),
  )
})

test('the signature of another secret is a forgery, one of an older secret in the ring is not', () => {
  const fresh = randomSecret()
  const signed = signer.sign(address, now)
  assert.equal(urlSigner(keyRing([fresh], 'shared_secret')).verify(signed, now), 'forged')
  assert.equal(urlSigner(keyRing([fresh, secret], 'shared_secret')).verify(signed, now), 'good')
})

test('a form token is good for its subject, its purpose and its time only', () => {
  const ring = keyRing([secret], 'shared_secret')
  const maker = tokenMaker(ring, 'sign-out')
  const token = maker.make('session 1', now + 1000)
  assert.equal(maker.isGood(token, 'session 1', now), true)
  assert.equal(maker.isGood(token, 'session 2', now), false)
  assert.equal(maker.isGood(token, 'session 1', now + 1000), false)
  assert.equal(maker.isGood(token.replace(/^\d+/, '9999999999999'), 'session 1', now), false)
  assert.equal(tokenMaker(ring, 'other').isGood(token, 'session 1', now), false)
  for (const noise of ['', '.', token.slice(1), `${token}x`]) assert.equal(maker.isGood(noise, 'session 1', now), false)
})
