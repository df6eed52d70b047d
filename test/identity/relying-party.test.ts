import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idpClient, startIdp } from '#test/actors/idp.ts'
import { startLyingIdp } from '#test/actors/lying-idp.ts'
import { newSecrets, partyOf, redirectUri, signIn } from './conversations.ts'

test('the sign-in address asks for a code with PKCE S256, state and nonce, whatever the provider advertises', async () => {
  await using idp = await startLyingIdp()
  const secrets = newSecrets()
  const url = new URL(await partyOf(idp).signInUrl(secrets))
  assert.equal(url.origin + url.pathname, `${idp.issuer}/authorize`)
  const query = Object.fromEntries(url.searchParams)
  assert.equal(query['code_challenge_method'], 'S256')
  assert.match(query['code_challenge'] ?? '', /^[\w-]{43}$/)
  assert.equal(query['state'], secrets.state)
  assert.equal(query['nonce'], secrets.nonce)
  assert.equal(query['redirect_uri'], redirectUri)
  assert.equal(query['scope'], 'openid profile email offline_access')
  assert.ok(!url.href.includes(secrets.verifier))
})

test('switching the user asks the provider to show its form', async () => {
  await using idp = await startLyingIdp()
  const url = new URL(await partyOf(idp).signInUrl(newSecrets(), { switchUser: true }))
  assert.equal(url.searchParams.get('prompt'), 'login')
})

test('who came back: ID token claims with userinfo laid over them', async () => {
  await using idp = await startLyingIdp()
  idp.lie = { claims: { department: 'old' }, userInfo: { department: 'eng', aud: 'evil', iss: 'evil' } }
  const { userId, claims } = await signIn(partyOf(idp), idp)
  assert.equal(userId, 'sub-ada')
  assert.equal(claims['department'], 'eng')
  assert.deepEqual(claims['groups'], ['devops'])
  assert.equal(claims['aud'], 'pom')
  assert.equal(claims['iss'], idp.issuer)
})

test('groups as a text are one group, missing groups are none', async () => {
  await using idp = await startLyingIdp()
  const party = partyOf(idp)
  idp.person = { ...idp.person, groups: 'dev ops' }
  assert.deepEqual((await signIn(party, idp)).claims['groups'], ['dev ops'])
  const { groups: _groups, ...person } = idp.person
  idp.person = person
  assert.deepEqual((await signIn(party, idp)).claims['groups'], [])
})

test('a provider that signs with ES256 is understood', async () => {
  await using idp = await startLyingIdp({ alg: 'ES256' })
  assert.equal((await signIn(partyOf(idp), idp)).userId, 'sub-ada')
})

test('the client proves itself by Basic unless the provider takes only the form', async () => {
  await using idp = await startLyingIdp()
  await signIn(partyOf(idp), idp)
  assert.equal(idp.authorizations[0], `Basic ${Buffer.from('pom:client+secret%2F%C3%BC').toString('base64')}`)
  idp.lie = { metadata: { token_endpoint_auth_methods_supported: ['client_secret_post'] } }
  await signIn(partyOf(idp), idp)
  assert.equal(idp.authorizations[1], undefined)
  assert.equal(idp.forms[1]?.get('client_secret'), 'client secret/ü')
})

test('a provider without userinfo is enough', async () => {
  await using idp = await startLyingIdp()
  idp.lie = { metadata: { userinfo_endpoint: undefined } }
  assert.equal((await signIn(partyOf(idp), idp)).claims['email'], 'ada@corp.test')
  assert.ok(!idp.asked.includes('/userinfo'))
})

test('metadata and keys are read once for many sign-ins', async () => {
  await using idp = await startLyingIdp()
  const party = partyOf(idp)
  for (let i = 0; i < 3; i++) await signIn(party, idp)
  for (const path of ['/.well-known/openid-configuration', '/jwks']) {
    assert.equal(idp.asked.filter((asked) => asked === path).length, 1, path)
  }
})

test('when the provider changes its keys without notice, the next sign-in works', async () => {
  await using idp = await startLyingIdp()
  const party = partyOf(idp)
  await signIn(party, idp)
  idp.rotate()
  assert.equal((await signIn(party, idp)).userId, 'sub-ada')
})

test('unknown key ids cause only so many downloads, and honest tokens still pass', async () => {
  await using idp = await startLyingIdp()
  const party = partyOf(idp)
  await signIn(party, idp)
  for (let i = 0; i < 12; i++) {
    idp.lie = { header: { kid: `unknown-${i}` } }
    await assert.rejects(signIn(party, idp), { code: 'TOKEN_INVALID' })
  }
  assert.ok(idp.asked.filter((asked) => asked === '/jwks').length <= 6)
  idp.lie = {}
  assert.equal((await signIn(party, idp)).userId, 'sub-ada')
})

test('the last good keys serve while new ones are unusable, and odd keys are passed over', async () => {
  await using idp = await startLyingIdp()
  let now = Date.now()
  const party = partyOf(idp, { clock: () => now })
  await signIn(party, idp)
  now += 11 * 60_000
  for (const lie of [{ garbage: ['/jwks'] }, { fail: { '/jwks': 500 } }, { keys: [] }, { keys: [null, { kty: 5 }] }]) {
    idp.lie = { ...lie, claims: { iat: Math.floor(now / 1000), exp: Math.floor(now / 1000) + 60 } }
    assert.equal((await signIn(party, idp)).userId, 'sub-ada', JSON.stringify(lie))
  }
})

test('one odd key in the set ends no sign-in', async () => {
  await using idp = await startLyingIdp()
  await signIn(partyOf(idp), idp)
  const { keys } = (await (await fetch(`${idp.issuer}/jwks`)).json()) as { keys: object[] }
  idp.lie = {
    keys: [null, 'x', { kty: 'quantum' }, { kty: 'RSA', kid: 'odd', key_ops: 5 }, { kty: 'oct', k: 'AA' }, ...keys],
  }
  assert.equal((await signIn(partyOf(idp), idp)).userId, 'sub-ada')
})

test('the sign-out address carries hint and return, and is missing where the provider has none', async () => {
  await using idp = await startLyingIdp()
  const url = new URL((await partyOf(idp).signOutUrl({ idToken: 'tok', returnTo: 'https://a.test/bye' })) ?? '')
  assert.equal(url.pathname, '/end_session')
  assert.deepEqual(Object.fromEntries(url.searchParams), {
    id_token_hint: 'tok',
    post_logout_redirect_uri: 'https://a.test/bye',
    client_id: 'pom',
  })
  idp.lie = { metadata: { end_session_endpoint: undefined } }
  assert.equal(await partyOf(idp).signOutUrl({ idToken: undefined, returnTo: 'https://a.test/' }), undefined)
  assert.equal(
    await partyOf({ issuer: 'http://127.0.0.1:9' }).signOutUrl({ idToken: undefined, returnTo: 'https://a.test/' }),
    undefined,
  )
})

test('a provider that is down at first is found soon after it is up, and not asked by every visitor meanwhile', async () => {
  await using idp = await startIdp({ users: [] })
  await idp.down()
  let now = 1_000_000
  let calls = 0
  const party = partyOf(idp, {
    clock: () => now,
    fetch: (...args) => {
      calls++
      return fetch(...args)
    },
  })
  for (let i = 0; i < 5; i++) {
    await assert.rejects(party.signInUrl(newSecrets()), { code: 'PROVIDER_UNREACHABLE', headers: ['retry-after', '5'] })
  }
  assert.equal(calls, 1)
  for (let i = 0; i < 10; i++) {
    now += 5_001
    await assert.rejects(party.signInUrl(newSecrets()))
  }
  await idp.up()
  now += 5_001
  assert.ok((await party.signInUrl(newSecrets())).startsWith(`${idp.issuer}/auth?`))
  assert.equal(idpClient.id, 'pom')
})

test('metadata that is known serves while the provider is away', async () => {
  await using idp = await startIdp({ users: [] })
  let now = 1_000_000
  const party = partyOf(idp, { clock: () => now })
  await party.warmUp()
  await idp.down()
  now += 3_700_000
  for (let i = 0; i < 3; i++) assert.ok(await party.signInUrl(newSecrets()))
})

test('a token endpoint that fails or breaks off is "not reached"', async () => {
  await using idp = await startLyingIdp()
  const party = partyOf(idp)
  idp.lie = { fail: { '/token': 502 } }
  await assert.rejects(signIn(party, idp), { code: 'PROVIDER_UNREACHABLE' })
  const secrets = newSecrets()
  const answer = idp.authorize(await party.signInUrl(secrets))
  await idp[Symbol.asyncDispose]()
  await assert.rejects(party.redeem(answer, secrets), { code: 'PROVIDER_UNREACHABLE' })
})

test('every call to the provider has a time limit', async () => {
  await using idp = await startLyingIdp()
  const unlimited: string[] = []
  const party = partyOf(idp, {
    fetch: (url, options) => {
      if (!options?.signal) unlimited.push(String(url))
      return fetch(url, options)
    },
  })
  await signIn(party, idp)
  assert.deepEqual(unlimited, [])
  assert.equal(idp.asked.length, 4)
})
