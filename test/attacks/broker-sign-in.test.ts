/** What somebody may try on sign-ins under way: whose attempt, whose answer, whose connector, whose session. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from '#test/actors/browser.ts'
import {
  Application,
  answerOf,
  authorizeUrl,
  client,
  post,
  redeem,
  rightPassword,
  signIn,
  startBroker,
  user,
  type World,
} from '#test/broker/world.ts'

const connector = (id: string) => ({
  ...{ type: 'mockCallback', id, name: id, config: {}, raw: {}, groups: undefined, grantTypes: [] },
})
const mocks = [connector('one'), connector('two')] as never
const credentials = { login: 'alice@corp.test', password: rightPassword }

/** Stops before an answer is brought to the broker's callback. */
class Stopping extends Application {
  readonly stopped: string[] = []

  constructor() {
    super({ port: 0, ca: '' })
  }

  protected override send(url: URL, ask: Parameters<Application['fetch']>[1] & object) {
    if (!url.pathname.includes('/callback')) return super.send(url, ask)
    this.stopped.push(url.href)
    return Promise.resolve({ url: url.href, status: 200, headers: {}, setCookies: [], body: 'stopped' })
  }
}

const over = (page: Page) => assert.deepEqual([page.status, /This sign-in is over/.test(page.body)], [400, true])

test('an answer for one attempt finishes no other of the same browser', async () => {
  await using world = await startBroker({ connectors: mocks })
  const browser = new Stopping()
  await browser.open(authorizeUrl(world.issuer, { connector_id: 'one', state: 'first' }))
  await browser.open(authorizeUrl(world.issuer, { connector_id: 'one', state: 'second' }))
  const [first, second] = browser.stopped.map((answer) => new URL(answer))
  assert.ok(first && second)
  const mixed = new URL(first)
  const [attempt] = (second.searchParams.get('state') ?? '').split('.')
  const [, nonce] = (first.searchParams.get('state') ?? '').split('.')
  mixed.searchParams.set('state', `${attempt}.${nonce}`)
  // The same cookies without the stop.
  const same = world.browser()
  Object.assign(same, { cookies: browser.cookies })
  over(await same.open(mixed.href))
  assert.equal(answerOf(await same.open(second.href)).get('state'), 'second')
  assert.equal(answerOf(await same.open(first.href)).get('state'), 'first')
})

test('mix-up: an answer is judged by the connector that was left for, whatever its path says', async () => {
  await using world = await startBroker({ connectors: mocks })
  const browser = new Stopping()
  await browser.open(authorizeUrl(world.issuer, { connector_id: 'one' }))
  const [answer = ''] = browser.stopped
  const same = world.browser()
  Object.assign(same, { cookies: browser.cookies })
  await same.open(answer.replace('/callback', '/callback/two'))
  assert.deepEqual(
    world.audit.map((event) => event.connector),
    ['one'],
  )
})

test('a connector that is not of the attempt is not reached by writing its name into the address', async () => {
  await using world = await startBroker({
    clients: [client('app', { allowedConnectors: ['local'] })],
    connectors: mocks,
    users: [user('alice')],
  })
  const browser = world.browser()
  const form = await browser.open(authorizeUrl(world.issuer))
  assert.match(form.body, /type="password"/)
  for (const name of ['one', 'two', '%6fne', 'nobody', '..', '%2e%2e', 'local%2f..%2fone', '__proto__'])
    assert.ok((await browser.open(form.url.replace('/auth/local/', `/auth/${name}/`))).status >= 400, name)
  assert.equal(world.audit.length, 0)
  const named = await browser.open(authorizeUrl(world.issuer, { connector_id: 'one' }))
  assert.equal(answerOf(named).get('error'), 'invalid_request')
  assert.equal(answerOf(named).get('code'), null)
})

test('a session of one connector is none for an application that may only use another', async () => {
  await using world = await startBroker({
    clients: [client('app'), client('strict', { allowedConnectors: ['local'] })],
    connectors: mocks,
    users: [user('alice')],
  })
  const browser = world.browser()
  assert.ok(answerOf(await browser.open(authorizeUrl(world.issuer, { connector_id: 'one' }))).get('code'))
  const strict = await browser.open(authorizeUrl(world.issuer, { client_id: 'strict' }))
  assert.match(strict.body, /type="password"/)
  const silent = await browser.open(authorizeUrl(world.issuer, { client_id: 'strict', prompt: 'none' }))
  assert.equal(answerOf(silent).get('error'), 'login_required')
})

test('a finished attempt is over: neither form nor answer nor address can be used again', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const form = await browser.open(authorizeUrl(world.issuer))
  const page = await browser.submit(form, credentials)
  assert.ok(answerOf(page).get('code'))
  over(await browser.open(form.url))
  over(await browser.submit(form, { login: 'bob@corp.test', password: rightPassword }))
  const resume = page.trail.map(({ url }) => url).find((url) => /\/auth\/[\w-]+$/.test(new URL(url).pathname))
  assert.ok(resume)
  assert.equal((await browser.open(resume)).status, 400)
})

test('two forms of one attempt at the same moment make one sign-in', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  const form = await browser.open(authorizeUrl(world.issuer))
  const pages = await Promise.all([browser.submit(form, credentials), browser.submit(form, credentials)])
  const codes = new Set(pages.map((page) => answerOf(page).get('code')).filter(Boolean))
  assert.equal(codes.size, 1, pages.map(({ url }) => url).join('\n'))
})

test('an attempt goes on in the browser that began it only, even after the password was right', async () => {
  await using world = await startBroker()
  const alice = world.browser()
  const form = await alice.open(authorizeUrl(world.issuer))
  const [name, login] = ['POST', new URLSearchParams(credentials).toString()]
  const sent = await alice.fetch(form.url, {
    method: name,
    body: login,
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: new URL(world.issuer).origin },
    from: form.url,
  })
  assert.equal(sent.status, 303)
  const onward = new URL(sent.headers['location'] ?? '', form.url).href
  const mallory = world.browser()
  const taken = await mallory.open(onward)
  assert.equal(taken.status, 400)
  assert.equal(answerOf(taken).get('code'), null)
  assert.ok(answerOf(await alice.open(onward)).get('code'))
})

test('nobody fills the store with answers that nobody waits for, and a posted answer is for one browser', async () => {
  await using world = await startBroker({ connectors: mocks })
  const postAnswer = (relay: string) =>
    fetch(`${world.issuer}/callback`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' },
      body: new URLSearchParams({ RelayState: relay, SAMLResponse: 'x'.repeat(1000) }),
    })
  for (const relay of ['', 'x', '../x', 'a'.repeat(40), '\u0000', '__proto__']) {
    const answer = await postAnswer(relay)
    assert.equal(answer.status, 400, relay)
  }
  const browser = new Stopping()
  await browser.open(authorizeUrl(world.issuer, { connector_id: 'one' }))
  const relay = new URL(browser.stopped[0] ?? '').searchParams.get('state') ?? ''
  const kept = await postAnswer(relay)
  assert.equal(kept.status, 303)
  over(await world.browser().open(new URL(kept.headers.get('location') ?? '', world.issuer).href))
  assert.equal(world.audit.length, 0)
})

test('an attempt cookie of another attempt, of none, or a made up one opens no form', async () => {
  await using world = await startBroker()
  const mine = world.browser()
  const form = await mine.open(authorizeUrl(world.issuer))
  const other = world.browser()
  await other.open(authorizeUrl(world.issuer))
  const uid = new URL(form.url).searchParams.get('state') ?? ''
  const theirs = /ostiary_attempt_[\w-]+=([\w-]+)/.exec(other.cookies.header(new URL(form.url), 'same-site'))?.[1]
  assert.ok(theirs)
  for (const value of [theirs, '', 'x'.repeat(43), uid, '\u00e9'.repeat(43)]) {
    const answer = await fetch(form.url, { headers: { cookie: `ostiary_attempt_${uid.slice(0, 12)}=${value}` } })
    assert.equal(answer.status, 400, value)
  }
})

test('cookies of sign-ins are kept from scripts and other sites, and lie below the issuer’s path', async () => {
  await using world = await startBroker()
  const answer = await fetch(authorizeUrl(world.issuer), { redirect: 'manual' })
  const cookies = answer.headers.getSetCookie()
  assert.ok(cookies.length >= 2)
  for (const cookie of cookies) {
    assert.match(cookie, /;\s*httponly/i)
    assert.match(cookie, /;\s*samesite=lax/i)
    assert.match(cookie, /;\s*path=\/dex/i)
  }
})

test('many begun sign-ins do not make a browser’s requests too long', async () => {
  await using world = await startBroker()
  const browser = world.browser()
  for (let at = 0; at < 40; at++) await browser.open(authorizeUrl(world.issuer))
  const sent = browser.cookies.header(new URL(`${world.issuer}/sign-in`), 'same-site')
  assert.ok(sent.length < 4096, String(sent.length))
  assert.ok(answerOf(await signIn(browser, authorizeUrl(world.issuer))).get('code'))
})

test('no page of a sign-in may be framed, cached, or told on, and none runs a script', async () => {
  await using world = await startBroker({ settings: consenting })
  const browser = world.browser()
  const form = await browser.open(authorizeUrl(world.issuer))
  const wrong = await browser.submit(form, { ...credentials, password: 'wrong' })
  const consent = await browser.submit(wrong, credentials)
  assert.match(consent.body, /May app know who you are/)
  const over = await browser.open(`${world.issuer}/sign-in?state=nothing`)
  const out = await browser.open(`${world.issuer}/logout`)
  const nowhere = await browser.open(`${world.issuer}/nowhere`)
  const refused = await browser.open(authorizeUrl(world.issuer, { client_id: 'nobody' }))
  const device = await browser.open(`${world.issuer}/device`)
  for (const page of [form, wrong, consent, over, out, nowhere, refused, device]) {
    const { headers, url } = page
    assert.match(headers['content-security-policy'] ?? '', /default-src 'none'.*frame-ancestors 'none'/, url)
    assert.doesNotMatch(headers['content-security-policy'] ?? '', /script-src|unsafe/, url)
    assert.equal(headers['x-frame-options'], 'DENY', url)
    assert.match(headers['cache-control'] ?? '', /no-store/, url)
    assert.equal(headers['x-content-type-options'], 'nosniff', url)
    assert.doesNotMatch(page.body, /<script/i, url)
  }
})

const consenting = {
  oauth2: { grantTypes: [], skipApprovalScreen: false, alwaysShowLoginScreen: false, pkceEnforce: false },
}

test('nobody agrees for somebody else: consent comes from its own page, in its own browser, each application apart', async () => {
  await using world = await startBroker({ settings: consenting, clients: [client('app'), client('other')] })
  const alice = world.browser()
  const consent = await signIn(alice, authorizeUrl(world.issuer))
  assert.match(consent.body, /May app know who you are/)
  const yes = { method: 'POST', body: 'approval=approve' }
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const cross = await alice.fetch(consent.url, { ...yes, headers: { ...type, origin: 'https://evil.test' } })
  assert.equal(cross.status, 403)
  const sibling = { ...type, 'sec-fetch-site': 'same-site' }
  assert.equal((await alice.fetch(consent.url, { ...yes, headers: sibling })).status, 403)
  const elsewhere = await world
    .browser()
    .fetch(consent.url, { ...yes, headers: { ...type, origin: new URL(world.issuer).origin } })
  assert.equal(elsewhere.status, 400)
  assert.equal((await alice.fetch(`${consent.url}&approval=approve`)).status, 200, 'an address has agreed')
  const page = await alice.submit(consent, { approval: 'approve' })
  assert.ok(answerOf(page).get('code'), page.body)
  const other = await alice.open(authorizeUrl(world.issuer, { client_id: 'other' }))
  assert.match(other.body, /May other know who you are/)
  const more = await alice.open(authorizeUrl(world.issuer, { scope: 'openid email' }))
  assert.match(more.body, /May app know who you are/)
  const refused = await alice.submit(more, { approval: 'reject' })
  assert.equal(answerOf(refused).get('error'), 'access_denied')
})

test('whoever signs in after somebody else has nothing of theirs: no session, no consent, no tokens that live on', async () => {
  await using world = await startBroker({ settings: consenting })
  const browser = world.browser()
  const agreed = await browser.submit(await signIn(browser, authorizeUrl(world.issuer)), { approval: 'approve' })
  const { body } = await redeem(world, agreed)
  const form = await browser.open(authorizeUrl(world.issuer, { prompt: 'login' }))
  const asked = await browser.submit(form, { login: 'bob@corp.test', password: rightPassword })
  assert.match(asked.body, /May app know who you are/, 'the consent of another person was taken')
  assert.match(asked.body, /Bob/)
  const after = await tokensOf(world, String(body['refresh_token']))
  assert.equal(after.status, 400, 'the tokens of the person before live on in a browser of somebody else')
})

const tokensOf = (world: World, token: string) =>
  post(`${world.issuer}/token`, { grant_type: 'refresh_token', refresh_token: token })

test('where the issuer has a host of its own, no sibling host can plant an attempt, nor finish theirs in another browser', async () => {
  await using world = await startBroker({ settings: { issuer: 'https://id.corp.test' } })
  const at = (path: string, init: RequestInit = {}) =>
    fetch(new URL(path, `http://${world.settings.web.http}`), { ...init, redirect: 'manual' })
  const begun = await at(authorizeUrl('').replace(/^.*\/auth/, '/auth'))
  const cookies = begun.headers.getSetCookie()
  const attempt = cookies.find((cookie) => cookie.includes('ostiary_attempt_')) ?? ''
  assert.match(attempt, /^__Host-ostiary_attempt_[\w-]{12}=[\w-]{43}; path=\/;.*secure; httponly/i)
  const form = new URL(begun.headers.get('location') ?? '', 'https://id.corp.test')
  const pair = attempt.split(';')[0] ?? ''
  const open = (cookie: string) => at(form.pathname + form.search, { headers: { cookie } })
  assert.equal((await open(pair)).status, 200)
  assert.equal((await open(pair.replace('__Host-', ''))).status, 400, 'a name that a sibling can plant is believed')
  // Mallory signs in, and has Alice's browser finish it: with the cookies that a sibling host can plant there.
  const signed = await at(form.pathname + form.search, {
    method: 'POST',
    headers: { cookie: pair, origin: 'https://id.corp.test', 'content-type': 'application/x-www-form-urlencoded' },
    body: String(new URLSearchParams(credentials)),
  })
  const onward = new URL(signed.headers.get('location') ?? '')
  const planted = cookies.map((cookie) => cookie.split(';')[0] ?? '').filter((cookie) => !cookie.startsWith('__Host-'))
  assert.ok(planted.some((cookie) => cookie.startsWith('ostiary_broker_resume=')))
  const taken = await at(onward.pathname, { headers: { cookie: planted.join('; ') } })
  assert.equal(taken.status, 400)
  assert.deepEqual(taken.headers.getSetCookie(), [])
  const own = await at(onward.pathname, { headers: { cookie: [...planted, pair].join('; ') } })
  assert.match(own.headers.get('location') ?? '', /^https:\/\/app\.test\/cb\?code=/)
})

test('a connector is used for its grants only, by form, by session and by refresh', async () => {
  const limited = (id: string, grantTypes: readonly string[]) => ({ ...connector(id), grantTypes })
  const device = 'urn:ietf:params:oauth:grant-type:device_code'
  const connectors = [limited('web', ['authorization_code']), limited('tv', [device])]
  await using world = await startBroker({
    connectors: connectors as never,
    clients: [client('app'), client('kept', { allowedConnectors: ['tv'] })],
    users: [user('alice')],
  })
  const at = async (browser: Application, id: string) => {
    const { body } = await post(`${world.issuer}/device/code`, { scope: 'openid' }, { id, secret: `${id}-secret` })
    const confirm = await browser.submit(await browser.open(String(body['verification_uri_complete'])))
    return await browser.submit(confirm)
  }
  const browser = world.browser()
  const chooser = await browser.open(authorizeUrl(world.issuer))
  assert.match(chooser.body, /\/auth\/web\/login/)
  assert.doesNotMatch(chooser.body, /\/auth\/tv\/login/)
  const forDevice = await at(browser, 'app')
  assert.match(forDevice.body, /\/auth\/tv\/login/)
  assert.doesNotMatch(forDevice.body, /\/auth\/web\/login/)
  over(await browser.open(new URL(forDevice.url).href.replace('/sign-in?', '/auth/web/login?')))
  // A session that came by the web is none for a device, nor does the web's application get what came for a device.
  const signed = await browser.open(authorizeUrl(world.issuer, { connector_id: 'web' }))
  const { body } = await redeem(world, signed)
  assert.ok(body['access_token'])
  assert.equal(body['refresh_token'], undefined)
  assert.match((await at(browser, 'app')).body, /\/auth\/tv\/login/, 'the session of the web has let a device in')
  const tv = world.browser()
  assert.match((await at(tv, 'kept')).body, /The device is signed in/)
  assert.match((await tv.open(authorizeUrl(world.issuer))).body, /\/auth\/web\/login/)
})
