/** Two instances on one PostgreSQL, a request to each in turn: whatever the one begins, the other can finish. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { socketManagement } from '#src/broker/management/socket-management.ts'
import { Browser, describe, type Reply } from '#test/actors/browser.ts'
import { skipWithoutPostgres } from '#test/actors/postgres.ts'
import { skipWithout } from '#test/actors/program.ts'
import { startUpstream } from '#test/actors/upstream.ts'
import { authenticate, issuer, service, startTwoInstances, type TwoInstances, wikiCallback } from './two-instances.ts'

const skip = skipWithout('nginx') || skipWithoutPostgres()
const verifier = 'v'.repeat(43)
const alice = { login: 'alice@corp.test', password: 'open sesame' }

/** What the wiki asks when it sends somebody here. */
const wikiUrl = (more: Readonly<Record<string, string>> = {}) =>
  `${issuer}/auth?${new URLSearchParams({
    client_id: 'wiki',
    response_type: 'code',
    redirect_uri: wikiCallback,
    scope: 'openid email groups offline_access',
    state: 's',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  })}`

/** The nth instance, past nginx. */
function instance(world: TwoInstances, index: 0 | 1): Browser {
  const { port } = world.instances[index]
  return new Browser({ port, plainPort: port, ca: world.ca })
}

const direct = (address: string) => address.replace('https://', 'http://')

async function post(asker: Browser, path: string, fields: Readonly<Record<string, string>>, base = issuer) {
  const reply = await asker.fetch(`${base}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from('wiki:wiki-secret').toString('base64')}`,
    },
    body: new URLSearchParams(fields).toString(),
  })
  return { status: reply.status, body: jsonOf(reply) }
}

const jsonOf = ({ body }: Reply) =>
  (body.startsWith('{') ? JSON.parse(body) : { text: body }) as Record<string, unknown>

/** Signs in to the wiki, and gives its code. Another site, so the browser stops at its address with a 404 of ours. */
async function codeFor(browser: Browser, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const form = await browser.open(wikiUrl(more))
  const page = form.body.includes('type="password"') ? await browser.submit(form, alice) : form
  const code = new URL(page.url).searchParams.get('code')
  assert.ok(page.url.startsWith(wikiCallback) && code, describe(page))
  return code
}

async function tokensFor(browser: Browser, asker = browser) {
  const code = await codeFor(browser)
  const fields = { grant_type: 'authorization_code', code, redirect_uri: wikiCallback, code_verifier: verifier }
  const tokens = await post(asker, '/token', fields)
  assert.equal(tokens.status, 200, JSON.stringify(tokens.body))
  return tokens.body as { access_token: string; id_token: string; refresh_token: string }
}

test('people sign in whichever instance each step meets, at the proxy and at other applications', {
  skip,
}, async () => {
  await using world = await startTwoInstances()
  for (let round = 0; round < 4; round++) {
    const browser = world.browser()
    // Every other round begins at the other instance.
    if (round % 2 === 1) await browser.fetch(`${service}/.pomerium/`)
    const form = await browser.open(`${service}/deep?x=1`)
    const page = await browser.submit(form, alice)
    assert.equal(page.url, `${service}/deep?x=1`, describe(page))
    for (let n = 0; n < 4; n++) assert.equal((await browser.fetch(`${service}/`)).status, 200)
    // The broker remembers the browser: no form.
    assert.ok(await codeFor(browser))
  }
})

test('a token that one has issued is known to the other: used, refreshed once, looked at, ended', {
  skip,
}, async () => {
  await using world = await startTwoInstances()
  const tokens = await tokensFor(world.browser(), world.browser())
  const [one, two] = [instance(world, 0), instance(world, 1)]
  const inside = direct(issuer)
  for (const asker of [one, two]) {
    const info = await asker.fetch(`${inside}/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    assert.equal(jsonOf(info)['email'], 'alice@corp.test', info.body)
    const known = await post(asker, '/token/introspect', { token: tokens.access_token }, inside)
    assert.equal(known.body['active'], true)
  }
  const fields = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
  const first = await post(one, '/token', fields, inside)
  assert.equal(first.status, 200, JSON.stringify(first.body))
  const next = String(first.body['refresh_token'])
  const second = await post(two, '/token', { ...fields, refresh_token: next }, inside)
  assert.equal(second.status, 200, JSON.stringify(second.body))
  const last = { token: String(second.body['refresh_token']) }
  assert.equal((await post(one, '/token/revoke', last, inside)).status, 200)
  const gone = await post(two, '/token', { ...fields, refresh_token: last.token }, inside)
  assert.deepEqual([gone.status, gone.body['error']], [400, 'invalid_grant'])
})

test('of two that redeem one code, or one refresh token, at the same moment at both, one gets tokens', {
  skip,
}, async () => {
  await using world = await startTwoInstances()
  const [one, two] = [instance(world, 0), instance(world, 1)]
  const inside = direct(issuer)
  const browser = world.browser()
  const race = async (fields: Readonly<Record<string, string>>) =>
    (await Promise.all([one, two, one, two].map((asker) => post(asker, '/token', fields, inside))))
      .map(({ status }) => status)
      .toSorted()
  for (let round = 0; round < 5; round++) {
    const code = { code: await codeFor(browser), redirect_uri: wikiCallback, code_verifier: verifier }
    assert.deepEqual(await race({ grant_type: 'authorization_code', ...code }), [200, 400, 400, 400])
    const { refresh_token } = await tokensFor(browser)
    assert.deepEqual(await race({ grant_type: 'refresh_token', refresh_token }), [200, 400, 400, 400])
  }
})

test('a device is signed in though it polls one and the person is at the other', { skip }, async () => {
  await using world = await startTwoInstances()
  const device = world.browser()
  const begun = (await post(device, '/device/code', { client_id: 'wiki', scope: 'openid email' })).body
  const person = world.browser()
  const ask = await person.open(`${issuer}/device?user_code=${begun['user_code']}`)
  const confirm = await person.submit(ask)
  const form = await person.submit(confirm)
  const done = await person.submit(form, alice)
  assert.match(done.body, /device|signed in/i, describe(done))
  const fields = {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: String(begun['device_code']),
  }
  const tokens = await post(device, '/token', fields)
  assert.equal(tokens.status, 200, JSON.stringify(tokens.body))
  assert.equal((await post(device, '/token', fields)).status, 400)
})

test('another service sends people back to either one', { skip }, async () => {
  const connectors = [{ type: 'mockCallback', id: 'mock', name: 'Mock' }]
  await using world = await startTwoInstances({
    broker: { connectors, enablePasswordDB: false, staticPasswords: [] },
    proxy: { routes: [{ from: service, to: 'http://127.0.0.1:9', allow_any_authenticated_user: true }] },
  })
  for (let round = 0; round < 4; round++) {
    const browser = world.browser()
    if (round % 2 === 1) await browser.fetch(`${service}/.pomerium/`)
    const page = await browser.open(wikiUrl())
    assert.ok(page.url.startsWith(`${wikiCallback}?code=`), describe(page))
  }
})

test('signing out at one tells the applications, and ends session and tokens at both', { skip }, async () => {
  const told: string[] = []
  await using wiki = await startUpstream(async (request, response) => {
    let body = ''
    for await (const part of request) body += String(part)
    told.push(body)
    response.end()
  })
  const client = {
    ...{ id: 'wiki', name: 'Wiki', secret: 'wiki-secret', redirectURIs: [wikiCallback] },
    backchannelLogoutURI: `${wiki.url}/back`,
    refreshTokenLifetime: 'session',
  }
  await using world = await startTwoInstances({ broker: { staticClients: [client] } })
  const browser = world.browser()
  await browser.submit(await browser.open(`${service}/`), alice)
  const tokens = await tokensFor(browser)
  const asked = await browser.open(`${service}/.pomerium/sign_out`, { from: `${service}/` })
  // Only the instance that saw the sign-in has the ID token with which the broker asks no question.
  const out = asked.url.startsWith(`${issuer}/logout`) ? await browser.submit(asked) : asked
  assert.ok(out.url.startsWith(`${authenticate}/.pomerium/signed_out`), describe(out))
  assert.equal(told.length, 1, world.log())
  assert.match(told[0] ?? '', /^logout_token=/)
  for (const index of [0, 1] as const) {
    const fields = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
    const answer = await post(instance(world, index), '/token', fields, direct(issuer))
    assert.equal(answer.body['error'], 'invalid_grant')
    assert.match((await browser.open(wikiUrl())).body, /type="password"/)
  }
})

test('keys change while both sign, and either verifies what the other has just signed', { skip }, async () => {
  await using world = await startTwoInstances({ broker: { expiry: { signingKeys: '2s', idTokens: '1m' } } })
  const browsers = [instance(world, 0), instance(world, 1)] as const
  const kids = new Set<string>()
  const front = world.browser()
  for (const until = Date.now() + 7_000; Date.now() < until; await pause(100)) {
    const { id_token } = await tokensFor(front)
    for (const asker of browsers) {
      const keys = jsonOf(await asker.fetch(`${direct(issuer)}/keys`)) as unknown as JSONWebKeySet
      const { protectedHeader } = await jwtVerify(id_token, createLocalJWKSet(keys), { issuer })
      kids.add(protectedHeader.kid ?? '')
    }
  }
  assert.ok(kids.size >= 3, `signed by ${kids.size} keys`)
})

test('a connector that is made, changed and deleted through one is so at the other within seconds', {
  skip,
}, async () => {
  await using world = await startTwoInstances()
  const [one, two] = world.sockets.map((path) => socketManagement(path)) as [
    ReturnType<typeof socketManagement>,
    ReturnType<typeof socketManagement>,
  ]
  const browser = world.browser()
  const choosers = async () => {
    const [first] = (await browser.open(wikiUrl({ prompt: 'select_account' }))).trail.slice(-1)
    return Promise.all([0, 1].map(async () => (await browser.fetch(first?.url ?? '')).body))
  }
  const appears = async (text: RegExp, isThere: boolean) => {
    for (const until = Date.now() + 8_000; Date.now() < until; await pause(250))
      if ((await choosers()).every((body) => text.test(body) === isThere)) return
    assert.fail(`${text} ${isThere ? 'never came' : 'stayed'}`)
  }
  const config = { username: 'u', password: 'p' }
  await one.createConnector({ id: 'extra', type: 'mockPassword', name: 'Extra one', config }, { force: false })
  await appears(/Extra one/, true)
  await two.updateConnector({ id: 'extra', name: 'Extra two' }, { force: false })
  await appears(/Extra two/, true)
  await one.deleteConnector('extra')
  await appears(/Extra/, false)
})

test('who is put out through one is out at the other within seconds, open sessions of the proxy included', {
  skip,
}, async () => {
  await using world = await startTwoInstances()
  const browser = world.browser()
  await browser.submit(await browser.open(`${service}/`), alice)
  for (let n = 0; n < 4; n++) assert.equal((await browser.fetch(`${service}/`)).status, 200)
  await socketManagement(world.sockets[0]).revoke('CghpZC1hbGljZRIFbG9jYWw')
  await pause(6_000)
  for (let n = 0; n < 4; n++) assert.equal((await browser.fetch(`${service}/`)).status, 401)
})
