/** Sessions whose refresh token a restart has lost: their cookies count for as long as what they bear is fresh. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { type Browser, describe, type Page } from '#test/actors/browser.ts'
import { type Config, type RunningProxy, startProxy } from '#test/actors/proxy.ts'
import { says, startRefreshing } from './refreshing.ts'
import { echoOf, type World } from './world.ts'

/** Seconds: 10 is the least for which a word of the provider holds, and whatever cannot be sent round goes on for as long again. */
const interval = { session_refresh_interval: '10s' }

/** Another process in the place of the one that has the refresh tokens. */
async function restart(world: World, config: Config = world.config): Promise<RunningProxy> {
  await world.proxy.stop()
  return await startProxy({ config, port: world.proxy.port })
}

/** Of a session that was set moments ago. */
const isMark = (cookie: string) => /_csrf=/.test(cookie)

const hasBeenSentTo = ({ trail }: Page, { idp }: World) => trail.some(({ url }) => url.startsWith(`${idp.issuer}/`))

/** Asks in the background until the log has such a line. */
async function asksUntil(browser: Browser, world: World, message: string): Promise<void> {
  for (const end = Date.now() + 9_000; !world.proxy.log().some(says(message)); await pause(250)) {
    await browser.fetch(world.url('hello'), { from: world.url('hello') })
    if (Date.now() > end) assert.fail(`the log never said ${message}`)
  }
}

test('after a restart an old session goes round by the provider at its next page, and nothing else is lost', async () => {
  const { world } = await startRefreshing({ ttl: 3600 }, interval)
  await using _ = world
  const url = world.url('ws', '/deep?x=1')
  const [alice, copy] = [await world.signedIn('alice', 'ws'), await world.signedIn('alice', 'ws')]
  await using _again = await restart(world)
  const early = await alice.open(url)
  assert.deepEqual([early.status, early.trail.length], [200, 1], describe(early))
  const socket = copy.webSocket(world.url('ws', '/chat'))
  await once(socket, 'open')
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(25_000) })

  await pause(10_000)
  assert.equal((await alice.fetch(url, { from: url })).status, 200, 'a request of the application')
  const form = { method: 'POST', body: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } }
  const posted = await alice.open(url, { ...form, from: url })
  assert.deepEqual([posted.status, echoOf(posted).method, echoOf(posted).body.bytes], [200, 'POST', 3])
  const frame = { headers: { 'sec-fetch-dest': 'iframe' }, from: url }
  assert.equal((await alice.open(url, frame)).trail.length, 1, 'a frame shows no sign-in page')
  const page = await alice.open(url)
  assert.deepEqual([page.url, page.status], [url, 200], describe(page))
  assert.ok(hasBeenSentTo(page, world), describe(page))
  assert.ok(page.trail.length < 10 && !page.body.includes('type="password"'), 'nobody was asked anything')
  assert.equal((await alice.open(url)).trail.length, 1, 'once')

  const [code] = (await closed) as [number]
  assert.equal(code, 1008, 'an open connection ends an interval later')
  assert.equal((await copy.fetch(url, { from: url })).status, 401)
  assert.equal((await alice.fetch(url, { from: url })).status, 200, 'looked after again')
})

test('who has left the group while the process was down does not get in with an old cookie', async () => {
  const { world, alice } = await startRefreshing({ ttl: 3600 }, interval)
  await using _ = world
  const browser = await world.signedIn('alice', 'hello')
  alice.groups = ['interns']
  await using _again = await restart(world)
  await pause(10_500)
  const page = await browser.open(world.url('hello'))
  assert.equal(page.status, 403, describe(page))
})

test('what the provider has said since is sealed into the cookie, and is what counts after a restart', async () => {
  const { world, alice } = await startRefreshing({ ttl: 3600 }, { session_refresh_interval: '1s' })
  await using _ = world
  const browser = await world.signedIn('alice', 'hello')
  const cookies = browser.cookies.header(new URL(world.url('hello')), 'same-site') ?? ''
  const before = cookies.split('; ').filter((cookie) => !isMark(cookie)).join('; ') // biome-ignore format: one thought
  alice.groups = ['devops', 'finance']
  const patient = { ...world.config, session_refresh_interval: '1h' }
  world.proxy.write(patient)
  await world.proxy.logged(says('configuration in force'))
  await asksUntil(browser, world, 'session refreshed')
  const url = world.url('hello', '/deep?x=1')
  // The mark of the sign-in is gone by then.
  await pause(1_500)
  const page = await browser.open(url)
  const renewed = page.trail.map(({ status, url: at }) => [status, at])
  assert.deepEqual(renewed, [[302, url], [200, url]], describe(page)) // biome-ignore format: a line each
  assert.equal((await browser.open(url)).trail.length, 1)
  // A browser that does not keep the new one is not sent round for ever.
  const stubborn = async (cookie: string) => {
    const headers = { cookie, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
    return await world.browser().fetch(url, { headers })
  }
  const sent = await stubborn(before)
  const mark = sent.setCookies.map((line) => line.split(';')[0] ?? '').find(isMark)
  assert.deepEqual([sent.status, (await stubborn(`${before}; ${mark}`)).status], [302, 200])

  await using _again = await restart(world, patient)
  await pause(8_000)
  const later = await browser.open(url)
  assert.equal(later.trail.length, 1, `fresh for an hour: ${describe(later)}`)
  assert.equal(echoOf(later).headers['x-groups'], 'devops,finance')
})
