/** Tokens that a source, or somebody who has it, may try on the `oidc` connector. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RedirectConnector } from '#src/broker/connectors/connector.ts'
import { readMetadata } from '#src/broker/connectors/oidc/read-metadata.ts'
import { openOidcConnector } from '#src/broker/connectors/oidc.ts'
import { oidcSettings } from '#src/config/dex/connectors/oidc.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { type Lies, type LyingIdp, startLyingIdp } from '#test/actors/lying-idp.ts'
import {
  begin,
  callbackUrl,
  end,
  noHurry,
  offline,
  refusal,
  settingsOf,
  testTools,
} from '#test/broker/connectors/upstream-visit.ts'

type Json = Record<string, unknown>

function open(idp: LyingIdp, change: Json = {}): RedirectConnector {
  const raw = { issuer: idp.issuer, clientID: 'pom', clientSecret: 'pomerium', redirectURI: callbackUrl, ...change }
  return openOidcConnector(settingsOf(oidcSettings, raw), testTools())
}

async function signIn(connector: RedirectConnector, idp: LyingIdp) {
  const visit = await begin(connector)
  return end(connector, visit, idp.authorize(visit.url.href))
}

const now = () => Math.floor(Date.now() / 1000)

/** Lies about the ID token, each of which ends the sign-in. */
const tokenLies: Readonly<Record<string, () => Lies>> = {
  'a wrong nonce': () => ({ claims: { nonce: 'of another attempt' } }),
  'no nonce': () => ({ claims: { nonce: undefined } }),
  "another issuer's token": () => ({ claims: { iss: 'https://evil.test' } }),
  'an issuer with a slash more': () => ({ claims: { iss: 'ISSUER/' } }),
  'no issuer': () => ({ claims: { iss: undefined } }),
  'no algorithm': () => ({ signature: 'none' }),
  'no algorithm, and offered as such': () => ({
    signature: 'none',
    metadata: { id_token_signing_alg_values_supported: ['none'] },
  }),
  'HS256 with the public key as the secret': () => ({
    signature: 'hs256',
    metadata: { id_token_signing_alg_values_supported: ['RS256', 'HS256'] },
  }),
  'HS256 as the only one offered': () => ({
    signature: 'hs256',
    metadata: { id_token_signing_alg_values_supported: ['HS256'] },
  }),
  'claims changed after signing': () => ({ signature: 'broken' }),
  'signed by a stranger under the right key id': () => ({ signature: 'stranger' }),
  'a key id that nobody knows': () => ({ header: { kid: 'nobody' } }),
  'a key of its own in the head': () => ({
    signature: 'stranger',
    header: { jwk: { kty: 'RSA', n: 'AQAB', e: 'AQAB' } },
  }),
  'a key address of its own in the head': () => ({ signature: 'stranger', header: { jku: 'https://evil.test/keys' } }),
  'an expired one': () => ({ claims: { iat: now() - 400, exp: now() - 120 } }),
  'one from yesterday that lives for long': () => ({ claims: { iat: now() - 86_400, exp: now() + 86_400 } }),
  'one from tomorrow': () => ({ claims: { iat: now() + 86_400, exp: now() + 90_000 } }),
  'one that is not good yet': () => ({ claims: { nbf: now() + 3_600 } }),
  'no expiry': () => ({ claims: { exp: undefined } }),
  'an audience that is somebody else': () => ({ claims: { aud: 'other' } }),
  'two audiences without azp': () => ({ claims: { aud: ['pom', 'other'] } }),
  'two audiences with the azp of the other': () => ({ claims: { aud: ['pom', 'other'], azp: 'other' } }),
  'one audience with the azp of another': () => ({ claims: { azp: 'other' } }),
  'no subject': () => ({ claims: { sub: undefined } }),
  'a blank subject': () => ({ claims: { sub: ' ' } }),
  'at_hash of another access token': () => ({ claims: { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' } }),
  'no ID token at all': () => ({ tokenAnswer: { id_token: undefined } }),
  'an ID token that is a list': () => ({ tokenAnswer: { id_token: [] } }),
  'a token answer that is HTML': () => ({ garbage: ['/token'] }),
  'a key set that is HTML': () => ({ garbage: ['/jwks'] }),
  'a key set of shared secrets': () => ({ keys: [{ kty: 'oct', k: 'AAAA', kid: 'x' }] }),
}

for (const [name, lie] of Object.entries(tokenLies)) {
  test(`an ID token is not believed: ${name}`, async () => {
    await using idp = await startLyingIdp()
    const honest = open(idp)
    assert.equal((await signIn(honest, idp)).userId, 'sub-ada')
    const text = JSON.stringify(lie())
    idp.lie = JSON.parse(text.replaceAll('ISSUER', idp.issuer), undefined) as Lies
    restoreUndefined(idp.lie, lie())
    const fresh = open(idp)
    const { code, message } = await refusal(signIn(fresh, idp))
    assert.equal(code, 'CONNECTOR_ANSWER_INVALID', message)
    assert.doesNotMatch(message, /at_[0-9a-f]{8}|ada@|eyJ/)
    await Promise.all([honest.close(), fresh.close()])
  })
}

/** JSON forgets members that are undefined, and those take claims away. */
function restoreUndefined(to: Lies, from: Lies): void {
  for (const part of ['claims', 'tokenAnswer'] as const)
    for (const [name, value] of Object.entries(from[part] ?? {}))
      if (value === undefined) to[part] = { ...to[part], [name]: undefined }
}

test('whatever a source offers, only signatures that a published key can check are taken', () => {
  const signaturesOf = (offered: unknown) => {
    const issuer = 'https://up.test'
    const endpoints = { authorization_endpoint: `${issuer}/a`, token_endpoint: `${issuer}/t`, jwks_uri: `${issuer}/k` }
    const text = JSON.stringify({ issuer, ...endpoints, id_token_signing_alg_values_supported: offered })
    const misconfigured = (found: string) => new ProxyError('CONNECTOR_MISCONFIGURED', found)
    return readMetadata(text, { url: issuer, issuer, issuerAlias: '', overrides: {}, misconfigured })
      .id_token_signing_alg_values_supported
  }
  assert.deepEqual(signaturesOf(['none', 'HS256', 'ES256', 'RS1']), ['ES256'])
  for (const offered of [['none'], [], undefined, 'none', [7]]) assert.deepEqual(signaturesOf(offered), ['RS256'])
})

test('two audiences are taken where we are the authorized party', async () => {
  await using idp = await startLyingIdp()
  idp.lie = { claims: { aud: ['other', 'pom'], azp: 'pom' } }
  const connector = open(idp)
  assert.equal((await signIn(connector, idp)).userId, 'sub-ada')
  await connector.close()
})

test('a refresh is about the same person, and needs an ID token or userinfo', async () => {
  await using idp = await startLyingIdp()
  const settings = { scopes: ['profile', 'email', 'offline_access'] }
  const refresh = async (change: Json, lie: Lies) => {
    idp.lie = {}
    const connector = open(idp, { ...settings, ...change })
    const visit = await begin(connector, { scopes: offline })
    const identity = await end(connector, visit, idp.authorize(visit.url.href))
    idp.lie = lie
    try {
      return await connector.refresh?.(identity, { scopes: offline, signal: noHurry() })
    } finally {
      await connector.close()
    }
  }
  const invalid = async (promise: Promise<unknown>) => (await refusal(promise)).code
  assert.equal((await refresh({}, {}))?.userId, 'sub-ada')
  assert.equal(await invalid(refresh({}, { claims: { sub: 'sub-eve' } })), 'CONNECTOR_ANSWER_INVALID')
  assert.equal(await invalid(refresh({}, { signature: 'stranger' })), 'CONNECTOR_ANSWER_INVALID')
  assert.equal(await invalid(refresh({}, { claims: { aud: 'other' } })), 'CONNECTOR_ANSWER_INVALID')
  assert.equal(await invalid(refresh({}, { tokenAnswer: { id_token: undefined } })), 'CONNECTOR_ANSWER_INVALID')
  assert.equal(await invalid(refresh({}, { fail: { '/token': 503 } })), 'CONNECTOR_UNREACHABLE')
  assert.equal(await invalid(refresh({}, { fail: { '/token': 429 } })), 'CONNECTOR_UNREACHABLE')
  const withoutToken = { tokenAnswer: { id_token: undefined }, userInfo: { name: 'Ada L.' } }
  assert.equal((await refresh({ getUserInfo: true }, withoutToken))?.name, 'Ada L.')
  const eve = { ...withoutToken, userInfo: { sub: 'sub-eve' } }
  assert.equal(await invalid(refresh({ getUserInfo: true }, eve)), 'CONNECTOR_ANSWER_INVALID')
  // The id may hang on another claim than the subject.
  idp.person = { ...idp.person, oid: 'o-1' }
  assert.equal(await invalid(refresh({ userIDKey: 'oid' }, { claims: { oid: 'o-2' } })), 'CONNECTOR_ANSWER_INVALID')
  assert.equal(await invalid(refresh({ userIDKey: 'oid' }, { claims: { sub: 'sub-eve' } })), 'CONNECTOR_ANSWER_INVALID')
})

test('a token handed in for exchange was made for us, by the source, and is good', async () => {
  await using idp = await startLyingIdp()
  const taken: string[] = []
  const connector = open(idp, { getUserInfo: true })
  const visit = await begin(connector)
  const answer = idp.authorize(visit.url.href)
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code: answer.get('code') ?? '',
    redirect_uri: callbackUrl,
    code_verifier: (JSON.parse(visit.secrets) as { verifier: string }).verifier,
  })
  const token = async (lie: Lies, type: 'id_token' | 'access_token') => {
    idp.lie = lie
    const again = await begin(connector)
    form.set('code', idp.authorize(again.url.href).get('code') ?? '')
    form.set('code_verifier', (JSON.parse(again.secrets) as { verifier: string }).verifier)
    const reply = await fetch(`${idp.issuer}/token`, { method: 'POST', body: form })
    const text = ((await reply.json()) as Record<string, string>)[type] ?? ''
    taken.push(text)
    return text
  }
  const read = async (lie: Lies, type: 'id_token' | 'access_token') => {
    const text = await token(lie, type)
    return connector.readToken?.({ token: text, type, signal: noHurry() }) ?? assert.fail('cannot read tokens')
  }
  const invalid = async (lie: Lies, type: 'id_token' | 'access_token') => {
    const { code, message } = await refusal(read(lie, type))
    assert.equal(code, 'CONNECTOR_ANSWER_INVALID', message)
  }
  assert.equal((await read({}, 'id_token')).userId, 'sub-ada')
  await invalid({ claims: { aud: 'other' } }, 'id_token')
  await invalid({ claims: { aud: ['pom', 'other'] } }, 'id_token')
  await invalid({ claims: { azp: 'other' } }, 'id_token')
  await invalid({ claims: { iss: 'https://evil.test' } }, 'id_token')
  await invalid({ claims: { exp: now() - 120 } }, 'id_token')
  await invalid({ signature: 'stranger' }, 'id_token')
  await invalid({ signature: 'none' }, 'id_token')
  // An access token says nothing about itself: without introspection there is no telling whose it is.
  await invalid({}, 'access_token')
  idp.lie = { metadata: { introspection_endpoint: `${idp.issuer}/introspect` } }
  await connector.check(noHurry())
  assert.equal((await read({}, 'access_token')).userId, 'sub-ada')
  await invalid({ introspection: { client_id: 'other' } }, 'access_token')
  await invalid({ introspection: { active: false } }, 'access_token')
  await invalid({ introspection: { sub: 'sub-eve' } }, 'access_token')
  assert.equal(
    (await read({ introspection: { client_id: 'other', aud: ['x', 'pom'] } }, 'access_token')).userId,
    'sub-ada',
  )
  const strict = open(idp)
  const { message } = await refusal(
    strict.readToken?.({ token: taken.at(-1) ?? '', type: 'access_token', signal: noHurry() }) ?? assert.fail(),
  )
  assert.match(message, /getUserInfo is not set/)
  await Promise.all([connector.close(), strict.close()])
})
