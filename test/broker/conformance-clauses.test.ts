/** The clauses of OpenID Connect Core 1.0 §3.1 and RFC 9700 §2 that the other files of this name leave; each test names its own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Page } from '#test/actors/browser.ts'
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
  verifier,
} from '#test/broker/world.ts'

const asking = { grantTypes: [], skipApprovalScreen: false, alwaysShowLoginScreen: false, pkceEnforce: false }
const errorOf = (page: Page) => answerOf(page).get('error')

test('Core §3.1.2.3: whoever is not signed in is asked, also where another browser of theirs is', async () => {
  await using world = await startBroker()
  await signIn(world.browser(), authorizeUrl(world.issuer))
  const other = world.browser()
  assert.match((await other.open(authorizeUrl(world.issuer))).body, /type="password"/)
  const silent = await other.open(authorizeUrl(world.issuer, { prompt: 'none' }))
  assert.equal(errorOf(silent), 'login_required')
})

test('Core §3.1.2.3: prompt=login takes no answer but a fresh sign-in, and auth_time is that of it', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const first = await redeem(world, await signIn(browser, authorizeUrl(world.issuer)))
  const timeOf = ({ body }: typeof first) => Number(claimsIn(body['id_token'])['auth_time'])
  // The claim counts whole seconds.
  while (Math.floor(Date.now() / 1000) <= timeOf(first)) await setTimeout(50)
  const form = await browser.open(authorizeUrl(world.issuer, { prompt: 'login' }))
  const wrong = await browser.submit(form, { login: 'alice@corp.test', password: 'wrong' })
  assert.equal(wrong.status, 401)
  const again = await browser.submit(wrong, { login: 'alice@corp.test', password: 'open sesame' })
  const second = await redeem(world, again)
  assert.ok(timeOf(second) > timeOf(first))
})

test('Core §3.1.2.3: a form that another site sends for somebody signs nobody in, and consents to nothing', async () => {
  await using world = await startBroker({ settings: { oauth2: asking } })
  const browser = world.browser()
  const form = await browser.open(authorizeUrl(world.issuer))
  const foreign = {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      origin: 'https://evil.test',
      'sec-fetch-site': 'cross-site',
    },
  }
  const body = new URLSearchParams({ login: 'alice@corp.test', password: 'open sesame' }).toString()
  const forged = await browser.open(form.url, { ...foreign, body })
  assert.ok(forged.status >= 400, `${forged.status} ${forged.url}`)
  assert.equal(errorOf(await browser.open(authorizeUrl(world.issuer, { prompt: 'none' }))), 'login_required')

  const question = await signIn(browser, authorizeUrl(world.issuer))
  const approval = new URLSearchParams({
    req: new URL(question.url).searchParams.get('req') ?? '',
    approval: 'approve',
  }).toString()
  const consent = await browser.open(question.url, { ...foreign, body: approval })
  assert.equal(answerOf(consent).get('code'), null)
  assert.equal(errorOf(await browser.open(authorizeUrl(world.issuer, { prompt: 'none' }))), 'consent_required')
})

test('Core §3.1.2.5: the answer is in the query, with the state letter by letter, unless another way was asked for', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const state = 'a b+c%20&d=é"<\'/\\'
  const page = await signIn(browser, authorizeUrl(world.issuer, { state }))
  assert.equal(answerOf(page).get('state'), state)
  assert.equal(new URL(page.url).hash, '')
  assert.equal(`${new URL(page.url).origin}${new URL(page.url).pathname}`, callback)
  const fragment = await browser.open(authorizeUrl(world.issuer, { state, response_mode: 'fragment' }))
  const inHash = new URLSearchParams(new URL(fragment.url).hash.slice(1))
  assert.ok(inHash.get('code'))
  assert.deepEqual([inHash.get('state'), new URL(fragment.url).search], [state, ''])
  const without = await browser.open(authorizeUrl(world.issuer, { state: undefined }))
  assert.ok(answerOf(without).get('code'))
  assert.equal(answerOf(without).has('state'), false)
})

test('Core §3.1.2.6: errors are answered at the address of the client, with its state, in the way it asked for', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const inQuery = await browser.open(authorizeUrl(world.issuer, { prompt: 'none' }))
  assert.deepEqual(
    ['error', 'state', 'iss', 'code'].map((name) => answerOf(inQuery).get(name)),
    ['login_required', 's-1', world.issuer, null],
  )
  assert.ok(inQuery.url.startsWith(`${callback}?`))
  const inHash = await browser.open(authorizeUrl(world.issuer, { prompt: 'none', response_mode: 'fragment' }))
  const answer = new URLSearchParams(new URL(inHash.url).hash.slice(1))
  assert.deepEqual(
    ['error', 'state', 'iss'].map((name) => answer.get(name)),
    ['login_required', 's-1', world.issuer],
  )
  const stateless = await browser.open(authorizeUrl(world.issuer, { prompt: 'none', state: undefined }))
  assert.equal(answerOf(stateless).has('state'), false)
})

test('Core §3.1.3.1: the token endpoint takes a code from nobody but the client that proves itself', async () => {
  const cli = client('cli', { secret: undefined, public: true })
  await using world = await startBroker({ clients: [client('app'), client('other'), cli] })
  const browser = world.browser()
  await signIn(browser, authorizeUrl(world.issuer))
  for (const [who, status, error] of [
    [{ id: 'app', secret: 'wrong' }, 401, 'invalid_client'],
    [{ id: 'app' }, 401, 'invalid_client'],
    [{ id: 'nobody', secret: 'app-secret' }, 401, 'invalid_client'],
    [{ id: 'other', secret: 'other-secret' }, 400, 'invalid_grant'],
    [{ id: 'cli' }, 400, 'invalid_grant'],
  ] as const) {
    const page = await browser.open(authorizeUrl(world.issuer))
    const { status: seen, body } = await redeem(world, page, {}, who)
    assert.deepEqual([seen, body['error']], [status, error], JSON.stringify(who))
  }
})

test('Core §3.1.3.2: a code is redeemed with the address that it was sent to, as it was sent', async () => {
  const both = client('app', { redirectURIs: [callback, 'https://app.test/other'] })
  await using world = await startBroker({ clients: [both] })
  const browser = world.browser()
  await signIn(browser, authorizeUrl(world.issuer))
  for (const redirect_uri of ['https://app.test/other', `${callback}/`, callback.toUpperCase(), '']) {
    const page = await browser.open(authorizeUrl(world.issuer))
    const { status, body } = await redeem(world, page, { redirect_uri })
    assert.equal(status, 400, redirect_uri)
    assert.match(String(body['error']), /^invalid_(?:grant|request)$/)
  }
  const none = await browser.open(authorizeUrl(world.issuer))
  const { status } = await post(`${world.issuer}/token`, {
    ...{ grant_type: 'authorization_code', code: answerOf(none).get('code') ?? '', code_verifier: verifier },
  })
  assert.equal(status, 400)
})

test('Core §3.1.3.4: an error of the token endpoint is JSON with 400, 401 for clients, and is kept by nobody', async () => {
  await using world = await startBroker()
  for (const [fields, who, status] of [
    [{ grant_type: 'authorization_code', code: 'x', redirect_uri: callback }, undefined, 400],
    [{ grant_type: 'refresh_token', refresh_token: 'x' }, undefined, 400],
    [{ grant_type: 'nonsense' }, undefined, 400],
    [{}, undefined, 400],
    [{ grant_type: 'refresh_token', refresh_token: 'x' }, { id: 'app', secret: 'wrong' }, 401],
  ] as const) {
    const answer = await post(`${world.issuer}/token`, fields, who)
    assert.equal(answer.status, status, JSON.stringify(fields))
    assert.match(answer.headers['content-type'] ?? '', /^application\/json/)
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.equal(typeof answer.body['error'], 'string')
  }
})

test('Core §3.1.3.3: what comes with the ID token is a Bearer token that says how long it is good', async () => {
  await using world = await startBroker()
  const { body, status, headers } = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
  assert.equal(status, 200)
  assert.match(headers['content-type'] ?? '', /^application\/json/)
  assert.equal(String(body['token_type']).toLowerCase(), 'bearer')
  const { exp, iat } = claimsIn(body['access_token'])
  assert.ok(Math.abs(Number(exp) - Number(iat) - Number(body['expires_in'])) <= 1)
})

test('RFC 9700 §2.1: nothing that strangers put into an address sends a browser elsewhere', async () => {
  await using world = await startBroker()
  const evil = 'https://evil.test/'
  const { origin } = new URL(world.issuer)
  for (const address of [
    authorizeUrl(world.issuer, { redirect_uri: evil }),
    authorizeUrl(world.issuer, { redirect_uri: `${callback}@evil.test` }),
    `${world.issuer}/logout?post_logout_redirect_uri=${encodeURIComponent(evil)}`,
    `${world.issuer}/logout?client_id=app&post_logout_redirect_uri=${encodeURIComponent(evil)}`,
    `${world.issuer}/callback?state=${encodeURIComponent(evil)}&code=x`,
    `${world.issuer}/device?user_code=${encodeURIComponent(evil)}`,
    `${world.issuer}//evil.test/%2e%2e`,
  ]) {
    const page = await world.browser().open(address)
    assert.equal(new URL(page.url).origin, origin, address)
  }
})

test('RFC 9700 §2.1.1: metadata say that PKCE is taken, and a verifier without a challenge is none', async () => {
  await using world = await startBroker()
  const metadata = (await (await fetch(`${world.issuer}/.well-known/openid-configuration`)).json()) as object
  assert.deepEqual(Reflect.get(metadata, 'code_challenge_methods_supported'), ['S256'])
  const bare = { code_challenge: undefined, code_challenge_method: undefined }
  const page = await signIn(world.browser(), authorizeUrl(world.issuer, bare))
  const { status, body } = await redeem(world, page, { code_verifier: verifier })
  assert.deepEqual([status, body['error']], [400, 'invalid_grant'])
})

test('RFC 9700 §2.2.2: refresh tokens of a public client rotate, and one that is used again ends them all', async () => {
  const cli = client('cli', { secret: undefined, public: true })
  await using world = await startBroker({ clients: [cli] })
  const who = { id: 'cli' }
  const address = authorizeUrl(world.issuer, { client_id: 'cli' })
  const { body } = await redeem(world, await signIn(world.browser(), address), {}, who)
  const next = await refresh(world, body['refresh_token'], {}, who)
  assert.equal(next.status, 200)
  assert.notEqual(next.body['refresh_token'], body['refresh_token'])
  assert.equal((await refresh(world, body['refresh_token'], {}, who)).status, 400)
  assert.equal((await refresh(world, next.body['refresh_token'], {}, who)).status, 400)
})

test('RFC 9700 §2.3: an access token is for one audience, and says no more than was asked for', async () => {
  await using world = await startBroker({ clients: [client('app'), client('other')] })
  const { body } = await redeem(
    world,
    await signIn(world.browser(), authorizeUrl(world.issuer, { scope: 'openid email' })),
  )
  const claims = claimsIn(body['access_token'])
  assert.deepEqual([claims['aud'], claims['scope'], claims['groups']], ['app', 'openid email', undefined])
  const info = await fetch(`${world.issuer}/userinfo`, {
    headers: { authorization: `Bearer ${body['access_token']}` },
  })
  assert.deepEqual(Object.keys((await info.json()) as object).toSorted(), ['email', 'email_verified', 'sub'])
})

test('RFC 9700 §2.4: no application gets a token for a name and a password', async () => {
  await using world = await startBroker()
  const { status, body } = await post(`${world.issuer}/token`, {
    ...{ grant_type: 'password', username: 'alice@corp.test', password: 'open sesame', scope: 'openid' },
  })
  assert.deepEqual([status, body['error']], [400, 'unsupported_grant_type'])
  const metadata = (await (await fetch(`${world.issuer}/.well-known/openid-configuration`)).json()) as object
  assert.ok(!(Reflect.get(metadata, 'grant_types_supported') as string[]).includes('password'))
})

test('RFC 9700 §2.6: no script of any origin reads the answers of the authorization endpoint', async () => {
  const port = { allowedOrigins: ['*'], allowedHeaders: [], headers: {} }
  await using plain = await startBroker()
  const web = { ...plain.settings.web, ...port }
  await plain[Symbol.asyncDispose]()
  await using world = await startBroker({ settings: { issuer: plain.issuer, web } })
  for (const method of ['GET', 'POST', 'OPTIONS']) {
    const answer = await fetch(authorizeUrl(world.issuer), {
      method,
      headers: { origin: 'https://app.test', 'access-control-request-method': 'GET' },
      redirect: 'manual',
    })
    assert.equal(answer.headers.get('access-control-allow-origin'), null, method)
    await answer.body?.cancel()
  }
  const keys = await fetch(`${world.issuer}/keys`, { headers: { origin: 'https://app.test' } })
  assert.equal(keys.headers.get('access-control-allow-origin'), '*')
})
