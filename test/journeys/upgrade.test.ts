import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { WebSocket } from 'ws'
import { startWorld } from './world.ts'

/** The status of a refused handshake. */
async function refusal(socket: WebSocket): Promise<number | undefined> {
  socket.on('error', () => undefined)
  const first = await Promise.race([
    once(socket, 'unexpected-response').then(([, response]) => (response as { statusCode: number }).statusCode),
    once(socket, 'open').then(() => undefined),
  ])
  socket.terminate()
  return first
}

test('a WebSocket is carried for whoever may use the route, in both directions', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'ws')
  const socket = browser.webSocket(world.url('ws', '/chat?room=1'))
  await once(socket, 'open')
  socket.send('hello')
  assert.equal(String((await once(socket, 'message'))[0]), 'hello')
  const big = Buffer.alloc(300_000, 7)
  socket.send(big)
  assert.deepEqual((await once(socket, 'message'))[0], big)
  socket.close(1000, 'done')
  assert.deepEqual((await once(socket, 'close'))[0], 1000)
  assert.equal(world.upstream.requests.at(-1)?.url, '/chat?room=1')
})

test('the application sees no cookie of ours in the handshake', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'ws')
  const socket = browser.webSocket(world.url('ws', '/chat'), {
    headers: { 'x-pomerium-claim-email': 'root@corp.test' },
  })
  await once(socket, 'open')
  socket.terminate()
  const seen = world.upstream.requests.at(-1)
  assert.doesNotMatch(JSON.stringify(seen?.headers), /ostiary|root@corp\.test/)
})

test('a stranger gets 401 for a handshake, and the application hears nothing', async () => {
  await using world = await startWorld()
  assert.equal(await refusal(world.browser().webSocket(world.url('ws', '/chat'))), 401)
  assert.equal(world.upstream.requests.length, 0)
})

test('somebody who is not allowed gets 403 for a handshake', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('bob', 'ws')
  assert.equal(await refusal(browser.webSocket(world.url('wsgroup', '/chat'))), 401, 'no session at that host yet')
  await browser.open(world.url('wsgroup'))
  assert.equal(await refusal(browser.webSocket(world.url('wsgroup', '/chat'))), 403)
})

test('a page of another site cannot open one with the user’s cookies', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'ws')
  const cookie = browser.cookies.header(new URL(world.url('ws')), 'same-site')
  const socket = world
    .browser()
    .webSocket(world.url('ws', '/chat'), { origin: 'https://evil.test', headers: { cookie } })
  const status = await refusal(socket)
  assert.equal(status, 403)
})

test('a route without allow_websockets carries none', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'any')
  const status = await refusal(browser.webSocket(world.url('any', '/chat')))
  assert.ok(status !== undefined && status >= 400, String(status))
})

test('an open WebSocket is cut when its session ends', async () => {
  await using world = await startWorld({ settings: { cookie_expire: '2s' } })
  const browser = await world.signedIn('alice', 'ws')
  const socket = browser.webSocket(world.url('ws', '/chat'))
  await once(socket, 'open')
  const [code] = (await once(socket, 'close', { signal: AbortSignal.timeout(10_000) })) as [number]
  assert.ok(code === 1008 || code === 1006, String(code))
})

test('an open WebSocket is cut when its user signs out', async () => {
  await using world = await startWorld()
  const browser = await world.signedIn('alice', 'ws')
  const socket = browser.webSocket(world.url('ws', '/chat'))
  await once(socket, 'open')
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(10_000) })
  await browser.open(world.url('ws', '/.pomerium/sign_out'), { from: world.url('ws') })
  const [code] = (await closed) as [number]
  assert.ok(code === 1008 || code === 1006, String(code))
})

test('a reload that denies it cuts an open WebSocket, and leaves the others alone', async () => {
  await using world = await startWorld()
  const alice = await world.signedIn('alice', 'ws')
  await alice.open(world.url('wsgroup'))
  const denied = alice.webSocket(world.url('wsgroup', '/chat'))
  const kept = alice.webSocket(world.url('ws', '/chat'))
  await Promise.all([once(denied, 'open'), once(kept, 'open')])
  const closed = once(denied, 'close', { signal: AbortSignal.timeout(10_000) })
  world.proxy.write(JSON.parse(JSON.stringify(world.config).replaceAll('devops', 'nobody-at-all')))
  const [code] = (await closed) as [number]
  assert.equal(code, 1008)
  kept.send('still here')
  assert.equal(String((await once(kept, 'message'))[0]), 'still here')
  kept.terminate()
})
