/** Offers to switch protocols: only a WebSocket handshake by the letter leaves HTTP. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasHeader } from '#src/wire/headers.ts'
import { openDoor, sendRaw } from '#test/listener/doors.ts'

const good = {
  line: 'GET /ws HTTP/1.1',
  host: 'Host: a.test',
  upgrade: 'Upgrade: websocket',
  connection: 'Connection: Upgrade',
  key: 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  version: 'Sec-WebSocket-Version: 13',
}

const handshake = (changes: Record<string, string | undefined> = {}, body = '') =>
  `${Object.values({ ...good, ...changes })
    .filter((line) => line !== undefined)
    .join('\r\n')}\r\n\r\n${body}`

test('a handshake by the letter is an upgrade, with the response bound to its socket', async () => {
  await using door = await openDoor()
  for (const upgrade of ['Upgrade: websocket', 'upgrade: WebSocket']) {
    const answer = await sendRaw(door.port, handshake({ upgrade, connection: 'Connection: keep-alive, Upgrade' }))
    assert.equal(answer.status, 101)
  }
  assert.deepEqual(
    door.visits.map(({ upgrade, hasBody }) => [upgrade, hasBody]),
    [
      ['websocket', false],
      ['websocket', false],
    ],
  )
})

test('a refused upgrade is an ordinary answer, and the connection is closed', async () => {
  await using door = await openDoor({
    serve({ response, upgraded }) {
      assert.ok(upgraded)
      response.statusCode = 403
      response.setHeader('content-length', '2')
      response.end('no')
    },
  })
  const answer = await sendRaw(door.port, handshake({}, 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n'))
  assert.deepEqual(answer.statuses, [403], answer.text)
  assert.match(answer.text, /connection: close/i)
  assert.equal(answer.closed, true)
  assert.equal(door.visits.length, 1)
})

const broken: readonly (readonly [title: string, bytes: string])[] = [
  ['POST with a body', handshake({ line: 'POST /ws HTTP/1.1', length: 'Content-Length: 3' }, 'abc')],
  ['POST without a body', handshake({ line: 'POST /ws HTTP/1.1' })],
  ['HEAD', handshake({ line: 'HEAD /ws HTTP/1.1' })],
  ['a body', handshake({ length: 'Content-Length: 3' }, 'abc')],
  ['a chunked body', handshake({ coding: 'Transfer-Encoding: chunked' }, '0\r\n\r\n')],
  ['HTTP/1.0', handshake({ line: 'GET /ws HTTP/1.0' })],
  ['no key', handshake({ key: undefined })],
  ['two keys', handshake({ key2: good.key })],
  ['a short key', handshake({ key: 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j' })],
  ['a key that is no base64', handshake({ key: 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==' })],
  ['a key with stray bits', handshake({ key: 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==' })],
  ['no version', handshake({ version: undefined })],
  ['version 8', handshake({ version: 'Sec-WebSocket-Version: 8' })],
  ['two versions', handshake({ version2: good.version })],
  ['an Expect', handshake({ expect: 'Expect: 100-continue' })],
]

for (const [title, bytes] of broken) {
  test(`a handshake with ${title} is refused`, async () => {
    await using door = await openDoor()
    const answer = await sendRaw(door.port, bytes)
    assert.equal(answer.status, 400, answer.text)
    assert.equal(answer.closed, true)
    assert.deepEqual(door.visits, [])
    assert.equal(door.refusals[0]?.code, 'UPGRADE_INVALID')
  })
}

const ignored: readonly (readonly [title: string, bytes: string])[] = [
  ['a list of tokens', handshake({ upgrade: 'Upgrade: websocket, h2c' })],
  ['two fields', handshake({ upgrade2: 'Upgrade: h2c' })],
  ['no Connection', handshake({ connection: undefined })],
  ['a Connection that does not name it', handshake({ connection: 'Connection: keep-alive' })],
  ['another token', handshake({ upgrade: 'Upgrade: foo' })],
  [
    'h2c',
    handshake({
      upgrade: 'Upgrade: h2c',
      connection: 'Connection: Upgrade, HTTP2-Settings',
      s: 'HTTP2-Settings: AAMAAABk',
    }),
  ],
  ['TLS', handshake({ upgrade: 'Upgrade: TLS/1.3' })],
]

for (const [title, bytes] of ignored) {
  test(`an Upgrade with ${title} is an ordinary request, and the offer goes no further`, async () => {
    await using door = await openDoor()
    const answer = await sendRaw(door.port, bytes)
    assert.ok(answer.status === 200 || answer.status === 400, answer.text)
    for (const visit of door.visits) {
      assert.equal(visit.upgrade, undefined)
      assert.equal(hasHeader(visit.headers, 'upgrade'), false)
      assert.equal(hasHeader(visit.headers, 'http2-settings'), false)
    }
  })
}

test('a handshake token followed by a control is refused', async () => {
  await using door = await openDoor()
  assert.equal((await sendRaw(door.port, handshake({ upgrade: 'Upgrade: websocket\x0b' }))).status, 400)
  assert.deepEqual(door.visits, [])
})

test('a handshake behind an unanswered request closes the connection', async () => {
  await using door = await openDoor({ serve() {} })
  const answer = await sendRaw(door.port, `GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n${handshake()}`)
  assert.equal(answer.closed, true)
  assert.deepEqual(
    door.visits.map(({ path }) => path),
    ['/a'],
  )
})

test('an offer of h2c with a body is read as its framing says', async () => {
  await using door = await openDoor()
  const bytes = 'POST / HTTP/1.1\r\nHost: a.test\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 3\r\n\r\nabc'
  assert.equal((await sendRaw(door.port, bytes)).status, 200)
  assert.deepEqual(door.bodies, ['abc'])
})
