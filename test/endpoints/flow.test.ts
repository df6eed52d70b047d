import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerOf } from '#src/wire/headers.ts'
import { setCookieLines } from '#test/session/cookies.ts'
import { authenticate, Browser, navigation, startWorld } from './world.ts'

const location = (answer: { headers: readonly string[] }) => headerOf(answer.headers, 'location') ?? ''

test('a stranger is sent to sign in and arrives at the page, path and query octet for octet', async () => {
  await using world = await startWorld()
  const query = "?z=%20a&a=b+c&empty=&flag&path=%2Fx%2fy&u=%C3%A9&q='(x)*!~;,"
  const { answer, trail } = await new Browser(world).go(`https://wiki.corp.test/a/b;v=1${query}`)
  assert.equal(answer.body, `reached sub-ada GET /a/b;v=1${query}`)
  const places = trail.map(({ url }) => url.split('?')[0])
  assert.deepEqual(places, [
    'https://wiki.corp.test/a/b;v=1',
    `${authenticate}/.pomerium/sign_in`,
    `${world.idp.issuer}/authorize`,
    `${authenticate}/oauth2/callback`,
    'https://wiki.corp.test/.pomerium/callback/',
    'https://wiki.corp.test/a/b;v=1',
  ])
})

test('afterwards the browser has one session cookie at each host, and nothing else that lasts', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  await browser.go('https://wiki.corp.test/')
  assert.deepEqual(browser.names('authenticate.corp.test'), ['__Host-ostiary_authenticate'])
  assert.deepEqual(browser.names('wiki.corp.test').sort(), ['__Host-ostiary', '__Host-ostiary_csrf'])
})

test('the second host needs neither the provider nor a form', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  await browser.go('https://wiki.corp.test/')
  const { answer, trail } = await browser.go('https://files.corp.test/second')
  assert.equal(answer.body, 'reached sub-ada GET /second')
  assert.ok(!trail.some(({ url }) => url.startsWith(world.idp.issuer)))
})

test('a POST comes back as GET, by 303', async () => {
  await using world = await startWorld()
  const { answer, trail } = await new Browser(world).go('https://wiki.corp.test/form', { method: 'POST' })
  assert.equal(trail[0]?.answer.status, 303)
  assert.equal(answer.body, 'reached sub-ada GET /form')
})

const background: [string, string[]][] = [
  ['fetch', ['sec-fetch-mode', 'cors', 'sec-fetch-dest', 'empty', 'accept', '*/*']],
  ['an image', ['sec-fetch-mode', 'no-cors', 'sec-fetch-dest', 'image', 'accept', 'image/avif,*/*']],
  ['XMLHttpRequest of old', ['x-requested-with', 'XMLHttpRequest', 'accept', 'text/html']],
  ['a program that wants JSON', ['accept', 'application/json']],
  ['a WebSocket', ['upgrade', 'websocket', 'accept', 'text/html']],
]
for (const [title, headers] of background) {
  test(`${title} gets 401 with login_url and request_id, no redirect and no cookie`, async () => {
    await using world = await startWorld()
    const answer = await new Browser(world).request('https://wiki.corp.test/api', { headers })
    assert.equal(answer.status, 401)
    const body = JSON.parse(answer.body)
    assert.match(body.login_url, /^https:\/\/wiki\.corp\.test\/\.pomerium\/sign_in\?/)
    assert.equal(body.request_id, '00000000-0000-4000-8000-000000000000')
    assert.equal(body.error, 'Unauthenticated')
    assert.equal(location(answer), '')
    assert.deepEqual(setCookieLines(answer.headers), [])
    assert.equal(headerOf(answer.headers, 'cache-control'), 'no-store')
  })
}

test('PUT and PROPFIND are nobody going somewhere', async () => {
  await using world = await startWorld()
  for (const method of ['PUT', 'PROPFIND', 'OPTIONS']) {
    assert.equal(
      (await new Browser(world).request('https://wiki.corp.test/x', { method, headers: [] })).status,
      401,
      method,
    )
  }
})

test('clients without Fetch Metadata are judged by Accept, as Pomerium does', async () => {
  await using world = await startWorld()
  const status = async (...headers: string[]) =>
    (await new Browser(world).request('https://wiki.corp.test/x', { headers })).status
  assert.equal(await status(), 302)
  assert.equal(await status('accept', '*/*'), 302)
  assert.equal(await status('accept', 'application/xml'), 302)
  assert.equal(await status('accept', 'text/html;q=0.1, application/json'), 401)
  assert.equal(await status('accept', 'text/plain'), 401)
})

test('login_url signs in and returns to the page the request came from', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  const headers = ['sec-fetch-mode', 'cors', 'referer', 'https://wiki.corp.test/page?x=%20']
  const { login_url: url } = JSON.parse((await browser.request('https://wiki.corp.test/api', { headers })).body)
  assert.equal((await browser.go(url)).answer.body, 'reached sub-ada GET /page?x=%20')
  const foreign = ['sec-fetch-mode', 'cors', 'referer', 'https://evil.test/page']
  const start = JSON.parse(
    (await new Browser(world).request('https://wiki.corp.test/api', { headers: foreign })).body,
  ).login_url
  assert.equal(new URL(start).searchParams.get('pomerium_redirect_uri'), 'https://wiki.corp.test/')
})

test('ten tabs at once all arrive where they wanted', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  const tabs = Array.from({ length: 10 }, (_, i) => browser.go(`https://wiki.corp.test/tab/${i}`))
  const bodies = (await Promise.all(tabs)).map(({ answer }) => answer.body)
  assert.deepEqual(
    bodies,
    Array.from({ length: 10 }, (_, i) => `reached sub-ada GET /tab/${i}`),
  )
})

test('ten tabs wait at the login form and come back in any order, though only five attempts are kept', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  const waiting: string[] = []
  for (let i = 0; i < 10; i++) {
    world.clock.now += 1000
    waiting.push((await browser.go(`https://wiki.corp.test/tab/${i}`, { until: /\/oauth2\/callback/ })).url)
  }
  assert.equal(browser.names('wiki.corp.test').length, 5)
  assert.equal(browser.names('authenticate.corp.test').length, 5)
  for (const [i, url] of [...waiting.entries()]) {
    assert.equal((await browser.go(url)).answer.body, `reached sub-ada GET /tab/${i}`, `tab ${i}`)
  }
})

test('a very long address arrives whole, and is in no address on the way', async () => {
  await using world = await startWorld()
  const query = `?q=${'abc-'.repeat(550)}`
  const { answer, trail } = await new Browser(world).go(`https://wiki.corp.test/long${query}`)
  assert.equal(answer.body, `reached sub-ada GET /long${query}`)
  for (const { url } of trail.slice(1, -1)) assert.ok(url.length < 2500, `${url.length} ${url.slice(0, 60)}`)
})

test('an address that no cookie holds arrives without its query, cookies within their limits', async () => {
  await using world = await startWorld()
  const { answer, trail } = await new Browser(world).go(`https://wiki.corp.test/long?q=${'x'.repeat(9000)}`)
  assert.equal(answer.body, 'reached sub-ada GET /long')
  for (const line of trail.flatMap((hop) => setCookieLines(hop.answer.headers))) assert.ok(line.length <= 4096)
})

test('many groups arrive too, in at most two cookies for each host', async () => {
  await using world = await startWorld()
  world.idp.person = {
    ...world.idp.person,
    groups: Array.from({ length: 200 }, () => crypto.randomUUID().replaceAll('-', '').padEnd(40, '7')),
  }
  const browser = new Browser(world)
  const { answer } = await browser.go('https://wiki.corp.test/')
  assert.equal(answer.body, 'reached sub-ada GET /')
  assert.ok(browser.names('wiki.corp.test').filter((name) => !name.includes('csrf')).length <= 2)
})

test('when cookie_expire has passed the flow starts again, and the provider knows the user', async () => {
  await using world = await startWorld({ cookieExpire: 4000 })
  const browser = new Browser(world)
  await browser.go('https://wiki.corp.test/')
  world.clock.now += 4000
  const { answer, trail } = await browser.go('https://wiki.corp.test/again')
  assert.equal(answer.body, 'reached sub-ada GET /again')
  assert.ok(trail.some(({ url }) => url.startsWith(world.idp.issuer)))
})

test('a slow login is sent round once, and arrives', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  const { url } = await browser.go('https://wiki.corp.test/slow', { until: /\/oauth2\/callback/ })
  world.clock.now += 20 * 60_000
  for (const [key, { name }] of browser.jar) if (/csrf|pkce/.test(name)) browser.jar.delete(key)
  assert.equal((await browser.go(url)).answer.body, 'reached sub-ada GET /slow')
})

test('with cookie_same_site strict the last step starts on the host itself, attempts stay lax', async () => {
  await using world = await startWorld({ cookies: { sameSite: 'strict' } })
  const { answer, trail } = await new Browser(world).go('https://wiki.corp.test/x?y=1')
  assert.equal(answer.body, 'proceed https://wiki.corp.test/x?y=1')
  const lines = trail.flatMap((hop) => setCookieLines(hop.answer.headers))
  for (const line of lines.filter((line) => /csrf_|pkce_|authenticate/.test(line))) assert.match(line, /SameSite=Lax/)
  for (const line of lines.filter((line) => /^__Host-ostiary(_csrf)?=/.test(line)))
    assert.match(line, /SameSite=Strict/)
})

test('over plain http the cookies have neither Secure nor a prefix', async () => {
  await using world = await startWorld()
  const answer = await new Browser(world).request('http://wiki.corp.test/')
  assert.match(
    setCookieLines(answer.headers)[0] ?? '',
    /^ostiary_csrf_[^;]+; Path=\/; Max-Age=300; HttpOnly; SameSite=Lax$/,
  )
})

test('signing in as somebody else asks the provider, and ends what the former user had open', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  await browser.go('https://files.corp.test/')
  await browser.go('https://wiki.corp.test/')
  world.clock.now += 6000
  world.idp.person = { ...world.idp.person, sub: 'sub-bob' }
  const { answer, trail } = await browser.go(
    'https://wiki.corp.test/.pomerium/sign_in?pomerium_switch=1&pomerium_redirect_uri=%2Fback',
  )
  assert.equal(answer.body, 'reached sub-bob GET /back')
  const asked = trail.find(({ url }) => url.startsWith(world.idp.issuer))?.url ?? ''
  assert.equal(new URL(asked).searchParams.get('prompt'), 'login')
  assert.equal((await browser.go('https://files.corp.test/')).answer.body, 'reached sub-bob GET /')
})

test('a provider that says no ends in a page with its word, and no second try', async () => {
  await using world = await startWorld()
  const browser = new Browser(world)
  const { url } = await browser.go('https://wiki.corp.test/no', { until: /\/oauth2\/callback/ })
  const back = new URL(url)
  back.searchParams.delete('code')
  back.searchParams.set('error', 'access_denied')
  const answer = await browser.request(back.href)
  assert.equal(answer.status, 401)
  assert.match(answer.body, /PROVIDER_REFUSED.*access_denied retry=https:\/\/wiki\.corp\.test\/no/)
  back.searchParams.set('error', '<script>alert(1)</script>')
  assert.doesNotMatch((await browser.request(back.href)).body, /script/)
})

test('a provider that is away gives 503 with Retry-After, and the next try arrives', async () => {
  await using world = await startWorld()
  world.idp.lie = { fail: { '/.well-known/openid-configuration': 503 } }
  const browser = new Browser(world)
  const first = await browser.go('https://wiki.corp.test/away')
  assert.equal(first.answer.status, 503)
  assert.ok(headerOf(first.answer.headers, 'retry-after'))
  world.idp.lie = {}
  await new Promise((resolve) => setTimeout(resolve, 600))
  const { url } = await browser.go('https://wiki.corp.test/away', { until: /\/oauth2\/callback/ })
  world.idp.lie = { fail: { '/token': 503 } }
  assert.equal((await browser.request(url)).status, 503)
  world.idp.lie = {}
  assert.equal((await browser.go(url)).answer.body, 'reached sub-ada GET /away', 'reloading the page begins anew')
})

test('our own answers bear the configured response headers where we set none of our own', async () => {
  await using world = await startWorld()
  const answer = await new Browser(world).request('https://wiki.corp.test/', { headers: navigation })
  assert.equal(headerOf(answer.headers, 'x-frame-options'), 'SAMEORIGIN')
  assert.equal(headerOf(answer.headers, 'cache-control'), 'no-store')
})
