import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerOf } from '#src/wire/headers.ts'
import { Browser, startWorld } from '#test/endpoints/world.ts'

const callback = /\/oauth2\/callback/
const handOver = /\/\.pomerium\/callback\//
const isSession = (name: string) => !/csrf|pkce/.test(name)

test("the provider's answer to one browser signs no other browser in (login CSRF)", async () => {
  await using world = await startWorld()
  world.idp.person = { ...world.idp.person, sub: 'sub-mallory' }
  const { url } = await new Browser(world).go('https://wiki.corp.test/csrf', { until: callback })
  world.idp.person = { ...world.idp.person, sub: 'sub-victim' }
  const victim = new Browser(world)
  const { answer } = await victim.go(url)
  assert.doesNotMatch(answer.body, /mallory/)
  assert.equal(answer.body, 'reached sub-victim GET /csrf', 'the victim signed in as who they are')
})

test('a hand-over opened in another browser signs nobody in', async () => {
  await using world = await startWorld()
  world.idp.person = { ...world.idp.person, sub: 'sub-mallory' }
  const { url } = await new Browser(world).go('https://wiki.corp.test/x', { until: handOver })
  const victim = new Browser(world)
  const answer = await victim.request(url)
  assert.match(headerOf(answer.headers, 'location') ?? '', /\/\.pomerium\/sign_in\?/)
  assert.deepEqual(victim.names('wiki.corp.test').filter(isSession), [])
  await victim.go('https://files.corp.test/')
  assert.deepEqual(victim.names('wiki.corp.test').filter(isSession), [])
})

test("somebody signed in who opens another's hand-over or answer stays who they are", async () => {
  await using world = await startWorld()
  const victim = new Browser(world)
  await victim.go('https://wiki.corp.test/')
  world.idp.person = { ...world.idp.person, sub: 'sub-mallory' }
  for (const until of [callback, handOver]) {
    const { url } = await new Browser(world).go('https://wiki.corp.test/lure', { until })
    assert.equal((await victim.go(url)).answer.body, 'reached sub-ada GET /lure')
  }
})

test('a hand-over works once: replayed with the very same cookies it gives no session', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  const { url } = await browser.go('https://wiki.corp.test/once', { until: handOver })
  const thief = browser.copy()
  assert.equal((await browser.go(url)).answer.body, 'reached sub-ada GET /once')
  for (const [key, { host, name }] of thief.jar)
    if (host.startsWith('authenticate') && isSession(name)) thief.jar.delete(key)
  const answer = await thief.request(url)
  assert.match(headerOf(answer.headers, 'location') ?? '', /sign_in/)
  assert.deepEqual(thief.names('wiki.corp.test').filter(isSession), [])
})

test('a callback works once: replayed with the very same cookies no code is redeemed', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  const { url } = await browser.go('https://wiki.corp.test/once', { until: callback })
  const thief = browser.copy()
  await browser.go(url)
  const redeemed = world.idp.forms.length
  const answer = await thief.request(url)
  assert.equal(world.idp.forms.length, redeemed)
  assert.deepEqual(thief.names('authenticate.corp.test').filter(isSession), [])
  assert.match(headerOf(answer.headers, 'location') ?? '', /^https:\/\/wiki\.corp\.test\/\.pomerium\/sign_in/)
})

test('a hand-over is good for a minute', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  const { url } = await browser.go('https://wiki.corp.test/late', { until: handOver })
  world.clock.now += 60_000
  const answer = await browser.request(url)
  assert.deepEqual(browser.names('wiki.corp.test').filter(isSession), [])
  assert.match(headerOf(answer.headers, 'location') ?? '', /sign_in/)
})

test('a hand-over for one host is noise at every other, and so is a bent one', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  const { url } = await browser.go('https://wiki.corp.test/x', { until: handOver })
  const sealed = new URL(url).searchParams.get('pomerium_session_encrypted') ?? ''
  const bent = [
    url.replace('wiki.', 'files.'),
    url.replace('wiki.corp.test', 'wiki.other.test'),
    url.replace(sealed, `${sealed.slice(0, -4)}AAAA`),
    url.replace(sealed, ''),
    `${url}&pomerium_session_encrypted=${sealed}`,
    url.split('?')[0] ?? '',
  ]
  for (const link of bent) {
    const fresh = browser.copy()
    assert.equal((await fresh.request(link)).body, 'failed HAND_OVER_INVALID', link.slice(0, 60))
    assert.deepEqual(fresh.names('wiki.corp.test').filter(isSession), [])
  }
})

test('a session ended between sign-in and hand-over is not handed over', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  await browser.go('https://files.corp.test/')
  const { url } = await browser.go('https://wiki.corp.test/x', { until: handOver })
  await browser.go('https://files.corp.test/.pomerium/sign_out')
  await browser.request(url)
  assert.deepEqual(browser.names('wiki.corp.test').filter(isSession), [])
})

test('state, attempt and hand-over of another installation are noise', async () => {
  await using one = await startWorld()
  await using two = await startWorld({ idp: one.idp })
  for (const [until, code] of [
    [callback, 'CALLBACK_INVALID'],
    [handOver, 'HAND_OVER_INVALID'],
  ] as const) {
    const { url } = await new Browser(one).go('https://wiki.corp.test/x', { until })
    assert.equal((await new Browser(two).request(url)).body, `failed ${code}`)
  }
})

test('a callback needs exactly one code and one state of ours', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  const { url } = await browser.go('https://wiki.corp.test/x', { until: callback })
  const state = encodeURIComponent(new URL(url).searchParams.get('state') ?? '')
  const bent = [
    '',
    '?code=x',
    '?code=x&state=abc',
    `?state=${state}`,
    `?code=x&code=y&state=${state}`,
    `?code=x&state=${state}&state=${state}`,
  ]
  for (const query of bent) {
    const answer = await browser.request(`https://authenticate.corp.test/oauth2/callback${query}`)
    assert.equal(answer.body, 'failed CALLBACK_INVALID', query.slice(0, 40))
  }
  assert.deepEqual(world.idp.forms, [], 'the provider was asked')
})

test("a session id that was there before the sign-in is not the session's (fixation)", async () => {
  await using world = await startWorld()
  const ids = new Set<string>()
  const browser = new Browser(world)
  for (let i = 0; i < 3; i++) {
    await browser.go('https://wiki.corp.test/.pomerium/sign_in?pomerium_switch=1')
    const cookie = browser.jar.get('wiki.corp.test __Host-ostiary')
    const place = { kind: 'session', scheme: 'https', host: 'wiki.corp.test' } as const
    const session = await world.sessions.open(['cookie', `__Host-ostiary=${cookie?.value}`], place, world.clock.now)
    ids.add(session?.id ?? '')
    world.clock.now += 6000
  }
  assert.equal(ids.size, 3)
})

const losses: [string, (name: string, host: string) => boolean, RegExp][] = [
  ['all cookies', () => true, /__Host-ostiary_pkce_/],
  ['the cookies of the route host', (_, host) => host.startsWith('wiki'), /__Host-ostiary_csrf_/],
  [
    'the session cookie of the route host',
    (name, host) => host.startsWith('wiki') && isSession(name),
    /__Host-ostiary was set/,
  ],
  ['the attempts of the authenticate host', (name) => name.includes('pkce'), /__Host-ostiary_pkce_/],
]
for (const [title, refuses, named] of losses) {
  test(`a browser that drops ${title} goes round at most once, and reads which cookie was lost`, async () => {
    await using world = await startWorld()
    const browser = new Browser(world)
    browser.refuses = refuses
    const { answer, trail } = await browser.go('https://wiki.corp.test/loop')
    assert.equal(answer.status, 400)
    assert.match(answer.body, /COOKIES_LOST/)
    assert.match(answer.body, named)
    assert.match(answer.body, /Secure.*SameSite/)
    assert.ok(trail.filter(({ url }) => url.startsWith(world.idp.issuer)).length <= 2)
  })
}

test('a session cookie lost by its Domain is named so', async () => {
  await using world = await startWorld({ cookies: { cookieDomain: 'corp.test' } })
  const browser = new Browser(world)
  browser.refuses = (name) => name === '__Secure-ostiary'
  const { answer } = await browser.go('https://wiki.corp.test/loop')
  assert.match(answer.body, /COOKIES_LOST The cookie __Secure-ostiary .*Domain: the cookie is for corp\.test/)
})

test('with cookie_domain one sign-in opens all hosts below it, without another round', async () => {
  await using world = await startWorld({ cookies: { cookieDomain: 'corp.test' } })
  const browser = new Browser(world)
  await browser.go('https://wiki.corp.test/')
  assert.equal((await browser.request('https://files.corp.test/x')).body, 'reached sub-ada GET /x')
  assert.equal((await browser.request('https://wiki.other.test/x')).status, 302)
})
