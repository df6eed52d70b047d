import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { skipWithout } from '#test/actors/program.ts'
import { startUpstream } from '#test/actors/upstream.ts'
import { descriptorsOf, openClient, publicRoute, skipWithoutProc, startPlain } from './plain.ts'

test('with few descriptors a crowd is not served whole, the process lives, and afterwards everybody is served', {
  skip: skipWithout('prlimit'),
}, async () => {
  await using upstream = await startUpstream((_, response) => void response.end('ok'))
  await using proxy = await startPlain([publicRoute('pub', upstream.url)], { launcher: ['prlimit', '--nofile=96'] })
  const crowd: Socket[] = []
  let served = 0
  for (let at = 0; at < 300; at++) {
    const socket = connect(proxy.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.on('data', () => served++)
    socket.write('GET / HTTP/1.1\r\nHost: pub.corp.test\r\n\r\n')
    crowd.push(socket)
  }
  await pause(1500)
  assert.ok(served > 0 && served < 300, `${served} were served`)
  for (const socket of crowd) socket.destroy()

  using client = openClient(proxy, 8)
  let last: unknown
  for (let tries = 0; tries < 100; tries++) {
    last = await client.ask('pub').catch((error: Error) => error)
    if (!(last instanceof Error)) break
    await pause(50)
  }
  assert.equal((last as { status?: number }).status, 200, String(last))
  const replies = await Promise.all(Array.from({ length: 40 }, () => client.ask('pub')))
  assert.ok(replies.every(({ status }) => status === 200))
  assert.equal(await proxy.health('/readyz'), 200)
})

test('clients that leave at any moment cost nothing that stays: no descriptor, no error, no request at the application', {
  skip: skipWithoutProc,
}, async () => {
  await using upstream = await startUpstream()
  await using proxy = await startPlain([publicRoute('pub', upstream.url)])
  using client = openClient(proxy)
  assert.equal((await client.ask('pub')).status, 200)
  const before = descriptorsOf(proxy)
  const requests = [
    'GET /?do=down&bytes=3000000 HTTP/1.1\r\nHost: pub.corp.test\r\n\r\n',
    'GET /?do=slow&ms=40 HTTP/1.1\r\nHost: pub.corp.test\r\n\r\n',
    `PUT / HTTP/1.1\r\nHost: pub.corp.test\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(50_000)}`,
    'PUT / HTTP/1.1\r\nHost: pub.corp.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    'GET / HTTP/1.1\r\nHost: pub.corp',
  ]
  const leave = async (at: number) => {
    const socket = connect(proxy.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(requests[at % requests.length] ?? '')
    await pause(at % 23)
    if (at % 2 === 0) socket.resetAndDestroy()
    else socket.destroy()
  }
  for (let round = 0; round < 40; round++) {
    await Promise.all(Array.from({ length: 20 }, (_, at) => leave(round * 20 + at)))
  }
  for (let tries = 0; tries < 400 && descriptorsOf(proxy) > before; tries++) await pause(20)
  assert.ok(descriptorsOf(proxy) <= before, `${descriptorsOf(proxy)} descriptors, ${before} before`)
  for (let tries = 0; tries < 400 && upstream.sockets.size > 1; tries++) await pause(20)
  assert.ok(upstream.sockets.size <= 1, `${upstream.sockets.size} connections at the application`)
  const errors = proxy.log().filter(({ level }) => level === 'error')
  assert.deepEqual(errors, [])
  assert.equal((await client.ask('pub')).status, 200)
})
