import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ProviderName, providerProfile } from '#src/identity/presets.ts'

test('presets know issuers, scopes and parameters', () => {
  const google = providerProfile({ provider: 'google' })
  assert.equal(google.issuer, 'https://accounts.google.com')
  assert.equal(google.scope, 'openid profile email')
  assert.deepEqual(google.requestParams, { prompt: 'select_account consent', access_type: 'offline' })
  assert.equal(providerProfile({ provider: 'azure' }).userIdClaim, 'oid')
  assert.equal(providerProfile({ provider: 'gitlab', url: 'https://git.corp.test' }).issuer, 'https://git.corp.test')
})

test('idp_request_params replace those of the preset, except the form answer of Apple', () => {
  assert.deepEqual(providerProfile({ provider: 'google', requestParams: { hd: 'corp.test' } }).requestParams, {
    hd: 'corp.test',
  })
  const apple = providerProfile({ provider: 'apple', requestParams: { x: '1' } })
  assert.deepEqual(apple.requestParams, { x: '1', response_mode: 'form_post' })
  assert.equal(apple.answersByPost, true)
  assert.equal(apple.scope, 'openid name email')
})

test('configured scopes replace the preset, openid is always asked for, an empty list counts as unset', () => {
  assert.equal(
    providerProfile({ provider: 'oidc', url: 'https://a.test', scopes: ['email', 'groups'] }).scope,
    'openid email groups',
  )
  assert.equal(
    providerProfile({ provider: 'oidc', url: 'https://a.test', scopes: [] }).scope,
    'openid profile email offline_access',
  )
})

test('what needs an address says so, and what speaks no OpenID Connect is refused', () => {
  for (const provider of ['oidc', 'okta', 'auth0', 'onelogin', 'ping', 'cognito'] as ProviderName[]) {
    assert.throws(() => providerProfile({ provider }), /idp_provider_url is not set/)
  }
  for (const provider of ['github', 'hosted'] as ProviderName[])
    assert.throws(() => providerProfile({ provider }), new RegExp(provider))
})
