/** What somebody may try on the broker itself: on its attempts, its forms, its tokens, and its front. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { Page } from '#test/actors/browser.ts'
import {
  Application,
  answerOf,
  authorizeUrl,
  claimsIn,
  client,
  post,
  redeem,
  rightPassword,
  signIn,
  startBroker,
  user,
  type World,
} from '#test/broker/world.ts'

const mock = { type: 'mockCallback', id: 'mock', name: 'Mock', config: {}, raw: {}, groups: undefined, grantTypes: [] }
const credentials = { login: 'alice@corp.test', password: rightPassword }

/** A request as it stands, without what a client would set right. */
function raw(world: World, path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') {
  const { hostname, port } = new URL(world.issuer)
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
    const asked = request({ hostname, port, path, method, headers, agent: false }, (answer) => {
      let body = ''
      answer.on('data', (part: Buffer) => (body += String(part)))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }))
    })
    asked.on('error', reject)
    asked.end()
  })
}

test('login CSRF: a link to an attempt of another browser is over there, and signs nobody in here', async () => {
  await using world = await startBroker()
  const mallory = world.browser()
  const form = await mallory.open(authorizeUrl(world.issuer))
  const alice = world.browser()
  const lured = await alice.open(form.url)
  assert.equal(lured.status, 400)
  assert.match(lured.body, /begun in another browser/)
  const posted = await alice.submit(form, credentials)
  assert.equal(posted.status, 400)
  const after = await mallory.open(form.url)
  assert.match(after.body, /type="password"/, 'the attempt was finished by somebody else')
})

test('login CSRF at the callback: an answer for one browser is worth nothing in another', async () => {
  await using world = await startBroker({ connectors: [mock as never] })
  const mallory = new Stopping()
  await mallory.open(authorizeUrl(world.issuer, { connector_id: 'mock' }))
  const [answer] = mallory.stopped
  assert.ok(answer, 'no answer was caught')
  const alice = world.browser()
  assert.equal((await alice.open(answer)).status, 400)
  // It was not used up by that.
  assert.ok(answerOf(await world.browser().open(authorizeUrl(world.issuer, { connector_id: 'mock' }))).get('code'))
})

/** Stops before it takes an answer to the broker's callback. */
class Stopping extends Application {
  readonly stopped: string[] = []

  constructor() {
    super({ port: 0, ca: '' })
  }

  protected override send(url: URL, ask: Parameters<Application['fetch']>[1] & object) {
    if (!url.pathname.endsWith('/callback')) return super.send(url, ask)
    this.stopped.push(url.href)
    return Promise.resolve({ url: url.href, status: 200, headers: {}, setCookies: [], body: 'stopped' })
  }
}

test('an answer of another service counts once', async () => {
  await using world = await startBroker({ connectors: [mock as never] })
  const browser = world.browser()
  const page = await browser.open(authorizeUrl(world.issuer, { connector_id: 'mock' }))
  const answer = page.trail.find(({ url }) => new URL(url).pathname.endsWith('/callback'))
  assert.ok(answer)
  assert.equal((await browser.open(answer.url)).status, 400)
})

test('a form sent from another site is refused', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const form = await browser.open(authorizeUrl(world.issuer))
  for (const headers of [{ origin: 'https://evil.test' }, { 'sec-fetch-site': 'cross-site', origin: 'null' }]) {
    const answer = await browser.fetch(form.url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'cross-site', ...headers },
      body: new URLSearchParams(credentials).toString(),
    })
    assert.equal(answer.status, 403)
  }
})

test('session fixation: the session of a browser has another id after the sign-in', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  await browser.open(authorizeUrl(world.issuer))
  const before = browser.cookies.header(new URL(world.issuer), 'same-site')
  await signIn(browser, authorizeUrl(world.issuer))
  const idOf = (cookies: string) => /ostiary_broker_session=([^;]+)/.exec(cookies)?.[1]
  const after = idOf(browser.cookies.header(new URL(world.issuer), 'same-site'))
  assert.ok(after)
  assert.notEqual(after, idOf(before))
})

test('guessing: an account waits ever longer, whatever the address, and is let in again after the wait', async () => {
  let clock = Date.now()
  await using world = await startBroker({ now: () => clock })
  const browser = world.browser()
  let form: Page = await browser.open(authorizeUrl(world.issuer))
  const guess = async (login: string, password = 'wrong') => {
    form = await browser.submit(form, { login, password })
    return form
  }
  for (let tries = 0; tries < 6; tries++) assert.equal((await guess('alice@corp.test')).status, 401)
  const held = await guess(' ALICE@corp.test ')
  assert.equal(held.status, 429, held.body)
  assert.ok(Number(held.headers['retry-after']) >= 1)
  assert.equal((await guess('alice@corp.test', rightPassword)).status, 429, 'the right password went round the wait')
  clock += 3_000
  assert.equal((await guess('alice@corp.test')).status, 401)
  const longer = await guess('alice@corp.test')
  assert.ok(Number(longer.headers['retry-after']) > 2, 'the wait does not grow')
  clock += 20 * 60_000
  const page = await guess('alice@corp.test', rightPassword)
  assert.ok(answerOf(page).get('code'), page.body)
  assert.ok(world.audit.some(({ outcome }) => outcome === 'held-up'))
})

test('spraying: one password for many accounts from one address is slowed down', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  let form = await browser.open(authorizeUrl(world.issuer))
  const statuses: number[] = []
  for (let at = 0; at < 34; at++) {
    form = await browser.submit(form, { login: `user${at}@corp.test`, password: 'Winter2026' })
    statuses.push(form.status)
  }
  assert.equal(statuses[0], 401)
  assert.ok(statuses.includes(429), statuses.join(' '))
})

test('many guesses at the same moment are not more than one after the other', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const form = await browser.open(authorizeUrl(world.issuer))
  const pages = await Promise.all(
    Array.from({ length: 20 }, (_, at) => browser.submit(form, { login: 'alice@corp.test', password: `guess ${at}` })),
  )
  assert.ok(pages.filter(({ status }) => status === 401).length <= 6, pages.map(({ status }) => status).join(' '))
})

test('odd names and passwords are wrong, and break nothing', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  let form = await browser.open(authorizeUrl(world.issuer))
  for (const [login, password] of [
    ['', ''],
    ['alice@corp.test', ''],
    ['', rightPassword],
    ['alice@corp.test\u0000', rightPassword],
    ['alice@corp.test', `${rightPassword}\u0000`],
    ['a'.repeat(250), 'x'],
    ['alice@corp.test', 'x'.repeat(1024)],
    ['<script>alert(1)</script>', '"><img src=x>'],
  ] as const) {
    form = await browser.submit(form, { login, password })
    assert.ok([401, 429].includes(form.status), `${JSON.stringify(login)}: ${form.status}`)
    assert.doesNotMatch(form.body, /<script>alert|<img src=x/)
  }
})

test('nothing that is shown on a page is markup', async () => {
  const odd = '"><svg onload=alert(1)>'
  await using world = await startBroker({ clients: [client('app', { name: odd })] })
  const page = await world.browser().open(authorizeUrl(world.issuer, { login_hint: odd, state: odd, nonce: odd }))
  assert.equal(page.status, 200)
  assert.doesNotMatch(page.body, /<svg onload/)
  const wrong = await world.browser().open(authorizeUrl(world.issuer, { client_id: odd }))
  assert.doesNotMatch(wrong.body, /<svg onload/)
})

test('headers that name another host change no address that the broker gives out', async () => {
  await using world = await startBroker()
  const path = new URL(world.issuer).pathname
  for (const headers of [
    { host: 'evil.test' },
    { 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'https' },
    { forwarded: 'host=evil.test;proto=https' },
    { 'x-forwarded-prefix': '/evil', 'x-original-url': '/evil' },
  ]) {
    const { body } = await raw(world, `${path}/.well-known/openid-configuration`, headers as Record<string, string>)
    assert.doesNotMatch(body, /evil/)
    assert.equal((JSON.parse(body) as { token_endpoint: string }).token_endpoint, `${world.issuer}/token`)
  }
})

test('nobody outside says who asks: the log has the address of the connection', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const form = await browser.open(authorizeUrl(world.issuer))
  await browser.open(form.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-ostiary-caller': `${'A'.repeat(32)} 203.0.113.9 id`,
      'x-forwarded-for': '203.0.113.9',
      'x-real-ip': '203.0.113.9',
    },
    body: new URLSearchParams({ login: 'alice@corp.test', password: 'wrong' }).toString(),
  })
  assert.deepEqual(
    world.audit.map(({ address }) => address),
    ['127.0.0.1'],
  )
})

test('paths that could be read two ways lead nowhere', async () => {
  await using world = await startBroker()
  for (const path of [
    '/dex/../token',
    '/dex//keys',
    '/dexx/keys',
    '/keys',
    '/dex/./keys',
    '/dex/auth/../keys',
    '/dex\\keys',
    '/dex/%2e%2e/keys',
    '/dex/auth/nobody?client_id=app',
  ]) {
    const { status } = await raw(world, path)
    assert.ok([400, 404].includes(status), `${path}: ${status}`)
  }
})

test('methods, bodies and encodings that nobody needs are refused, and the broker goes on', async () => {
  await using world = await startBroker()
  const path = new URL(world.issuer).pathname
  for (const method of ['PUT', 'DELETE', 'PATCH', 'TRACE'])
    assert.ok((await raw(world, `${path}/auth/local/login?state=x`, {}, method)).status >= 400, method)
  const long = await fetch(`${world.issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({ code: 'x'.repeat(200_000) }),
  })
  assert.ok(long.status >= 400)
  const json = await fetch(`${world.issuer}/token`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
  })
  assert.ok(json.status >= 400)
  const half = connect(Number(new URL(world.issuer).port), '127.0.0.1')
  half.write(`POST ${path}/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc`)
  half.destroy()
  assert.equal((await fetch(`${world.issuer}/healthz`)).status, 200)
})

test('an access token is no ID token, an id alone opens nothing, and other keys or none sign nothing', async () => {
  await using world = await startBroker()
  const { body } = await redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
  const access = String(body['access_token'])
  const [head = '', claims = '', signature = ''] = access.split('.')
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const userinfo = (token: string) =>
    fetch(`${world.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
  assert.equal((await userinfo(access)).status, 200)
  const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as Record<string, unknown>
  for (const token of [
    String(claimsIn(access)['jti']),
    `${encode({ ...header, alg: 'none' })}.${claims}.`,
    `${encode({ ...header, alg: 'HS256' })}.${claims}.${signature}`,
    `${encode({ ...header, typ: 'JWT' })}.${claims}.${signature}`,
    `${head}.${encode({ ...claimsIn(access), sub: 'x' })}.${signature}`,
    `${head}.${claims}.${signature}.`,
    String(body['id_token']),
    String(body['refresh_token']),
  ]) {
    assert.equal((await userinfo(token)).status, 401, token.slice(0, 60))
  }
  const inside = await post(`${world.issuer}/token/introspect`, { token: String(claimsIn(access)['jti']) })
  assert.equal(inside.body['active'], false)
})

test('token exchange wants a client with a secret, and a token that is ours to read', async () => {
  const cli = client('cli', { secret: undefined, public: true, redirectURIs: [] })
  await using world = await startBroker({
    clients: [client('app'), cli],
    connectors: [mock as never],
    users: [user('alice')],
  })
  const fields = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: 'anything',
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    connector_id: 'mock',
    scope: 'openid email',
  }
  const good = await post(`${world.issuer}/token`, fields)
  assert.equal(good.status, 200, JSON.stringify(good.body))
  assert.equal(claimsIn(good.body['access_token'])['email'], 'kilgore@kilgore.trout')
  assert.equal(good.body['refresh_token'], undefined)
  assert.ok((await post(`${world.issuer}/token`, fields, { id: 'cli' })).status >= 400)
  assert.equal((await post(`${world.issuer}/token`, { ...fields, connector_id: 'local' })).status, 400)
  assert.equal(
    (await post(`${world.issuer}/token`, { ...fields, scope: 'openid offline_access' })).body['error'],
    'invalid_scope',
  )
})

test('a device code is redeemed once, by its own client, after the person has compared the code', async () => {
  await using world = await startBroker({ clients: [client('app'), client('other')] })
  const asked = await post(`${world.issuer}/device/code`, { scope: 'openid email' })
  assert.equal(asked.status, 200, JSON.stringify(asked.body))
  const { device_code, verification_uri_complete, user_code } = asked.body as Record<string, string>
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  const poll = (who?: { id: string; secret?: string }) =>
    post(`${world.issuer}/token`, { grant_type, device_code: device_code ?? '' }, who)
  assert.equal((await poll()).body['error'], 'authorization_pending')
  const browser = world.browser()
  const shown = await browser.open(verification_uri_complete ?? '')
  assert.match(shown.body, new RegExp(`value="${user_code}"`), 'the link alone has entered the code')
  const confirm = await browser.submit(shown)
  assert.match(confirm.body, /Does the device show this code/)
  const form = await browser.submit(confirm)
  const done = await browser.submit(form, credentials)
  assert.match(done.body, /The device is signed in/, done.body.slice(-600))
  assert.equal((await poll({ id: 'other', secret: 'other-secret' })).status, 400)
  const tokens = await poll()
  assert.equal(tokens.status, 200, JSON.stringify(tokens.body))
  assert.equal((await poll()).status, 400)
})

test('signing out leads to registered addresses only, and asks whom it does not know', async () => {
  await using world = await startBroker({
    clients: [client('app', { postLogoutRedirectURIs: ['https://app.test/bye'] })],
  })
  const browser = world.browser()
  const { body } = await redeem(world, await signIn(browser, authorizeUrl(world.issuer)))
  const hint = String(body['id_token'])
  const out = (more: Record<string, string>) => browser.open(`${world.issuer}/logout?${new URLSearchParams(more)}`)
  const evil = await out({ id_token_hint: hint, post_logout_redirect_uri: 'https://evil.test/' })
  assert.equal(evil.status, 400)
  const link = await out({ post_logout_redirect_uri: 'https://app.test/bye' })
  assert.match(link.body, /Sign out\?/, 'a bare link has signed somebody out')
  const gone = await out({ id_token_hint: hint, post_logout_redirect_uri: 'https://app.test/bye', state: 'x' })
  assert.equal(gone.url, 'https://app.test/bye?state=x')
  assert.match((await browser.open(authorizeUrl(world.issuer))).body, /type="password"/)
})

test('no password, code, token or cookie stands in a log line', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const page = await signIn(browser, authorizeUrl(world.issuer))
  const { body } = await redeem(world, page)
  await redeem(world, page)
  const told = JSON.stringify([world.log, world.audit])
  const cookie = /ostiary_broker_session=([^;]+)/.exec(browser.cookies.header(new URL(world.issuer), 'same-site'))?.[1]
  for (const secret of [
    rightPassword,
    answerOf(page).get('code'),
    body['access_token'],
    body['refresh_token'],
    cookie,
    'app-secret',
  ])
    assert.ok(!told.includes(String(secret)), String(secret).slice(0, 12))
})
