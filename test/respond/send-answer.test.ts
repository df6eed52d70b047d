import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { Answer, Outcome } from '#src/respond/answer.ts'
import { sendAnswer } from '#src/respond/send-answer.ts'
import { speak, startHttp1, startHttp2 } from './exchanges.ts'

const hello: Answer = {
  status: 200,
  headers: ['content-type', 'text/plain', 'set-cookie', 'a=1', 'set-cookie', 'b=2'],
  body: 'hallo, dörthe',
}
const octets = Buffer.byteLength(hello.body)

test('an answer goes out with its length in octets, both cookies and the request id', async () => {
  const outcomes: Outcome[] = []
  await using server = await startHttp1(async (exchange) => outcomes.push(await sendAnswer(exchange, hello, 'ping')))
  const { text } = await speak(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', /dörthe/)
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/)
  assert.match(text, new RegExp(`content-length: ${octets}\r\n`))
  assert.match(text, /set-cookie: a=1\r\nset-cookie: b=2\r\n/)
  assert.match(text, /x-request-id: 4f5e0f4c-/)
  assert.deepEqual(outcomes, [{ status: 200, size: octets, details: 'ping' }])
})

test('HEAD gets the length of the body and no body, and the connection stays', async () => {
  const outcomes: Outcome[] = []
  await using server = await startHttp1(async (exchange) => outcomes.push(await sendAnswer(exchange, hello, 'ping')))
  const { text } = await speak(
    server.port,
    'HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    /dörthe/,
  )
  assert.equal(text.match(/content-length: 14\r\n/g)?.length, 2)
  assert.equal(text.match(/hallo/g)?.length, 1)
  assert.equal(outcomes[0]?.size, 0)
})

test('204 and 304 carry neither body nor length', async () => {
  await using server = await startHttp1((exchange) => sendAnswer(exchange, { ...hello, status: 204 }, 'x'))
  const { text } = await speak(server.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  assert.doesNotMatch(text, /content-length|hallo|transfer-encoding/i)
})

test('a small unread body is read, so the connection serves the next request', async () => {
  await using server = await startHttp1((exchange) => sendAnswer(exchange, hello, 'x'))
  const two = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcdeGET /2 HTTP/1.1\r\nHost: a\r\n\r\n'
  const { text } = await speak(server.port, two, /dörthe[\s\S]*dörthe/)
  assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 2)
})

test('a body of unknown length closes the connection after the one answer', async () => {
  await using server = await startHttp1((exchange) => sendAnswer(exchange, hello, 'x'))
  const two =
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n'
  const { text, closed } = await speak(server.port, two)
  assert.ok(closed)
  assert.match(text, /connection: close/i)
  assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 1)
})

test('a client that is still sending a long body reads the whole answer before the connection ends', async () => {
  await using server = await startHttp1((exchange) =>
    sendAnswer(exchange, { ...hello, body: 'n'.repeat(200_000) }, 'x'),
  )
  const read = await new Promise<number>((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1')
    let seen = ''
    socket.on('data', (chunk) => {
      seen += chunk
    })
    socket.on('error', reject)
    socket.on('end', () => resolve(seen.length))
    const body = 'x'.repeat(700_000)
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`)
    socket.write(body)
  })
  assert.ok(read > 200_000, `read ${read}`)
})

test('a refused upgrade gets the answer on its socket, which closes', async () => {
  const outcomes: Outcome[] = []
  await using server = await startHttp1(async (exchange) =>
    outcomes.push(await sendAnswer(exchange, { ...hello, status: 403 }, 'no')),
  )
  const handshake = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  const { text, closed } = await speak(server.port, handshake)
  assert.match(text, /^HTTP\/1\.1 403 /)
  assert.match(text, /connection: close/i)
  assert.match(text, /dörthe$/)
  assert.ok(closed)
  assert.equal(outcomes[0]?.status, 403)
})

test('the client that left before the answer costs no rejection and counts no octets', async () => {
  const outcome = Promise.withResolvers<Outcome>()
  const arrived = Promise.withResolvers<void>()
  await using server = await startHttp1(async (exchange) => {
    const left = new Promise((resolve) => exchange.response.once('close', resolve))
    arrived.resolve()
    await left
    outcome.resolve(await sendAnswer(exchange, hello, 'late'))
  })
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await arrived.promise
  socket.destroy()
  assert.deepEqual(await outcome.promise, { status: 200, size: 0, details: 'late' })
})

test('an answer that comes after another was begun cuts the connection', async () => {
  await using server = await startHttp1((exchange) => {
    const response = exchange.response as ServerResponse
    response.writeHead(200, { 'content-length': 100 })
    response.write('half')
    return sendAnswer(exchange, hello, 'late')
  })
  const { text } = await speak(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n').catch(() => ({ text: 'reset' }))
  assert.doesNotMatch(text, /dörthe/)
})

test('a header value that would split the answer sends nothing', async () => {
  await using server = await startHttp1((exchange) =>
    sendAnswer(exchange, { ...hello, headers: ['location', '/\r\nset-cookie: evil=1'] }, 'x'),
  )
  const { text } = await speak(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n').catch(() => ({ text: '' }))
  assert.doesNotMatch(text, /evil/)
})

test('HTTP/2 gets the same answer without connection headers, whether the body was read or not', async () => {
  const outcomes: Outcome[] = []
  await using server = await startHttp2(async (exchange) => outcomes.push(await sendAnswer(exchange, hello, 'h2')))
  const client = connectHttp2(`http://127.0.0.1:${server.port}`)
  for (const method of ['GET', 'POST', 'HEAD']) {
    const stream = client.request({ ':method': method, ':path': '/' }, { endStream: method !== 'POST' })
    let text = ''
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
    })
    const headers = await new Promise<Record<string, unknown>>((resolve) => stream.once('response', resolve))
    if (method === 'POST') stream.end('a body nobody reads')
    await new Promise((resolve) => stream.once('close', resolve))
    assert.equal(headers[':status'], 200)
    assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
    assert.equal(headers['content-length'], '14')
    assert.equal(text, method === 'HEAD' ? '' : hello.body)
  }
  client.close()
  assert.deepEqual(
    outcomes.map(({ size }) => size),
    [14, 14, 0],
  )
})
