import assert from 'node:assert/strict'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { Exchange } from '#src/listener/visit.ts'
import { milliseconds } from '#src/wire/units.ts'
import { makePair, openDoor, until } from '#test/listener/doors.ts'

/** An application that answers when it is told to. */
function patient() {
  const held: Exchange[] = []
  const serve = (exchange: Exchange) => void held.push(exchange)
  const release = () => {
    for (const { response } of held.splice(0)) response.end('done')
  }
  return { held, serve, release }
}

function open(port: number, bytes = '') {
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
  const seen = { text: '', closed: false }
  socket.on('data', (chunk) => {
    seen.text += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    seen.closed = true
  })
  return seen
}

test('a drain lets the request under way finish with Connection: close, and takes no new ones', async () => {
  const app = patient()
  await using door = await openDoor({ serve: app.serve })
  const idle = open(door.port)
  const busy = open(door.port, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.ok(await until(() => app.held.length === 1 && door.listeners.connectionCount === 2))
  const drained = door.listeners.drain(milliseconds(10_000))
  assert.ok(await until(() => idle.closed), 'an idle connection stays')
  const refused = open(door.port)
  assert.ok(await until(() => refused.closed))
  assert.equal(busy.closed, false)
  app.release()
  await drained
  assert.match(busy.text, /^HTTP\/1\.1 200 /)
  assert.match(busy.text, /connection: close/i)
  assert.match(busy.text, /done/)
})

test('a drain cuts what is left when its grace is over', async () => {
  const app = patient()
  await using door = await openDoor({ serve: app.serve })
  const busy = open(door.port, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.ok(await until(() => app.held.length === 1))
  await door.listeners.drain(milliseconds(50))
  assert.ok(await until(() => busy.closed))
  assert.equal(busy.text, '')
})

test('a second drain with a shorter grace hastens the first', async () => {
  const app = patient()
  await using door = await openDoor({ serve: app.serve })
  open(door.port, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.ok(await until(() => app.held.length === 1))
  const first = door.listeners.drain(milliseconds(60_000))
  await door.listeners.drain(milliseconds(0))
  await first
})

test('a drain tells HTTP/2 clients to go away and finishes their streams', async () => {
  const app = patient()
  await using door = await openDoor({ certificates: [await makePair('a.test')], serve: app.serve })
  const client = connectHttp2(`https://127.0.0.1:${door.port}`, { rejectUnauthorized: false })
  let isTold = false
  client.on('goaway', () => {
    isTold = true
  })
  client.on('error', () => {})
  const stream = client.request({ ':authority': 'a.test' })
  let body = ''
  stream.on('data', (chunk) => {
    body += chunk
  })
  assert.ok(await until(() => app.held.length === 1))
  const drained = door.listeners.drain(milliseconds(10_000))
  assert.ok(await until(() => isTold))
  app.release()
  await drained
  assert.equal(body, 'done')
})

test('a drain without connections ends at once', async () => {
  await using door = await openDoor()
  await door.listeners.drain(milliseconds(60_000))
})
