import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { says, startRefreshing, tokenRequests, until } from './refreshing.ts'
import { echoOf } from './world.ts'

test('somebody who leaves the group loses the application with the next refresh, and gets it back the same way', async () => {
  const { world, alice } = await startRefreshing()
  await using _ = world
  const browser = await world.signedIn('alice', 'hello')
  const cookies = browser.cookies.header(new URL(world.url('hello')), 'same-site')
  await browser.open(world.url('wsgroup'))
  await browser.open(world.url('any'))
  const socket = browser.webSocket(world.url('wsgroup', '/chat'))
  await once(socket, 'open')
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(15_000) })

  alice.groups = ['interns']
  await until(browser, world.url('hello'), 403)
  const [code] = (await Promise.race([closed, pause(1_000)])) ?? ['still open']
  assert.equal(code, 1008, 'what is open is judged again, at once')
  const any = await browser.open(world.url('any'))
  assert.equal(echoOf(any).headers['x-groups'], 'interns', 'headers of another application')
  const assertion = String(echoOf(any).headers['x-pomerium-jwt-assertion']).split('.')[1] ?? ''
  assert.deepEqual(JSON.parse(Buffer.from(assertion, 'base64url').toString()).groups, ['interns'])
  const page = await browser.open(world.url('hello', '/.pomerium/'))
  assert.match(page.body, /interns/)
  const old = await world.browser().fetch(world.url('hello'), { headers: { cookie: cookies } })
  assert.equal(old.status, 403, 'the cookie of before does not bring the group back')

  alice.groups = ['devops']
  await until(browser, world.url('hello'), 200)
  const line = await world.proxy.logged(says('session refreshed'))
  assert.equal(line['changed'], true)
  assert.equal(typeof line['session-id'], 'string')
  assert.equal(tokenRequests(world), 3, 'one question each time')
})

test('a user whom the provider does not know any more is signed out, WebSockets included', async () => {
  const { world, alice } = await startRefreshing()
  await using _ = world
  const browser = await world.signedIn('alice', 'ws')
  const socket = browser.webSocket(world.url('ws', '/chat'))
  await once(socket, 'open')
  alice.isGone = true
  // No request: the open connection itself is the reason to ask.
  const [code] = (await once(socket, 'close', { signal: AbortSignal.timeout(15_000) })) as [number]
  assert.equal(code, 1008)
  assert.equal((await browser.fetch(world.url('ws'), { from: world.url('ws') })).status, 401)
  await world.proxy.logged(says('session refresh refused, session ended'))
})

test('signing out gives the refresh token back to the provider', async () => {
  const { world } = await startRefreshing()
  await using _ = world
  const browser = await world.signedIn('alice', 'any')
  await browser.open(world.url('any', '/.pomerium/sign_out'), { from: world.url('any') })
  const isGivenBack = () => world.idp.requests.some(({ path }) => path === '/token/revocation')
  for (const end = Date.now() + 5_000; Date.now() < end && !isGivenBack(); ) await pause(50)
  assert.ok(isGivenBack())
})
