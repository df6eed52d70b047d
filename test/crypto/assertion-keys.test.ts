import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { calculateJwkThumbprint, createLocalJWKSet, jwtVerify } from 'jose'
import { assertionKeys } from '#src/crypto/assertion-keys.ts'
import { keyRing, randomSecret } from '#src/crypto/key-ring.ts'

const secret = randomSecret()
const ring = keyRing([secret], 'shared_secret')
const claims = { iss: 'wiki.corp.test', aud: 'wiki.corp.test', sub: 'ada', groups: ['é'] }
const asSecret = (text: string) => ({ reveal: () => text })
const pemOf = (type: 'pkcs8' | 'sec1' | 'pkcs1', key: 'ec' | 'rsa') => {
  const { privateKey } =
    key === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return String(privateKey.export({ format: 'pem', type } as Parameters<typeof privateKey.export>[0]))
}

async function verified(keys: ReturnType<typeof assertionKeys>) {
  return jwtVerify(keys.signAssertion(claims), createLocalJWKSet(JSON.parse(keys.jwks)))
}

test('without a signing key the key comes from the shared secret, the same in every instance', async () => {
  const keys = assertionKeys({ ring })
  const { payload, protectedHeader } = await verified(keys)
  assert.deepEqual(payload, claims)
  assert.equal(protectedHeader.alg, 'ES256')
  assert.equal(assertionKeys({ ring: keyRing([secret], 'shared_secret') }).jwks, keys.jwks)
  assert.notEqual(assertionKeys({ ring: keyRing([randomSecret()], 'shared_secret') }).jwks, keys.jwks)
})

test('after a change of the shared secret the derived keys of both secrets are published', () => {
  const keys = assertionKeys({ ring: keyRing([randomSecret(), secret], 'shared_secret') })
  const { kid } = JSON.parse(assertionKeys({ ring }).jwks).keys[0]
  assert.equal(JSON.parse(keys.jwks).keys.length, 2)
  assert.equal(JSON.parse(keys.jwks).keys[1].kid, kid)
})

for (const [type, key, alg] of [
  ['pkcs8', 'ec', 'ES256'],
  ['sec1', 'ec', 'ES256'],
  ['pkcs8', 'rsa', 'RS256'],
  ['pkcs1', 'rsa', 'RS256'],
] as const) {
  test(`a signing key in ${type} form (${key}) signs with ${alg}, raw or base64`, async () => {
    const pem = pemOf(type, key)
    for (const text of [
      pem,
      Buffer.from(pem).toString('base64'),
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${pem}`,
    ]) {
      const { protectedHeader } = await verified(assertionKeys({ signingKey: asSecret(text), ring }))
      assert.equal(protectedHeader.alg, alg)
    }
  })
}

test('the first of several keys signs, and all are published without their private parts', async () => {
  const [one, two] = [pemOf('pkcs8', 'ec'), pemOf('pkcs1', 'rsa')]
  const keys = assertionKeys({ signingKey: asSecret(one + two), ring })
  const published = JSON.parse(keys.jwks).keys
  assert.equal(published.length, 2)
  for (const jwk of published) {
    assert.equal(jwk.kid, Buffer.from(await calculateJwkThumbprint(jwk), 'base64url').toString('hex'))
    assert.equal(jwk.use, 'sig')
    for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) assert.equal(jwk[name], undefined)
  }
  assert.equal((await verified(keys)).protectedHeader.kid, published[0].kid)
})

test('other curves, short RSA keys, Ed25519 and noise are refused by name, never by content', () => {
  const bad = [
    generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
    generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey,
    generateKeyPairSync('ed25519').privateKey,
  ].map((key) => key.export({ format: 'pem', type: 'pkcs8' }).toString())
  bad.push('', 'noise', '-----BEGIN PRIVATE KEY-----\nMIIBVQ==\n-----END PRIVATE KEY-----')
  for (const text of bad) {
    assert.throws(
      () => assertionKeys({ signingKey: asSecret(text), ring }),
      (error: Error) => error.message.startsWith('cannot use signing_key') && !error.message.includes('MII'),
    )
  }
})
