import assert from 'node:assert/strict'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { before, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { CertificatePair } from '#src/listener/certificates.ts'
import { milliseconds } from '#src/wire/units.ts'
import { makePair, openDoor, sendRaw, until } from '#test/listener/doors.ts'

let pair: CertificatePair
before(async () => {
  pair = await makePair('a.test')
})

const short = { head: milliseconds(120), bodyIdle: milliseconds(120), idle: milliseconds(120) }
const long = { head: milliseconds(60_000), bodyIdle: milliseconds(60_000), idle: milliseconds(60_000) }

/** A client socket that notes what it got and when it was closed. */
function watch(port: number) {
  const socket = connect(port, '127.0.0.1')
  const seen = { text: '', closed: false }
  socket.on('data', (chunk) => {
    seen.text += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    seen.closed = true
  })
  return { socket, seen }
}

test('a connection that never sends a request is closed', async () => {
  await using door = await openDoor({ limits: { ...long, head: short.head } })
  const { seen } = watch(door.port)
  assert.ok(await until(() => seen.closed))
  assert.equal(seen.text, '')
})

test('a head that comes byte by byte is answered with 408 and closed', async () => {
  await using door = await openDoor({ limits: { ...long, head: short.head } })
  const { socket, seen } = watch(door.port)
  const drip = setInterval(() => socket.write('X'), 20)
  socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n')
  assert.ok(await until(() => seen.closed))
  clearInterval(drip)
  assert.match(seen.text, /^HTTP\/1\.1 408 /)
  assert.equal(door.refusals[0]?.code, 'REQUEST_TIMEOUT')
})

test('the second head on a connection has the same time', async () => {
  await using door = await openDoor({ limits: { ...long, head: short.head } })
  const { socket, seen } = watch(door.port)
  socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.ok(await until(() => seen.text.includes('200 OK')))
  socket.write('GET /again HTTP/1.1\r\n')
  assert.ok(await until(() => seen.closed))
  assert.match(seen.text, /HTTP\/1\.1 408 /)
})

test('a body that stops is answered with 408, closed, and never counts as whole', async () => {
  await using door = await openDoor({ limits: { ...long, bodyIdle: short.bodyIdle } })
  const { socket, seen } = watch(door.port)
  socket.write('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nabc')
  assert.ok(await until(() => seen.closed))
  assert.match(seen.text, /^HTTP\/1\.1 408 /)
  assert.deepEqual(door.bodies, [])
})

test('a body that takes longer than the limit, and never stops for as long, arrives', async () => {
  await using door = await openDoor({ limits: { ...long, bodyIdle: short.bodyIdle } })
  const { socket, seen } = watch(door.port)
  socket.write('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 12\r\n\r\n')
  for (let at = 0; at < 12; at++) {
    socket.write('a')
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  assert.ok(await until(() => seen.text.includes('200 OK')))
  assert.deepEqual(door.bodies, ['a'.repeat(12)])
  socket.destroy()
})

test('an idle connection is closed, and one that waits for its answer is not', async () => {
  await using door = await openDoor({
    limits: { ...long, idle: short.idle },
    async serve({ response, visit }) {
      if (visit.path === '/slow') await new Promise((resolve) => setTimeout(resolve, 400))
      response.end('done')
    },
  })
  const { socket, seen } = watch(door.port)
  socket.write('GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.ok(await until(() => seen.text.includes('done')))
  assert.equal(seen.closed, false)
  assert.ok(await until(() => seen.closed))
})

test('the rest of a body that was answered early is thrown away for a while, and then the connection is good again', async () => {
  await using door = await openDoor({
    limits: { ...long, bodyIdle: milliseconds(400), head: milliseconds(100) },
    serve({ response }) {
      response.end('early')
    },
  })
  const post = 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6\r\n\r\nabc'
  const good = watch(door.port)
  good.socket.write(post)
  assert.ok(await until(() => good.seen.text.includes('early')))
  good.socket.write('def')
  await new Promise((resolve) => setTimeout(resolve, 300))
  good.socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.ok(await until(() => good.seen.text.split('early').length === 3))
  good.socket.destroy()
  const bad = watch(door.port)
  bad.socket.write(post)
  assert.ok(await until(() => bad.seen.text.includes('early')))
  assert.ok(await until(() => bad.seen.closed))
})

test('a client that takes nothing of a long answer is cut', async () => {
  let ended = false
  await using door = await openDoor({
    limits: { ...long, idle: short.idle },
    serve({ response }) {
      response.on('close', () => {
        ended = true
      })
      response.end(Buffer.alloc(64 * 1024 * 1024))
    },
  })
  const { socket } = watch(door.port)
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.ok(await until(() => ended, 10_000))
  socket.destroy()
})

test('the limits hold over TLS: no handshake, no request, a slow head', async () => {
  await using door = await openDoor({ certificates: [pair], limits: { ...long, head: short.head } })
  const silent = watch(door.port)
  assert.ok(await until(() => silent.seen.closed), 'a connection without a handshake stays')
  for (const protocol of ['http/1.1', 'h2']) {
    let closed = false
    const options = { port: door.port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: [protocol] }
    const socket = connectTls(options, () => protocol === 'http/1.1' && socket.write('GET / HTTP/1.1\r\n'))
    socket.on('error', () => {})
    socket.on('close', () => {
      closed = true
    })
    socket.resume()
    assert.ok(await until(() => closed), `${protocol} without a request stays`)
  }
})

test('an HTTP/2 body that stops is reset, and an idle HTTP/2 connection is closed', async () => {
  await using door = await openDoor({
    certificates: [pair],
    limits: { ...long, bodyIdle: short.bodyIdle, idle: short.idle },
  })
  const client = connectHttp2(`https://127.0.0.1:${door.port}`, { rejectUnauthorized: false })
  client.on('error', () => {})
  const stream = client.request({ ':method': 'POST', ':authority': 'a.test' })
  stream.on('error', () => {})
  let status: number | undefined
  stream.on('response', (headers) => {
    status = headers[':status']
  })
  stream.resume()
  stream.write('abc')
  assert.ok(await until(() => stream.closed))
  assert.equal(status, 408)
  assert.deepEqual(door.bodies, [])
  assert.ok(await until(() => client.closed))
})

test('connections above the limit are closed at once, and the others are served', async () => {
  await using door = await openDoor({ limits: { connections: 2 } })
  const first = watch(door.port)
  const second = watch(door.port)
  assert.ok(await until(() => door.listeners.connectionCount === 2))
  const third = watch(door.port)
  assert.ok(await until(() => third.seen.closed))
  first.socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.ok(await until(() => first.seen.text.includes('200 OK')))
  second.socket.destroy()
  assert.ok(await until(() => door.listeners.connectionCount === 1))
  assert.equal((await sendRaw(door.port, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')).status, 200)
  first.socket.destroy()
})

test('an application that throws or rejects costs its own connection only', async () => {
  await using door = await openDoor({
    serve({ visit, response }) {
      if (visit.path === '/throw') throw new Error('broken')
      if (visit.path === '/reject') return Promise.reject(new Error('broken'))
      response.end('ok')
      return undefined
    },
  })
  for (const path of ['/throw', '/reject']) {
    const answer = await sendRaw(door.port, `GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`)
    assert.deepEqual([answer.text, answer.closed], ['', true])
  }
  assert.equal((await sendRaw(door.port, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')).status, 200)
})

test('a client that goes away is seen by the application', async () => {
  let gone = false
  await using door = await openDoor({
    serve({ response }) {
      response.on('close', () => {
        gone = true
      })
    },
  })
  const { socket } = watch(door.port)
  socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.ok(await until(() => door.visits.length === 1))
  socket.destroy()
  assert.ok(await until(() => gone))
  assert.ok(await until(() => door.listeners.connectionCount === 0))
})
