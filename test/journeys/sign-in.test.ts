import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe } from '#test/actors/browser.ts'
import { echoOf, people, startWorld } from './world.ts'

test('a visitor without a session signs in and arrives at the deep address they asked for, byte for byte', async () => {
  await using world = await startWorld()
  const wanted = world.url('any', '/deep/p%C3%A4th/a+b?q=%7Bx%7D&q=%7Bx%7D&empty=&e=%26%3D')
  const page = await world.browser().signIn(wanted, people.alice.email)
  assert.equal(page.status, 200, describe(page))
  assert.equal(page.url, wanted)
  assert.equal(echoOf(page).url, '/deep/p%C3%A4th/a+b?q=%7Bx%7D&q=%7Bx%7D&empty=&e=%26%3D')
})

test('the second request needs no provider, and neither does another host', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'any')
  const asked = world.idp.requests.length
  const again = await browser.open(world.url('any', '/again'))
  assert.deepEqual(
    again.trail.map(({ status }) => status),
    [200],
  )
  const elsewhere = await browser.open(world.url('hello', '/elsewhere'))
  assert.equal(elsewhere.status, 200, describe(elsewhere))
  assert.equal(elsewhere.url, world.url('hello', '/elsewhere'))
  assert.equal(world.idp.requests.length, asked, 'the provider was asked again')
})

test('ten tabs opened at once, signed in one after the other, all arrive where they wanted', async () => {
  await using world = await startWorld()
  const browser = world.browser()
  const wanted = Array.from({ length: 10 }, (_, index) => world.url('any', `/tab/${index}?n=${index}`))
  const forms = await Promise.all(wanted.map((address) => browser.open(address)))
  for (const form of forms) assert.match(form.body, /type="password"/, describe(form))
  for (const [index, form] of forms.entries()) {
    const page = await browser.submit(form, { login: people.alice.email, password: 'password' })
    assert.equal(page.url, wanted[index], describe(page))
    assert.equal(page.status, 200)
  }
})

test('ten tabs that are restored after the provider knows the user arrive without a question', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'any')
  browser.cookies.forget(({ host }) => host.endsWith('corp.test'))
  const wanted = Array.from({ length: 10 }, (_, index) => world.url('hello', `/tab/${index}`))
  const pages = await Promise.all(wanted.map((address) => browser.open(address)))
  for (const [index, page] of pages.entries()) assert.equal(page.url, wanted[index], describe(page))
})

test('a background request gets 401 with the address to sign in at, and never a redirect', async () => {
  await using world = await startWorld()
  for (const headers of [
    { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', accept: 'application/json' },
    { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image', accept: 'image/*' },
    { 'x-requested-with': 'XMLHttpRequest', accept: '*/*' },
  ]) {
    const reply = await world.browser().fetch(world.url('any', '/api'), { headers, from: world.url('any') })
    assert.equal(reply.status, 401, JSON.stringify(headers))
    const { login_url: loginUrl, request_id: requestId } = JSON.parse(reply.body) as Record<string, string>
    assert.match(String(requestId), /^[0-9a-f-]{36}$/)
    assert.ok(new URL(String(loginUrl)).hostname.endsWith('.corp.test'))
    assert.equal(reply.headers['location'], undefined)
  }
})

test('the address in a 401 leads through sign-in', async () => {
  await using world = await startWorld()
  const browser = world.browser()
  const reply = await browser.fetch(world.url('any', '/api'), { from: world.url('any') })
  const { login_url: loginUrl } = JSON.parse(reply.body) as Record<string, string>
  const page = await browser.signIn(String(loginUrl), people.alice.email)
  assert.equal(page.status, 200, describe(page))
  assert.equal(new URL(page.url).hostname, 'any.corp.test')
})

test('somebody known who is not allowed is told so politely, and keeps the session', async () => {
  await using world = await startWorld()
  const browser = world.browser()
  const denied = await browser.signIn(world.url('hello', '/secret'), people.bob.email)
  assert.equal(denied.status, 403, describe(denied))
  assert.match(denied.body, /bob@corp\.test/)
  assert.match(denied.body, /sign in as somebody else/i)
  assert.match(denied.body, new RegExp(String(denied.headers['x-request-id'])))
  assert.equal(world.upstream.requests.length, 0, 'the application saw the request')
  const allowed = await browser.open(world.url('any'))
  assert.deepEqual(allowed.trail.map(({ status }) => status).at(-1), 200, describe(allowed))
  assert.equal(echoOf(allowed).headers['x-email'], people.bob.email)
})

test('the button on the denied page signs in somebody else', async () => {
  await using world = await startWorld()
  const browser = world.browser()
  const denied = await browser.signIn(world.url('hello', '/secret'), people.bob.email)
  const link = /<a\b[^>]*href="([^"]*)"[^>]*>Sign in as somebody else/.exec(denied.body)?.[1]
  assert.ok(link, describe(denied))
  const form = await browser.open(new URL(link.replaceAll('&amp;', '&'), denied.url).href, { from: denied.url })
  const page = await browser.submit(form, { login: people.alice.email, password: 'password' }, 'type="password"')
  assert.equal(page.status, 200, describe(page))
  assert.equal(page.url, world.url('hello', '/secret'))
  assert.equal(echoOf(page).headers['x-email'], people.alice.email)
})

test('a wildcard host signs in like any other', async () => {
  await using world = await startWorld()
  const page = await world.browser().signIn(world.url('anything.apps', '/x'), people.bob.email)
  assert.equal(page.status, 200, describe(page))
  assert.equal(page.url, world.url('anything.apps', '/x'))
})

test('an unknown host is a 404 for everybody, signed in or not', async () => {
  await using world = await startWorld()
  const stranger = await world.browser().open(world.url('nowhere'))
  assert.equal(stranger.status, 404)
  const known = await (await world.signedIn('alice')).open(world.url('nowhere'))
  assert.equal(known.status, 404)
})

test('a browser that keeps no cookies is stopped on a page that names the cause', async () => {
  await using world = await startWorld({ idp: { autoLogin: people.alice.email } })
  const browser = world.browser()
  const { store } = browser.cookies
  browser.cookies.store = (url, fields) =>
    url.hostname.endsWith('corp.test') ? undefined : store.call(browser.cookies, url, fields)
  const page = await browser.open(world.url('any', '/loop'))
  assert.ok(page.status >= 400 && page.status < 500, describe(page))
  assert.match(page.body, /cookie/i)
})

test('the session does not open at another host when its cookie is carried there', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'any')
  const cookie = browser.cookies
    .matching(new URL(world.url('any')))
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')
  const reply = await world.browser().fetch(world.url('hello'), { headers: { cookie } })
  assert.equal(reply.status, 401)
})
