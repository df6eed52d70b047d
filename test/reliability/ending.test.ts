import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { testCerts } from '#test/actors/certs.ts'
import { startProxy } from '#test/actors/proxy.ts'
import { startUpstream, type Upstream } from '#test/actors/upstream.ts'
import { load, openClient, publicRoute, startPlain } from './plain.ts'

async function arrived(upstream: Upstream, count: number): Promise<void> {
  for (let tries = 0; tries < 250 && upstream.requests.length < count; tries++) await pause(20)
  assert.ok(upstream.requests.length >= count, `${upstream.requests.length} of ${count} arrived`)
}

test('SIGTERM under load: no request that was taken is lost, and the process ends with 0', async () => {
  await using upstream = await startUpstream()
  await using proxy = await startPlain([publicRoute('pub', upstream.url)])
  using client = openClient(proxy)
  const under = load(() => client.ask('pub', '/?do=slow&ms=20'), 8)
  await arrived(upstream, 100)
  proxy.signal('SIGTERM')
  assert.equal(await proxy.ended, 0)
  const { 200: good = 0, ...others } = await under.end()
  assert.ok(good >= 100)
  // What came after the end found a closed door, or a kept connection that had just been closed; nothing else.
  for (const end of Object.keys(others)) assert.match(end, /ECONNREFUSED|ECONNRESET|socket hang up/)
  const cut = upstream.requests.filter(({ aborted }) => aborted)
  assert.deepEqual(cut, [], 'requests were cut at the application')
})

test('SIGTERM ends HTTP/2 with GOAWAY after its requests, and WebSockets with 1001', async () => {
  await using upstream = await startUpstream()
  const { ca } = await testCerts()
  await using proxy = await startProxy({
    config: { routes: [publicRoute('pub', upstream.url, { allow_websockets: true })] },
  })
  const session = connectHttp2(`https://127.0.0.1:${proxy.port}`, { ca, servername: 'pub.corp.test' })
  const stream = session.request({ ':path': '/?do=slow&ms=700', ':authority': 'pub.corp.test' })
  const handshake = { ca, servername: 'pub.corp.test', headers: { host: 'pub.corp.test' } }
  const webSocket = new WebSocket(`wss://127.0.0.1:${proxy.port}/`, handshake)
  await once(webSocket, 'open')
  await arrived(upstream, 2)
  const goneAway = once(session, 'goaway', { signal: AbortSignal.timeout(10_000) })
  const closed = once(webSocket, 'close', { signal: AbortSignal.timeout(10_000) }) as Promise<[number]>

  proxy.signal('SIGTERM')
  const [code] = await closed
  assert.equal(code, 1001)
  await goneAway
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
  assert.equal(headers[':status'], 200)
  let body = ''
  for await (const part of stream) body += String(part)
  assert.equal(body, 'slow but there')
  assert.equal(await proxy.ended, 0)
})

test('while it ends it is alive and not ready, and a second signal hastens it', async () => {
  await using upstream = await startUpstream(() => {}) // never answers
  await using proxy = await startPlain([publicRoute('pub', upstream.url)])
  assert.deepEqual(await Promise.all(['/startupz', '/readyz', '/healthz'].map(proxy.health)), [200, 200, 200])
  using client = openClient(proxy)
  const endless = client.ask('pub').catch((error: Error) => error)
  await arrived(upstream, 1)
  proxy.signal('SIGTERM')
  for (let tries = 0; tries < 100 && (await proxy.health('/readyz')) === 200; tries++) await pause(20)
  assert.equal(await proxy.health('/readyz'), 503)
  assert.equal(await proxy.health('/healthz'), 200)
  const late = connect(proxy.port, '127.0.0.1')
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNREFUSED')

  proxy.signal('SIGTERM')
  assert.ok((await endless) instanceof Error, 'the request was waited for')
  assert.equal(await proxy.ended, 0)
})
