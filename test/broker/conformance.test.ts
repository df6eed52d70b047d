/** What OpenID Connect Core 1.0 §3.1 and RFC 9700 §2 ask of a provider, clause by clause, over sockets. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import type { Page } from '#test/actors/browser.ts'
import { freePort } from '#test/actors/program.ts'
import {
  answerOf,
  authorizeUrl,
  callback,
  claimsIn,
  client,
  post,
  redeem,
  refresh,
  signIn,
  startBroker,
  user,
  verifier,
  type World,
} from '#test/broker/world.ts'

const half = (text: unknown) => createHash('sha256').update(String(text)).digest().subarray(0, 16).toString('base64url')

/** The page, or the error that the application gets. */
async function begin(world: World, more: Readonly<Record<string, string | undefined>>): Promise<Page> {
  return await world.browser().open(authorizeUrl(world.issuer, more))
}

const errorOf = (page: Page) =>
  answerOf(page).get('error') ?? new URLSearchParams(new URL(page.url).hash.slice(1)).get('error')

test('Core §3.1.2.1: a request by POST is served as one by GET', async () => {
  await using world = await startBroker()
  const url = new URL(authorizeUrl(world.issuer))
  const browser = world.browser()
  const form = await browser.open(`${world.issuer}/auth`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: url.searchParams.toString(),
  })
  assert.match(form.body, /type="password"/)
})

test('Core §3.1.2.1: prompt=none shows no page, login_required without a session and a code with one', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const nobody = await browser.open(authorizeUrl(world.issuer, { prompt: 'none' }))
  assert.deepEqual([errorOf(nobody), answerOf(nobody).get('state')], ['login_required', 's-1'])
  await signIn(browser, authorizeUrl(world.issuer))
  const silent = await browser.open(authorizeUrl(world.issuer, { prompt: 'none' }))
  assert.ok(answerOf(silent).get('code'), silent.url)
})

test('Core §3.1.2.1: prompt=login asks again, and max_age is kept with auth_time', async () => {
  let clock = Date.now()
  await using world = await startBroker({ now: () => clock })
  const browser = world.browser()
  const first = await redeem(world, await signIn(browser, authorizeUrl(world.issuer)))
  assert.match((await browser.open(authorizeUrl(world.issuer, { prompt: 'login' }))).body, /type="password"/)
  const fresh = await browser.open(authorizeUrl(world.issuer, { max_age: '600' }))
  const again = await redeem(world, fresh)
  assert.equal(claimsIn(again.body['id_token'])['auth_time'], claimsIn(first.body['id_token'])['auth_time'])
  assert.match((await browser.open(authorizeUrl(world.issuer, { max_age: '0' }))).body, /type="password"/)
  clock += 1
})

test('Core §3.1.2.2: what must be there is asked for, and errors go to a checked address only', async () => {
  await using world = await startBroker()
  for (const [more, error] of [
    [{ response_type: undefined }, 'invalid_request'],
    [{ response_type: 'id_token token' }, 'unsupported_response_type'],
    [{ scope: 'openid nonsense' }, 'invalid_scope'],
    [{ request: 'a.b.c' }, 'request_not_supported'],
    [{ request_uri: 'https://app.test/request' }, 'request_uri_not_supported'],
    [{ registration: '{}' }, 'registration_not_supported'],
    [{ prompt: 'none login' }, 'invalid_request'],
  ] as const) {
    assert.equal(errorOf(await begin(world, more)), error, JSON.stringify(more))
  }
  for (const more of [{ client_id: 'nobody' }, { redirect_uri: 'https://evil.test/' }, { redirect_uri: undefined }]) {
    const page = await begin(world, more)
    assert.equal(new URL(page.url).origin, new URL(world.issuer).origin, JSON.stringify(more))
    assert.equal(page.status, 400)
  }
})

test('Core §3.1.3.7: the ID token has issuer, audience, times, nonce, and hashes of what came with it', async () => {
  await using world = await startBroker()
  const page = await signIn(world.browser(), authorizeUrl(world.issuer))
  const code = answerOf(page).get('code')
  const { body } = await redeem(world, page)
  const keys = createRemoteJWKSet(new URL(`${world.issuer}/keys`))
  const { payload, protectedHeader } = await jwtVerify(String(body['id_token']), keys, {
    issuer: world.issuer,
    audience: 'app',
    algorithms: ['RS256'],
  })
  assert.equal(payload['nonce'], 'n-1')
  assert.equal(payload['at_hash'], half(body['access_token']))
  assert.equal(payload['c_hash'], half(code))
  assert.ok(protectedHeader.kid)
  assert.ok(Number(payload.exp) - Number(payload.iat) <= 600)
})

test('Core §3.1.3.3 and RFC 6749 §5.1: answers of the token endpoint are stored by nobody', async () => {
  await using world = await startBroker()
  const tokens = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
  assert.equal(tokens.headers['cache-control'], 'no-store')
  assert.equal(String(tokens.body['token_type']).toLowerCase(), 'bearer')
})

test('Core §5.3: userinfo has the sub of the ID token, and takes no ID token', async () => {
  await using world = await startBroker()
  const { body } = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
  const ask = (token: unknown) => fetch(`${world.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
  const answer = (await (await ask(body['access_token'])).json()) as Record<string, unknown>
  assert.equal(answer['sub'], claimsIn(body['id_token'])['sub'])
  const refused = await ask(body['id_token'])
  assert.equal(refused.status, 401)
  assert.match(refused.headers.get('www-authenticate') ?? '', /invalid_token/)
})

test('Core §12.2: a refreshed ID token has the same issuer, sub and audience, and the time of the first sign-in', async () => {
  await using world = await startBroker()
  const first = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
  const second = await refresh(world, first.body['refresh_token'])
  const [one, two] = [claimsIn(first.body['id_token']), claimsIn(second.body['id_token'])]
  for (const claim of ['iss', 'sub', 'aud', 'auth_time']) assert.deepEqual(two[claim], one[claim], claim)
})

test('RFC 6749 §6: a refresh may ask for less, and not for more', async () => {
  await using world = await startBroker()
  const page = await signIn(world.browser(), authorizeUrl(world.issuer, { scope: 'openid offline_access' }))
  const { body } = await redeem(world, page)
  const wide = await refresh(world, body['refresh_token'], { scope: 'openid groups' })
  assert.deepEqual([wide.status, wide.body['error']], [400, 'invalid_scope'])
  assert.equal((await refresh(world, body['refresh_token'], { scope: 'openid' })).status, 200)
})

test('RFC 9700 §2.1: redirect addresses are compared character for character', async () => {
  await using world = await startBroker()
  for (const redirect_uri of [
    `${callback}/`,
    `${callback}?x=1`,
    `${callback}#x`,
    callback.toUpperCase(),
    'https://app.test:443/cb',
    'https://user@app.test/cb',
    'https://app.test/./cb',
    'https://app.test/%63b',
    'https://app.test.evil.test/cb',
    'http://app.test/cb',
    'http://127.0.0.1/cb',
  ]) {
    const page = await begin(world, { redirect_uri })
    assert.equal(page.status, 400, redirect_uri)
    assert.equal(new URL(page.url).origin, new URL(world.issuer).origin, redirect_uri)
  }
})

test('RFC 9700 §2.1: a public client needs PKCE; loopback may have any port, and no other host any liberty', async () => {
  const cli = client('cli', { secret: undefined, public: true, redirectURIs: [] })
  await using world = await startBroker({ clients: [cli] })
  const at = (redirect_uri: string, more = {}) =>
    begin(world, { client_id: 'cli', redirect_uri, scope: 'openid', ...more })
  for (const good of ['http://127.0.0.1:1234/cb', 'http://localhost:9/x', 'http://[::1]:80/'])
    assert.match((await at(good)).body, /type="password"/, good)
  for (const bad of [
    'https://127.0.0.1:1234/cb',
    'http://127.0.0.1.evil.test/',
    'http://localhost.evil.test/',
    'http://127.0.0.1@evil.test/',
  ])
    assert.equal((await at(bad)).status, 400, bad)
  const bare = {
    client_id: 'cli',
    redirect_uri: 'http://127.0.0.1:1234/cb',
    scope: 'openid',
    code_challenge: undefined,
  }
  const address = authorizeUrl(world.issuer, { ...bare, code_challenge_method: undefined })
  const refused = await fetch(address, { redirect: 'manual' })
  assert.match(refused.headers.get('location') ?? '', /^http:\/\/127\.0\.0\.1:1234\/cb\?error=invalid_request/)
})

test('RFC 9700 §2.1.1: PKCE cannot be left out afterwards, nor brought in; plain is not offered', async () => {
  await using world = await startBroker()
  const page = await signIn(world.browser(), authorizeUrl(world.issuer))
  const without = await redeem(world, page, { code_verifier: '' })
  assert.deepEqual([without.status, without.body['error']], [400, 'invalid_grant'])
  const plain = await begin(world, { code_challenge: verifier, code_challenge_method: 'plain' })
  assert.equal(errorOf(plain), 'invalid_request')
  const unsaid = await begin(world, { code_challenge: verifier, code_challenge_method: undefined })
  assert.equal(errorOf(unsaid), 'invalid_request')
})

test('RFC 9700 §2.1.1: what a client is told to prove, it has to prove', async () => {
  await using world = await startBroker({ clients: [client('app', { pkce: 'required' })] })
  const page = await begin(world, { code_challenge: undefined, code_challenge_method: undefined })
  assert.equal(errorOf(page), 'invalid_request')
})

test('RFC 9700 §2.1.2: no token travels through the browser', async () => {
  await using world = await startBroker()
  for (const response_type of ['token', 'id_token', 'code id_token', 'code token', 'id_token token'])
    assert.equal(errorOf(await begin(world, { response_type })), 'unsupported_response_type', response_type)
})

test('RFC 9700 §4.5.3: a code is good once, for its client, its address and its verifier; a replay ends its tokens', async () => {
  await using world = await startBroker({ clients: [client('app'), client('other')] })
  const browser = world.browser()
  const page = await signIn(browser, authorizeUrl(world.issuer))
  const first = await redeem(world, page)
  assert.equal(first.status, 200)
  assert.equal((await redeem(world, page)).body['error'], 'invalid_grant')
  assert.equal((await refresh(world, first.body['refresh_token'])).body['error'], 'invalid_grant')
  const info = await fetch(`${world.issuer}/userinfo`, {
    headers: { authorization: `Bearer ${first.body['access_token']}` },
  })
  assert.equal(info.status, 401)
  const spoiled = await browser.open(authorizeUrl(world.issuer))
  assert.equal((await redeem(world, spoiled, { code_verifier: 'w'.repeat(43) })).status, 400)
  assert.equal((await redeem(world, spoiled)).status, 400, 'a code survived a wrong verifier')
  const stolen = await browser.open(authorizeUrl(world.issuer))
  assert.equal((await redeem(world, stolen, {}, { id: 'other', secret: 'other-secret' })).status, 400)
})

test('RFC 9700 §4.14.2: refresh tokens rotate; a replay ends the family, and no other device of the user', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const phone = await redeem(world, await signIn(browser, authorizeUrl(world.issuer)))
  const desk = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
  const next = await refresh(world, phone.body['refresh_token'])
  assert.notEqual(next.body['refresh_token'], phone.body['refresh_token'])
  assert.equal((await refresh(world, phone.body['refresh_token'])).status, 400)
  assert.equal((await refresh(world, next.body['refresh_token'])).status, 400)
  assert.equal((await refresh(world, desk.body['refresh_token'])).status, 200)
})

test('RFC 9700 §4.14.2: of two refreshes at the same moment one wins at most', async () => {
  await using world = await startBroker()
  const { body } = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
  const answers = await Promise.all(Array.from({ length: 5 }, () => refresh(world, body['refresh_token'])))
  assert.ok(answers.filter(({ status }) => status === 200).length <= 1)
})

test('RFC 9700 §4.4 and RFC 9207: the answer names the issuer', async () => {
  await using world = await startBroker()
  const page = await signIn(world.browser(), authorizeUrl(world.issuer))
  assert.equal(answerOf(page).get('iss'), world.issuer)
  assert.equal(answerOf(await begin(world, { scope: 'openid x' })).get('iss'), world.issuer)
})

test('RFC 9700 §4.12: after the password the browser goes on by GET', async () => {
  await using world = await startBroker()
  const page = await signIn(world.browser(), authorizeUrl(world.issuer))
  assert.deepEqual([...new Set(page.trail.slice(0, -1).map(({ status }) => status))], [303])
})

test('RFC 9700 §4.16: no page can be framed, kept, or run a script', async () => {
  await using world = await startBroker()
  const page = await begin(world, {})
  assert.equal(page.headers['x-frame-options'], 'DENY')
  assert.equal(page.headers['cache-control'], 'no-store')
  assert.match(page.headers['content-security-policy'] ?? '', /default-src 'none'.*frame-ancestors 'none'/)
  assert.doesNotMatch(page.body, /<script/i)
})

test('RFC 7009: revocation ends a refresh token and what came with it; others cannot; an unknown one is no error', async () => {
  await using world = await startBroker({ clients: [client('app'), client('other')] })
  const { body } = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
  const token = String(body['refresh_token'])
  const other = { id: 'other', secret: 'other-secret' }
  assert.equal((await post(`${world.issuer}/token/revoke`, { token }, other)).status, 200)
  const next = await refresh(world, token)
  assert.equal(next.status, 200, "another client's revocation counted")
  const live = String(next.body['refresh_token'])
  assert.equal((await post(`${world.issuer}/token/revoke`, { token: live })).status, 200)
  assert.equal((await refresh(world, live)).status, 400)
  assert.equal((await post(`${world.issuer}/token/revoke`, { token: 'nonsense' })).status, 200)
})

test('RFC 7662: introspection wants the client that the token is for', async () => {
  const cli = client('cli', { secret: undefined, public: true, redirectURIs: [callback] })
  await using world = await startBroker({ clients: [client('app'), client('other'), cli] })
  const { body } = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
  const token = String(body['access_token'])
  const ask = (who?: { id: string; secret?: string }) => post(`${world.issuer}/token/introspect`, { token }, who)
  assert.equal((await ask()).body['active'], true)
  assert.equal((await ask({ id: 'other', secret: 'other-secret' })).body['active'], false)
  // Whoever proves nothing hears nothing, not even whether there is such a token.
  for (const shown of [token, 'x'])
    for (const who of [{ id: 'cli' }, { id: 'app' }, { id: 'cli', secret: '' }]) {
      const { status, body: told } = await post(`${world.issuer}/token/introspect`, { token: shown }, who)
      assert.equal(`${status} ${told['error']}`, '401 invalid_client', who.id)
    }
  const anybody = await fetch(`${world.issuer}/token/introspect`, {
    method: 'POST',
    body: new URLSearchParams({ token }),
  })
  assert.ok(anybody.status >= 400)
})

test('Dex: a token for another client that trusts this one is for both, and azp says who asked', async () => {
  const peer = client('peer', { trustedPeers: ['app'] })
  await using world = await startBroker({ clients: [client('app'), peer, client('stranger')] })
  const browser = world.browser()
  const scope = 'openid audience:server:client_id:peer'
  const { body } = await redeem(world, await signIn(browser, authorizeUrl(world.issuer, { scope })))
  for (const token of [body['id_token'], body['access_token']]) {
    assert.deepEqual([claimsIn(token)['aud'], claimsIn(token)['azp']], [['peer', 'app'], 'app'])
  }
  const refused = await begin(world, { scope: 'openid audience:server:client_id:stranger' })
  assert.equal(errorOf(refused), 'invalid_scope')
})

test('Dex: connector_id and /auth/ID skip the choice, federated:id tells the source, groups follow the rules', async () => {
  const groups = { allow: ['dev.*'], map: { devops: 'operators' }, prefix: 'corp:' }
  await using world = await startBroker({
    clients: [client('app', { groups })],
    users: [user('alice', { groups: ['devops', 'developers', 'finance'] })],
    connectors: [mock()],
  })
  assert.match((await begin(world, {})).body, /How do you want to sign in/)
  const named = await begin(world, { connector_id: 'local' })
  assert.match(named.body, /type="password"/)
  const browser = world.browser()
  const byPath = authorizeUrl(world.issuer, { scope: 'openid groups federated:id' }).replace('/auth?', '/auth/local?')
  const { body } = await redeem(world, await signIn(browser, byPath))
  const claims = claimsIn(body['id_token'])
  assert.deepEqual(claims['groups'], ['corp:operators', 'corp:developers'])
  assert.deepEqual(claims['federated_claims'], { connector_id: 'local', user_id: 'id-alice' })
  const callbackPage = await begin(world, { connector_id: 'mock' })
  assert.ok(answerOf(callbackPage).get('code'), callbackPage.url)
  assert.equal((await begin(world, { connector_id: 'nothing' })).url.includes('error=invalid_request'), true)
})

test('an application that takes one connector only takes no session that came through another', async () => {
  const strict = client('strict', { allowedConnectors: ['mock'] })
  await using world = await startBroker({
    clients: [client('app'), strict],
    users: [user('alice')],
    connectors: [mock()],
  })
  const browser = world.browser()
  await signIn(browser, authorizeUrl(world.issuer, { connector_id: 'local' }))
  const quiet = await browser.open(authorizeUrl(world.issuer, { client_id: 'strict', prompt: 'none' }))
  assert.equal(errorOf(quiet), 'login_required')
  const page = await browser.open(authorizeUrl(world.issuer, { client_id: 'strict' }))
  const { body } = await redeem(world, page, {}, { id: 'strict', secret: 'strict-secret' })
  assert.equal(claimsIn(body['id_token'])['email'], 'kilgore@kilgore.trout', page.body)
  // One that it may not use is its own mistake, and nobody's who would sit before a page without a choice.
  const named = await browser.open(authorizeUrl(world.issuer, { client_id: 'strict', connector_id: 'local' }))
  assert.equal(errorOf(named), 'invalid_request')
  const other = await world.browser().open(authorizeUrl(world.issuer, { connector_id: 'local' }))
  assert.match(other.body, /type="password"/)
})

test('headers of web.headers come with every answer, and none of them loosens a page', async () => {
  const headers = {
    'Strict-Transport-Security': 'max-age=60',
    'X-Frame-Options': 'ALLOWALL',
    'Content-Security-Policy': '',
  }
  const port = await freePort()
  const web = {
    ...{ http: `127.0.0.1:${port}`, https: undefined, tls: undefined, allowedOrigins: [], allowedHeaders: [] },
    ...{ headers, clientRemoteIP: undefined },
  }
  await using world = await startBroker({ settings: { issuer: `http://127.0.0.1:${port}/dex`, web } })
  const page = await begin(world, {})
  assert.equal(page.headers['strict-transport-security'], 'max-age=60')
  assert.equal(page.headers['x-frame-options'], 'DENY')
  assert.match(page.headers['content-security-policy'] ?? '', /default-src 'none'/)
  const keys = await fetch(`${world.issuer}/keys`)
  assert.equal(keys.headers.get('strict-transport-security'), 'max-age=60')
})

function mock() {
  return {
    type: 'mockCallback',
    id: 'mock',
    name: 'Mock',
    config: {},
    raw: {},
    groups: undefined,
    grantTypes: [],
  } as never
}
