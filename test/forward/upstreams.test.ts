import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { Targets } from '#src/forward/targets.ts'
import { UpstreamPools } from '#src/forward/upstream-pools.ts'
import { makeCertificate } from '../actors/certificate.ts'
import { freePort, skipWithout, temporaryFolder } from '../actors/program.ts'
import { type Echo, startUpstream } from '../actors/upstream.ts'
import { ask, eventually, openFront } from './front.ts'

test('requests are shared out by weight, smoothly', () => {
  const pools = new UpstreamPools()
  const targets = new Targets(
    [1, 2, 5].map((weight, i) => ({ lease: pools.lease(`http://127.0.0.1:${i + 1}`), host: `t${weight}`, weight })),
  )
  const picked = Array.from({ length: 16 }, () => targets.pick(0, [])?.host)
  assert.equal(picked.filter((host) => host === 't1').length, 2)
  assert.equal(picked.filter((host) => host === 't2').length, 4)
  assert.ok(!picked.join('').includes('t5t5t5t5'), 'the heavy one comes in between, not in a row')
  targets.release()
  assert.equal(pools.size, 0)
})

test('one dead of two: everybody is served, bodies included, and the dead one is tried again later', async () => {
  const port = await freePort()
  let now = 1_800_000_000_000
  await using upstream = await startUpstream()
  await using front = await openFront({
    route: { to: [{ url: `http://127.0.0.1:${port}` }, { url: upstream.url }] },
    tools: { now: () => now },
  })
  for (let i = 0; i < 6; i++) {
    const seen = (await ask(front, '/', { method: 'POST', body: 'pay=1' })).json<Echo>()
    assert.equal(seen.body.bytes, 5)
    assert.equal(seen.headers['host'], `127.0.0.1:${upstream.port}`)
  }
  await using risen = await startUpstream(undefined, { port })
  for (let i = 0; i < 4; i++) await ask(front)
  assert.equal(risen.requests.length, 0)
  now += 61_000
  for (let i = 0; i < 4; i++) await ask(front)
  assert.equal(risen.requests.length, 2)
})

test('all dead: 502, and served again as soon as one is back', async () => {
  const [one, two] = [await freePort(), await freePort()]
  await using front = await openFront({
    route: { to: [one, two].map((port) => ({ url: `http://127.0.0.1:${port}` })) },
  })
  for (let i = 0; i < 3; i++) assert.equal((await ask(front)).status, 502)
  await using _ = await startUpstream(undefined, { port: two })
  assert.equal((await ask(front)).status, 200)
})

test('localhost is the IPv4 loopback, and stays localhost in Host', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: `http://localhost:${upstream.port}` }] } })
  assert.equal((await ask(front)).json<Echo>().headers['host'], `localhost:${upstream.port}`)
})

test('a reload keeps warm connections, and the last lease closes the pool after its requests', async () => {
  await using upstream = await startUpstream()
  const pools = new UpstreamPools()
  await using before = await openFront({ route: { to: [{ url: upstream.url }] }, tools: { pools } })
  await ask(before)
  const [warm] = upstream.sockets
  await using after = await openFront({ route: { to: [{ url: upstream.url }] }, tools: { pools } })
  const slow = ask(before, '/?do=slow&ms=300')
  await eventually('it is under way', () => upstream.requests.length === 2)
  before.release()
  assert.equal(pools.size, 1)
  assert.equal((await slow).text, 'slow but there')
  await ask(after)
  assert.ok(warm && upstream.sockets.has(warm) && upstream.sockets.size === 1)

  const last = ask(after, '/?do=slow&ms=300')
  await eventually('it is under way', () => upstream.requests.length === 4)
  after.release()
  after.release()
  assert.equal(pools.size, 0)
  assert.equal((await last).text, 'slow but there')
  await eventually('its connections are closed', () => upstream.sockets.size === 0)
})

test('more requests than may wait are refused with 503, and those before are served', async () => {
  await using upstream = await startUpstream()
  const pools = new UpstreamPools({ connections: 1, pending: 2 })
  await using front = await openFront({ route: { to: [{ url: upstream.url }] }, tools: { pools } })
  const statuses = await Promise.all(
    Array.from({ length: 5 }, async () => (await ask(front, '/?do=slow&ms=100')).status),
  )
  assert.deepEqual(statuses.sort(), [200, 200, 200, 503, 503])
  assert.equal((await ask(front)).status, 200)
})

test('TLS: the authority, the name and the exceptions that are configured decide', {
  skip: skipWithout('openssl'),
}, async (context) => {
  using folder = temporaryFolder('upstream-tls')
  const { ca, certificate, key } = await makeCertificate(folder.path, ['wiki.inner.test'])
  await using upstream = await startUpstream(undefined, { tls: { cert: certificate, key } })
  const cases = [
    [{ customCa: ca, serverName: 'wiki.inner.test' }, 200],
    [{ extraCa: ca, serverName: 'wiki.inner.test' }, 200],
    [{ skipVerify: true }, 200],
    [{ customCa: ca, serverName: 'other.inner.test' }, 502],
    // Not the address, although the Host that is sent is the right name.
    [{ customCa: ca }, 502],
    [{ serverName: 'wiki.inner.test' }, 502],
    [{}, 502],
  ] as const
  for (const [tls, status] of cases) {
    await context.test(`${Object.keys(tls).join(' and ') || 'nothing'} gives ${status}`, async () => {
      await using front = await openFront({
        route: { to: [{ url: upstream.url }], tls, hostRewrite: 'wiki.inner.test', websockets: true },
      })
      assert.equal((await ask(front)).status, status)
      const socket = new WebSocket(`ws://127.0.0.1:${front.port}/`, { headers: { host: 'wiki.app.test' } })
      socket.on('error', () => {})
      const [answer] = await Promise.race([once(socket, 'open'), once(socket, 'unexpected-response').then(() => [502])])
      assert.equal(answer ?? 200, status)
      socket.terminate()
    })
  }
})

test('an application at https://localhost is known by that name, and shares no connection with the one at its address', {
  skip: skipWithout('openssl'),
}, async () => {
  using folder = temporaryFolder('upstream-localhost')
  const { ca, certificate, key } = await makeCertificate(folder.path, ['localhost'])
  await using upstream = await startUpstream(undefined, { tls: { cert: certificate, key } })
  const pools = new UpstreamPools()
  const at = (host: string) =>
    openFront({
      route: { to: [{ url: `https://${host}:${upstream.port}` }], tls: { customCa: ca }, websockets: true },
      tools: { pools },
    })
  await using named = await at('localhost')
  await using addressed = await at('127.0.0.1')
  assert.equal((await ask(named)).status, 200)
  assert.equal((await ask(addressed)).status, 502)
  const socket = new WebSocket(`ws://127.0.0.1:${named.port}/`, { headers: { host: 'wiki.app.test' } })
  await once(socket, 'open')
  socket.terminate()
})
