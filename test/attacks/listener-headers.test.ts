/** Header fields that somebody behind us could read as others, and addresses that nobody should believe. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerOf } from '#src/wire/headers.ts'
import { openDoor, sendRaw } from '#test/listener/doors.ts'

const get = (fields: string) => `GET /x HTTP/1.1\r\nHost: a.test\r\n${fields}Connection: close\r\n\r\n`

for (const name of ['X_Pomerium_Claim_Email', 'X-Forwarded_User', '_', 'Host_']) {
  test(`a header name with an underscore (${name}) is refused, and the log names the option`, async () => {
    await using door = await openDoor()
    assert.equal((await sendRaw(door.port, get(`${name}: root\r\n`))).status, 400)
    assert.deepEqual(door.visits, [])
    assert.match(door.refusals[0]?.detail ?? '', /headers_with_underscores_action/)
  })
}

test('headers_with_underscores_action: allow and drop_header do what they say, framing stays refused', async () => {
  await using allow = await openDoor({ admission: { underscores: 'allow' } })
  await sendRaw(allow.port, get('X_Team: red\r\n'))
  assert.equal(headerOf(allow.visits[0]?.headers ?? [], 'x_team'), 'red')
  assert.equal((await sendRaw(allow.port, get('Content_Length: 5\r\n'))).status, 400)
  await using drop = await openDoor({ admission: { underscores: 'drop_header' } })
  await sendRaw(drop.port, get('X_Team: red\r\nX-Plain: p\r\n'))
  assert.equal(headerOf(drop.visits[0]?.headers ?? [], 'x_team'), undefined)
  assert.equal(headerOf(drop.visits[0]?.headers ?? [], 'x-plain'), 'p')
  assert.equal((await sendRaw(drop.port, get('Transfer_Encoding: chunked\r\n'))).status, 400)
})

test('a thousand fields are all admitted, the last ones included', async () => {
  await using door = await openDoor()
  await sendRaw(door.port, get(`${'A: b\r\n'.repeat(997)}X-Last: here\r\n`))
  assert.equal(headerOf(door.visits[0]?.headers ?? [], 'x-last'), 'here')
  assert.equal((await sendRaw(door.port, get(`${'A: b\r\n'.repeat(998)}X-Last: here\r\n`))).status, 431)
})

test('several Cookie fields become one', async () => {
  await using door = await openDoor()
  await sendRaw(door.port, get('Cookie: a=1\r\nX: y\r\nCookie: b=2\r\n'))
  assert.deepEqual(door.visits[0]?.headers.slice(2, 6), ['cookie', 'a=1; b=2', 'x', 'y'])
})

const forwarded = 'X-Forwarded-For: 9.9.9.9, 8.8.8.8\r\nX-Forwarded-Proto: https\r\n'

/** Trusted hops, skip_xff_append, fields, then client address, X-Forwarded-For to send on, scheme. */
const clients: readonly (readonly [number, boolean, string, string, string, string])[] = [
  [0, false, forwarded, '127.0.0.1', '127.0.0.1', 'http'],
  [0, true, forwarded, '127.0.0.1', '9.9.9.9, 8.8.8.8', 'http'],
  [1, false, forwarded, '8.8.8.8', '9.9.9.9, 8.8.8.8, 127.0.0.1', 'https'],
  [2, false, forwarded, '9.9.9.9', '9.9.9.9, 8.8.8.8, 127.0.0.1', 'https'],
  [3, false, forwarded, '127.0.0.1', '9.9.9.9, 8.8.8.8, 127.0.0.1', 'https'],
  [
    1,
    false,
    'X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: ::FFFF:8.8.8.8\r\n',
    '8.8.8.8',
    '9.9.9.9, ::FFFF:8.8.8.8, 127.0.0.1',
    'http',
  ],
  [
    1,
    false,
    'X-Forwarded-For: 8.8.8.8:1234\r\nX-Forwarded-Proto: gopher\r\n',
    '8.8.8.8',
    '8.8.8.8:1234, 127.0.0.1',
    'http',
  ],
  [1, false, '', '127.0.0.1', '127.0.0.1', 'http'],
]

test('the client is the peer, or the entry that the trusted proxies in front wrote', async () => {
  for (const [trustedHops, skipXffAppend, fields, address, forwardedFor, scheme] of clients) {
    await using door = await openDoor({ admission: { trustedHops, skipXffAppend } })
    await sendRaw(door.port, get(fields))
    const [visit] = door.visits
    assert.deepEqual([visit?.clientAddress, visit?.forwardedFor, visit?.scheme], [address, forwardedFor, scheme])
    assert.equal(visit?.peerAddress, '127.0.0.1')
  }
})

test('a trusted entry that is no address is refused: a guess could widen access', async () => {
  await using door = await openDoor({ admission: { trustedHops: 1 } })
  assert.equal((await sendRaw(door.port, get('X-Forwarded-For: 10.0.0.1, unknown\r\n'))).status, 400)
  assert.deepEqual(door.visits, [])
})

test('a visit and its header list are frozen', async () => {
  await using door = await openDoor()
  await sendRaw(door.port, get(''))
  assert.equal(Object.isFrozen(door.visits[0]), true)
  assert.equal(Object.isFrozen(door.visits[0]?.headers), true)
})

test('the request id is our own, whatever the client sent', async () => {
  await using door = await openDoor()
  await sendRaw(door.port, get('X-Request-Id: <script>\r\n'))
  assert.match(door.visits[0]?.id ?? '', /^[0-9a-f]{8}-[0-9a-f-]{27}$/)
})
