import assert from 'node:assert/strict'
import { test } from 'node:test'
import { holdsMask, isSecretKey, MASK, maskSecrets, withoutSecretsOf } from '#src/broker/management/secret-keys.ts'

const config = {
  host: 'https://user:url-pw@idp.test/x',
  bindPW: 'bind-pw',
  CLIENTSECRET: 'client-secret',
  cilentSecert: 'not recognised, and not a secret key',
  apiKey: 12_345,
  keystonePassword: { nested: ['list-pw', { deep: 'deep-pw' }] },
  claimMapping: { groupsKey: 'groups', emailKey: 'mail' },
  authorizationURL: 'https://idp.test/auth',
  rootCAData: 'cHVibGlj',
} as const

test('secrets are masked by their keys, in any case and depth, and what is public stays', () => {
  assert.deepEqual(maskSecrets(config), {
    ...config,
    host: `https://${MASK}@idp.test/x`,
    bindPW: MASK,
    CLIENTSECRET: MASK,
    apiKey: MASK,
    keystonePassword: { nested: [MASK, { deep: MASK }] },
  })
})

test('a mask that comes back is noticed wherever it stands', () => {
  assert.equal(holdsMask(config), false)
  assert.equal(holdsMask(maskSecrets(config)), true)
  assert.equal(holdsMask({ a: [{ b: MASK }] }), true)
})

test('a message that quotes a secret loses it', () => {
  const text = 'cannot bind with bind-pw, client-secret or deep-pw at ldap://x:y@host'
  assert.equal(withoutSecretsOf(config, text), `cannot bind with ${MASK}, ${MASK} or ${MASK} at ldap://${MASK}@host`)
})

test('misspelt and foreign keys of secrets are secret, keys of claims and files are not', () => {
  for (const key of [
    'password',
    'Passwd',
    'client_secret',
    'bindPW',
    'privateKey',
    'token',
    'apikey',
    'serviceCredentials',
  ])
    assert.ok(isSecretKey(key), key)
  for (const key of [
    'userIDKey',
    'userNameKey',
    'groupsKey',
    'clientKey',
    'tokenURL',
    'username',
    'serviceAccountFilePath',
  ])
    assert.ok(!isSecretKey(key), key)
})
