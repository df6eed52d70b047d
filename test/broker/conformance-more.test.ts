/** Clauses about consent, scopes, devices, exchange, and telling applications of a sign-out; each test names its own. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import type { ConnectorSettings } from '#src/config/dex/connectors/connector-settings.ts'
import type { Page } from '#test/actors/browser.ts'
import {
  answerOf,
  authorizeUrl,
  claimsIn,
  client,
  post,
  redeem,
  refresh,
  signIn,
  startBroker,
  type World,
} from '#test/broker/world.ts'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const typeOf = (name: string) => `urn:ietf:params:oauth:token-type:${name}`

const asking = { grantTypes: [], skipApprovalScreen: false, alwaysShowLoginScreen: false, pkceEnforce: false }
const keysOf = ({ issuer }: World) => createRemoteJWKSet(new URL(`${issuer}/keys`))
const codeIn = (page: Page) => answerOf(page).get('code')

test('Core §3.1.2.4: consent is asked for, remembered, asked again for more, and its refusal is told to the application', async () => {
  await using world = await startBroker({ settings: { oauth2: asking } })
  const browser = world.browser()
  const question = await signIn(browser, authorizeUrl(world.issuer))
  assert.equal(codeIn(question), null)
  const silent = await browser.open(authorizeUrl(world.issuer, { prompt: 'none' }))
  assert.equal(answerOf(silent).get('error'), 'consent_required')

  const refused = answerOf(await browser.submit(question, { approval: 'reject' }))
  assert.deepEqual(
    ['error', 'state', 'iss'].map((name) => refused.get(name)),
    ['access_denied', 's-1', world.issuer],
  )

  const given = await browser.submit(await browser.open(authorizeUrl(world.issuer)), { approval: 'approve' })
  assert.ok(codeIn(given), given.url)
  assert.ok(codeIn(await browser.open(authorizeUrl(world.issuer, { prompt: 'none' }))))
  const more = await browser.open(authorizeUrl(world.issuer, { scope: 'openid federated:id' }))
  assert.equal(codeIn(more), null, 'more was given than was asked about')
})

test('Core §3.1.2.1: a hint at somebody else is answered by no session of this browser', async () => {
  await using world = await startBroker()
  const bob = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer), { login: 'bob@corp.test' }))
  const browser = world.browser()
  const alice = await redeem(world, await signIn(browser, authorizeUrl(world.issuer)))
  const hinted = (token: unknown) =>
    browser.open(authorizeUrl(world.issuer, { prompt: 'none', id_token_hint: String(token) }))
  assert.equal(answerOf(await hinted(bob.body['id_token'])).get('error'), 'login_required')
  assert.ok(codeIn(await hinted(alice.body['id_token'])))
})

test('Core §3.1.2.1: parameters that nothing is known of are let be', async () => {
  await using world = await startBroker()
  const more = { display: 'popup', ui_locales: 'de', claims_locales: 'de', acr_values: 'x', colour: 'blue' }
  assert.ok(codeIn(await signIn(world.browser(), authorizeUrl(world.issuer, more))))
})

test('Core §5.4: a scope brings its claims and no others; without offline_access there is no refresh token', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  await signIn(browser, authorizeUrl(world.issuer))
  const always = ['at_hash', 'aud', 'auth_time', 'c_hash', 'exp', 'iat', 'iss', 'nonce', 'sid', 'sub']
  const cases: Readonly<Record<string, readonly string[]>> = {
    openid: [],
    'openid email': ['email', 'email_verified'],
    'openid profile': ['name', 'preferred_username'],
    'openid groups': ['groups'],
    'openid federated:id': ['federated_claims'],
  }
  for (const [scope, more] of Object.entries(cases)) {
    const { body } = await redeem(world, await browser.open(authorizeUrl(world.issuer, { scope })))
    assert.deepEqual(Object.keys(claimsIn(body['id_token'])).toSorted(), [...always, ...more].toSorted(), scope)
    assert.equal(body['refresh_token'], undefined)
  }
})

test('Dex: tokens for a peer keep their audience when they are refreshed, until the peer trusts no more', async () => {
  const peers: string[] = ['app']
  await using world = await startBroker({ clients: [client('app'), client('peer', { trustedPeers: peers })] })
  const scope = 'openid offline_access audience:server:client_id:peer'
  const first = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer, { scope })))
  const next = await refresh(world, first.body['refresh_token'])
  for (const token of [next.body['id_token'], next.body['access_token']]) {
    const { aud, azp } = claimsIn(token)
    assert.deepEqual([aud, azp], [['peer', 'app'], 'app'])
  }
  peers.length = 0
  const later = await refresh(world, next.body['refresh_token'])
  for (const token of [later.body['id_token'], later.body['access_token']])
    assert.ok(![claimsIn(token)['aud']].flat().includes('peer'), JSON.stringify(claimsIn(token)))
})

test('RFC 8628 §3: a device without a browser gets a code, waits, and then tokens of the person who approved it', async () => {
  const cli = client('cli', { secret: undefined, public: true, redirectURIs: [] })
  await using world = await startBroker({ clients: [client('app'), cli] })
  const who = { id: 'cli' }
  const asked = await post(`${world.issuer}/device/code`, { scope: 'openid offline_access' }, who)
  assert.equal(asked.status, 200, JSON.stringify(asked.body))
  assert.match(String(asked.body['user_code']), /^[B-Z]{4}-[B-Z]{4}$/)
  assert.equal(asked.body['expires_in'], 300)
  assert.match(asked.headers['cache-control'] ?? '', /no-store/)
  const poll = (code = String(asked.body['device_code'])) =>
    post(`${world.issuer}/token`, { grant_type: deviceGrant, device_code: code }, who)
  assert.equal((await poll()).body['error'], 'authorization_pending')
  assert.equal((await poll('made-up')).status, 400)

  const browser = world.browser()
  const shown = await browser.open(String(asked.body['verification_uri_complete']))
  assert.match(shown.body, new RegExp(String(asked.body['user_code'])), 'nobody can compare the codes')
  const form = await browser.submit(await browser.submit(shown))
  await browser.submit(form, { login: 'alice@corp.test', password: 'open sesame' })

  const got = await poll()
  assert.equal(got.status, 200, JSON.stringify(got.body))
  const { payload } = await jwtVerify(String(got.body['id_token']), keysOf(world), { issuer: world.issuer })
  assert.equal(payload.aud, 'cli')
  assert.equal((await poll()).body['error'], 'invalid_grant', 'a device code was good twice')
})

test('RFC 8693 §2.2: an exchange says what it gave; what is unknown or malformed is invalid_request', async () => {
  const mock: ConnectorSettings = {
    ...{ type: 'mockCallback', id: 'mock', name: 'Mock', config: {}, raw: {} },
    ...{ groups: undefined, grantTypes: [] },
  }
  await using world = await startBroker({ connectors: [mock] })
  const exchange = (more: Readonly<Record<string, string>> = {}) =>
    post(`${world.issuer}/token`, {
      ...{ grant_type: exchangeGrant, subject_token: 'x', subject_token_type: typeOf('access_token') },
      ...{ connector_id: 'mock', scope: 'openid email' },
      ...more,
    })
  const access = await exchange()
  assert.deepEqual(
    [access.status, access.body['issued_token_type'], access.body['token_type'], access.body['refresh_token']],
    [200, typeOf('access_token'), 'Bearer', undefined],
  )
  const authorization = `Bearer ${access.body['access_token']}`
  assert.equal((await fetch(`${world.issuer}/userinfo`, { headers: { authorization } })).status, 200)

  const id = await exchange({ requested_token_type: typeOf('id_token') })
  assert.deepEqual([id.body['issued_token_type'], id.body['token_type']], [typeOf('id_token'), 'N_A'])
  const expected = { issuer: world.issuer, audience: 'app' }
  assert.ok((await jwtVerify(String(id.body['access_token']), keysOf(world), expected)).payload.sub)

  for (const wrong of [
    { subject_token_type: 'urn:x' },
    { requested_token_type: typeOf('refresh_token') },
    { subject_token: '' },
    { connector_id: 'nobody' },
  ])
    assert.equal((await exchange(wrong)).body['error'], 'invalid_request', JSON.stringify(wrong))
})

/** An application that is told of sign-outs. */
async function startReceiver(status = 200) {
  const forms: URLSearchParams[] = []
  const server = createServer(async (request, response) => {
    forms.push(new URLSearchParams(await text(request)))
    response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    forms,
    url: `http://127.0.0.1:${port}/signed-out`,
    [Symbol.dispose]: () => void server.close(),
  }
}

test('Back-Channel Logout §2.4, §2.5: each application of the session hears it once, signed, with its own sid', async () => {
  using app = await startReceiver()
  using wiki = await startReceiver(500)
  await using world = await startBroker({
    clients: [
      client('app', { backchannelLogoutURI: app.url, postLogoutRedirectURIs: ['https://app.test/bye'] }),
      client('wiki', { backchannelLogoutURI: wiki.url }),
      client('unused', { backchannelLogoutURI: app.url }),
    ],
  })
  const browser = world.browser()
  const first = await redeem(world, await signIn(browser, authorizeUrl(world.issuer)))
  const page = await browser.open(authorizeUrl(world.issuer, { client_id: 'wiki' }))
  const second = await redeem(world, page, {}, { id: 'wiki', secret: 'wiki-secret' })

  const hint = String(first.body['id_token'])
  const asked = { id_token_hint: hint, post_logout_redirect_uri: 'https://app.test/bye', state: 'z' }
  const gone = await browser.open(`${world.issuer}/logout?${new URLSearchParams(asked)}`)
  assert.equal(gone.url, 'https://app.test/bye?state=z')
  assert.deepEqual([app.forms.length, wiki.forms.length], [1, 1])

  const token = app.forms[0]?.get('logout_token') ?? ''
  const { payload } = await jwtVerify(token, keysOf(world), { issuer: world.issuer, audience: 'app' })
  assert.equal(payload['sid'], claimsIn(first.body['id_token'])['sid'])
  assert.notEqual(payload['sid'], claimsIn(second.body['id_token'])['sid'])
  assert.deepEqual(payload['events'], { 'http://schemas.openid.net/event/backchannel-logout': {} })
  assert.ok(payload.jti && payload.iat && payload.exp && payload.sub)
  assert.equal(payload['nonce'], undefined)
  assert.equal((await refresh(world, first.body['refresh_token'])).status, 400)
})

test('Back-Channel Logout §2.4: a sign-out that was asked about first is told as well', async () => {
  using app = await startReceiver()
  await using world = await startBroker({ clients: [client('app', { backchannelLogoutURI: app.url })] })
  const browser = world.browser()
  await signIn(browser, authorizeUrl(world.issuer))
  const question = await browser.open(`${world.issuer}/logout`)
  assert.equal(app.forms.length, 0)
  assert.equal((await browser.submit(question)).status, 200)
  assert.equal(app.forms.length, 1)
})
