import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { makeCerts } from '#test/actors/certs.ts'
import { freePort } from '#test/actors/program.ts'
import { startRawUpstream, startUpstream } from '#test/actors/upstream.ts'
import { descriptorsOf, load, openClient, plainConfig, publicRoute, skipWithoutProc, startPlain } from './plain.ts'

test('applications that refuse, let nobody in, never answer or answer nonsense end as 502 and 504, and the others go on', async () => {
  await using good = await startUpstream()
  await using silent = await startUpstream(() => {}) // never answers
  await using garbage = await startRawUpstream('nonsense\r\n\r\n')
  await using broken = await startUpstream()
  const refusing = `http://127.0.0.1:${await freePort()}`
  await using proxy = await startPlain([
    publicRoute('good', good.url),
    publicRoute('refusing', refusing),
    // An address for documentation (RFC 5737): nothing answers there, or the network refuses.
    publicRoute('nowhere', 'http://192.0.2.1:9', { timeout: '800ms' }),
    publicRoute('silent', silent.url, { timeout: '800ms' }),
    publicRoute('garbage', garbage.url),
    publicRoute('broken', broken.url),
  ])
  using client = openClient(proxy, 64)
  const under = load(() => client.ask('good'), 4)
  const statuses = async (host: string, count = 20) => {
    const replies = await Promise.all(Array.from({ length: count }, () => client.ask(host)))
    for (const { body } of replies) assert.doesNotMatch(body, /ECONN|127\.0\.0\.1|192\.0\.2/)
    return [...new Set(replies.map(({ status }) => status))].sort()
  }
  const [refused, nowhere, never, nonsense] = await Promise.all(
    ['refusing', 'nowhere', 'silent', 'garbage'].map((host) => statuses(host)),
  )
  assert.deepEqual(refused, [502])
  assert.ok(
    nowhere?.every((status) => status === 502 || status === 504),
    String(nowhere),
  )
  assert.deepEqual(never, [504])
  assert.deepEqual(nonsense, [502])
  await assert.rejects(client.ask('broken', '/?do=abort'))
  assert.equal((await client.ask('broken')).status, 200)
  const { 200: served = 0, ...others } = await under.end()
  assert.deepEqual(others, {})
  assert.ok(served > 50, String(served))
})

test('a stream that stands still ends by the idle limit, and its sockets are given back', {
  skip: skipWithoutProc,
}, async () => {
  await using upstream = await startUpstream((_, response) => {
    response.writeHead(200, { 'content-length': 1000 })
    response.write('x')
  })
  await using proxy = await startPlain([publicRoute('pub', upstream.url, { timeout: '0s', idle_timeout: '400ms' })])
  using client = openClient(proxy, 32)
  await client.ask('unknown')
  const before = descriptorsOf(proxy)
  const ends = await Promise.allSettled(Array.from({ length: 32 }, () => client.ask('pub')))
  assert.ok(ends.every(({ status }) => status === 'rejected'))
  // undici connects anew after a broken one, and closes what stays idle for 4 s.
  for (let tries = 0; tries < 500 && upstream.sockets.size > 0; tries++) await pause(20)
  assert.equal(upstream.sockets.size, 0)
  for (let tries = 0; tries < 100 && descriptorsOf(proxy) > before; tries++) await pause(20)
  assert.ok(descriptorsOf(proxy) <= before, `${descriptorsOf(proxy)} descriptors, ${before} before`)
})

/** An application that comes and goes on one port, its connections cut each time. */
function flapping(port: number) {
  let server: Server | undefined
  const sockets = new Set<Socket>()
  return {
    async up() {
      server = createServer((socket) => {
        sockets.add(socket)
        socket.on('error', () => {}).on('close', () => sockets.delete(socket))
        socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nflap'))
      })
      await new Promise<void>((resolve) => server?.listen(port, '127.0.0.1', resolve))
    },
    async down() {
      const closed = new Promise((resolve) => server?.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

test('of two applications one comes and goes: nobody who reads notices', async () => {
  await using steady = await startUpstream((_, response) => void response.end('firm'))
  const port = await freePort()
  const other = flapping(port)
  await other.up()
  await using proxy = await startPlain([publicRoute('pub', [steady.url, `http://127.0.0.1:${port}`])])
  using client = openClient(proxy)
  const bodies = new Set<string>()
  const under = load(async () => {
    const reply = await client.ask('pub')
    bodies.add(reply.body)
    return reply
  }, 6)
  for (let round = 0; round < 8; round++) {
    await pause(150)
    await other.down()
    await pause(150)
    await other.up()
  }
  const { 200: served = 0, ...others } = await under.end()
  await other.down()
  assert.deepEqual(others, {})
  assert.ok(served > 200, String(served))
  assert.deepEqual([...bodies].sort(), ['firm', 'flap'])
})

test('an application whose certificate cannot be verified is 502 with the reason in the log only, and a reload mends it', async () => {
  const names = ['127.0.0.1', 'localhost']
  const certs = await makeCerts(names)
  const stranger = await makeCerts(names)
  await using upstream = await startUpstream(undefined, { tls: { cert: certs.certificate, key: certs.key } })
  const trusting = (ca: string) => [
    publicRoute('pub', upstream.url, { tls_custom_ca: Buffer.from(ca).toString('base64') }),
  ]
  await using proxy = await startPlain(trusting(stranger.ca))
  using client = openClient(proxy)
  const refused = await client.ask('pub')
  assert.equal(refused.status, 502)
  assert.doesNotMatch(refused.body, /certificate|verif|SELF_SIGNED|UNABLE/i)
  const line = await proxy.logged((one) => one['code'] === 'UPSTREAM_UNREACHABLE', 'the reason')
  assert.match(JSON.stringify(line), /certificate/i)

  proxy.write(plainConfig(trusting(certs.ca)))
  for (let tries = 0; tries < 100 && (await client.ask('pub')).status !== 200; tries++) await pause(50)
  assert.equal((await client.ask('pub')).status, 200)
})
