import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authenticate, Browser, startWorld, type World } from '#test/endpoints/world.ts'

const sessionOf = (browser: Browser, host: string) =>
  [...browser.jar.values()].filter((cookie) => cookie.host === host && !/csrf|pkce/.test(cookie.name))
const text = (cookies: { name: string; value: string }[]) =>
  cookies.map(({ name, value }) => `${name}=${value}`).join('; ')

/** Nobody: the request with exactly this cookie text is sent to sign in. */
async function isNobody(world: World, cookie: string, host = 'wiki.corp.test'): Promise<boolean> {
  const visit = world.visit(`https://${host}/forged`, { headers: ['accept', 'text/html', 'cookie', cookie] })
  return (await world.answer(visit)).status === 302
}

async function signedIn() {
  const world = await startWorld()
  const browser = new Browser(world)
  await browser.go('https://wiki.corp.test/')
  world.clock.now += 6000
  return { world, browser, cookie: text(sessionOf(browser, 'wiki.corp.test')) }
}

test('the cookie shows neither who the user is nor a token', async () => {
  const { world, cookie } = await signedIn()
  await using _ = world
  for (const part of cookie.split(/[.*~=]/)) {
    for (const readable of [part, Buffer.from(part, 'base64url').toString('latin1')])
      assert.doesNotMatch(readable, /ada|devops|at_/)
  }
})

test('the cookie of one host opens no other, nor the authenticate host, nor the other way round', async () => {
  const { world, browser, cookie } = await signedIn()
  await using _ = world
  assert.equal(await isNobody(world, cookie), false)
  assert.equal(await isNobody(world, cookie, 'files.corp.test'), true)
  const [own] = sessionOf(browser, 'authenticate.corp.test')
  assert.equal(await isNobody(world, `__Host-ostiary=${own?.value}`), true)
  const planted = world.visit(`${authenticate}/.pomerium/`, {
    headers: ['cookie', cookie.replace('__Host-ostiary', '__Host-ostiary_authenticate')],
  })
  assert.equal((await world.answer(planted)).body, 'you are nobody')
})

test('a cookie for another purpose is no session', async () => {
  const { world, browser } = await signedIn()
  await using _ = world
  const fresh = new Browser(world)
  await fresh.request('https://wiki.corp.test/x')
  for (const { name, value } of [...browser.jar.values(), ...fresh.jar.values()]) {
    if (!/csrf|pkce/.test(name)) continue
    assert.equal(await isNobody(world, `__Host-ostiary=1.${value}`), true, name)
    assert.equal(await isNobody(world, `__Host-ostiary=${value}`), true, name)
  }
})

test('a cookie with any character changed is nobody', async () => {
  const { world, cookie } = await signedIn()
  await using _ = world
  for (let at = cookie.indexOf('=') + 1; at < cookie.length; at += 3) {
    const bent = `${cookie.slice(0, at)}${cookie[at] === 'A' ? 'B' : 'A'}${cookie.slice(at + 1)}`
    assert.equal(await isNobody(world, bent), true, `character ${at}`)
  }
})

test('truncated, empty, doubled, quoted and garbage cookies are nobody', async () => {
  const { world, cookie } = await signedIn()
  await using _ = world
  const [name, value = ''] = cookie.split(/=(.*)/s)
  const values = [
    value.slice(0, -1),
    value.slice(1),
    '',
    `"${value}"`,
    value + value,
    'null',
    '%00',
    '{"sub":"root"}',
    'Fe26.2**',
    `${value}.x`,
    'Ã©',
    '='.repeat(50),
    '4.',
    '9.x',
    `2.${value.slice(2)}`,
    'A'.repeat(60_000),
  ]
  for (const bad of values) assert.equal(await isNobody(world, `${name}=${bad}`), true, bad.slice(0, 20))
})

test('a cookie of another installation is nobody', async () => {
  const { world, cookie } = await signedIn()
  await using _ = world
  await using other = await startWorld()
  assert.equal(await isNobody(other, cookie), true)
})

test('a cookie kept beyond cookie_expire is nobody, whatever the browser was told', async () => {
  const { world, cookie } = await signedIn()
  await using _ = world
  world.clock.now += 3_600_000
  assert.equal(await isNobody(world, cookie), true)
})

test('floods of garbage cookies leave the honest session open, and nothing behind', async () => {
  const { world, cookie } = await signedIn()
  await using _ = world
  for (let i = 0; i < 500; i++) await isNobody(world, `${cookie.slice(0, -6)}${String(i).padStart(4, '0')}~2`)
  assert.equal(await isNobody(world, cookie), false)
})
