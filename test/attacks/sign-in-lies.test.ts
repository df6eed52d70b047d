import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Lies, startLyingIdp } from '#test/actors/lying-idp.ts'
import { newSecrets, partyOf, signIn } from '#test/identity/conversations.ts'

const soon = () => Math.floor(Date.now() / 1000)

/** What the provider (or somebody in its place) says wrong, and the row that names it. */
const lies: [title: string, lie: Lies, code?: string][] = [
  ['an ID token of another issuer', { claims: { iss: 'http://other.example' } }],
  ['an ID token for another client', { claims: { aud: 'other' } }],
  ['an ID token for several clients without azp', { claims: { aud: ['pom', 'other'] } }],
  ['an ID token for several clients with azp of another', { claims: { aud: ['pom', 'other'], azp: 'other' } }],
  ['an ID token for us with azp of another', { claims: { azp: 'other' } }],
  ['an ID token with another nonce', { claims: { nonce: 'another' } }],
  ['an ID token without nonce', { claims: { nonce: undefined } }],
  ['an ID token without sub', { claims: { sub: undefined } }],
  ['an ID token with an empty sub', { claims: { sub: '' } }],
  ['an ID token with a sub that is no text', { claims: { sub: { admin: true } } }],
  ['an ID token that has expired', { claims: { exp: soon() - 120 } }],
  ['an ID token without exp', { claims: { exp: undefined } }],
  ['an ID token from an hour ago', { claims: { iat: soon() - 3600 } }],
  ['an ID token from the future', { claims: { iat: soon() + 3600 } }],
  ['an ID token that is not valid yet', { claims: { nbf: soon() + 3600 } }],
  ['at_hash of another access token', { claims: { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' } }],
  ["an ID token signed by a stranger under the provider's key id", { signature: 'stranger' }],
  ['an ID token whose claims were changed', { signature: 'broken' }],
  ['an ID token without signature (alg none)', { signature: 'none' }],
  ["an ID token with HS256 keyed by the provider's public key", { signature: 'hs256' }],
  [
    'HS256, and metadata that offers it',
    { signature: 'hs256', metadata: { id_token_signing_alg_values_supported: ['HS256', 'RS256'] } },
  ],
  ['an ID token with a critical header', { header: { crit: ['x'], x: 1 } }],
  ['an ID token that brings its own key', { signature: 'stranger', header: { jwk: { kty: 'RSA' }, kid: 'own' } }],
  ['no ID token', { tokenAnswer: { id_token: undefined } }],
  ['an ID token that is no token', { tokenAnswer: { id_token: 'a.b' } }],
  ['a token answer that is HTML', { garbage: ['/token'] }],
  ['userinfo about another subject', { userInfo: { sub: 'sub-root' } }],
  ['userinfo that is HTML', { garbage: ['/userinfo'] }],
  ['a key set that is HTML', { garbage: ['/jwks'] }],
  ['a key set without keys', { keys: [] }],
  ['metadata of another issuer', { metadata: { issuer: 'http://other.example' } }, 'PROVIDER_INVALID'],
  ['metadata without key set', { metadata: { jwks_uri: undefined } }, 'PROVIDER_INVALID'],
  ['metadata that is HTML', { garbage: ['/.well-known/openid-configuration'] }, 'PROVIDER_INVALID'],
  ['a client that the provider does not know', { fail: { '/token': 401 } }, 'PROVIDER_INVALID'],
]

for (const [title, lie, code = 'TOKEN_INVALID'] of lies) {
  test(`${title}: nobody is signed in`, async () => {
    await using idp = await startLyingIdp()
    idp.lie = lie
    await assert.rejects(signIn(partyOf(idp), idp), { code })
    idp.lie = {}
    assert.equal((await signIn(partyOf(idp), idp)).userId, 'sub-ada', 'the honest sign-in works')
  })
}

test('the answer must bear our state and the issuer, once each', async () => {
  await using idp = await startLyingIdp()
  const party = partyOf(idp)
  const bends: ((answer: URLSearchParams) => void)[] = [
    (answer) => answer.set('state', 'another'),
    (answer) => answer.delete('state'),
    (answer) => answer.append('state', 'another'),
    (answer) => answer.set('iss', 'http://other.example'),
    (answer) => answer.delete('iss'),
    (answer) => answer.append('iss', 'http://other.example'),
    (answer) => answer.append('code', 'another'),
    (answer) => answer.set('response', 'a.b.c'),
  ]
  for (const bend of bends) await assert.rejects(signIn(party, idp, bend), { code: 'TOKEN_INVALID' }, String(bend))
})

test('a code made up by hand, and one redeemed twice, are refused', async () => {
  await using idp = await startLyingIdp()
  const party = partyOf(idp)
  await assert.rejects(
    signIn(party, idp, (answer) => answer.set('code', 'made-up')),
    { code: 'CALLBACK_INVALID' },
  )
  const secrets = newSecrets()
  const answer = idp.authorize(await party.signInUrl(secrets))
  assert.ok(await party.redeem(answer, secrets))
  await assert.rejects(party.redeem(answer, secrets), { code: 'CALLBACK_INVALID' })
})

test('a code is worth nothing without the verifier of the browser that began', async () => {
  await using idp = await startLyingIdp()
  const party = partyOf(idp)
  const [mine, theirs] = [newSecrets(), newSecrets()]
  const answer = idp.authorize(await party.signInUrl(theirs))
  answer.set('state', mine.state)
  await assert.rejects(party.redeem(answer, mine), { code: 'CALLBACK_INVALID' })
})

test('no failure repeats a token, a code or a claim', async () => {
  for (const [title, lie] of lies) {
    await using idp = await startLyingIdp()
    idp.lie = lie
    const error = await signIn(partyOf(idp), idp).catch((error: unknown) => error)
    const text = `${error} ${JSON.stringify(error)} ${(error as Error).cause}`
    assert.doesNotMatch(text, /at_[0-9a-f]{8}|code_[0-9a-f]{8}|eyJ|sub-ada|ada@corp/, title)
  }
})

test('an https issuer is never spoken to over plain http', async () => {
  let asked = ''
  const party = partyOf(
    { issuer: 'https://idp.corp.test' },
    {
      fetch: async (url) => {
        asked = String(url)
        return Response.json({
          issuer: 'https://idp.corp.test',
          authorization_endpoint: 'https://idp.corp.test/a',
          token_endpoint: 'http://idp.corp.test/token',
          jwks_uri: 'http://idp.corp.test/jwks',
        })
      },
    },
  )
  const secrets = { state: 's', nonce: 'n', verifier: 'v'.repeat(43) }
  await party.signInUrl(secrets)
  const answer = new URLSearchParams({ code: 'c', state: 's' })
  await assert.rejects(party.redeem(answer, secrets), { code: 'TOKEN_INVALID' })
  assert.match(asked, /well-known/, 'the token endpoint was asked over plain http')
})

test('an answer without end is not read to its end', async () => {
  const party = partyOf(
    { issuer: 'https://idp.corp.test' },
    {
      fetch: async () => {
        const endless = new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(32)),
        })
        return new Response(endless, { headers: { 'content-type': 'application/json' } })
      },
    },
  )
  await assert.rejects(party.signInUrl({ state: 's', nonce: 'n', verifier: 'v' }), { code: 'PROVIDER_UNREACHABLE' })
})
