/** HTTP/2 as attackers speak it: malformed requests, floods, and streams opened only to be reset. */
import assert from 'node:assert/strict'
import { connect } from 'node:http2'
import { before, test } from 'node:test'
import type { CertificatePair } from '#src/listener/certificates.ts'
import { headerOf } from '#src/wire/headers.ts'
import { makePair, openDoor, until } from '#test/listener/doors.ts'
import { ask, block, frame, frameTypes, openFrames } from '#test/listener/frames.ts'

let pair: CertificatePair
before(async () => {
  pair = await makePair('a.test')
})

const base = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a.test'],
  [':path', '/'],
] as const

const without = (name: string) => base.filter(([field]) => field !== name)
const withValue = (name: string, value: string) =>
  base.map(([field, old]) => [field, field === name ? value : old] as const)

type Fields = readonly (readonly [name: string, value: string])[]

const malformed: readonly (readonly [title: string, fields: Fields])[] = [
  ['user information in :authority', withValue(':authority', 'alice@a.test')],
  ['a malformed :authority', withValue(':authority', 'a.test:x')],
  ['no :authority and no host', without(':authority')],
  ['a host that differs from :authority', [...base, ['host', 'b.test']]],
  ['two host fields', [...without(':authority'), ['host', 'a.test'], ['host', 'a.test']]],
  ['two :authority fields', [...base, [':authority', 'a.test']]],
  ['two :path fields', [...base, [':path', '/b']]],
  ['a # in :path', withValue(':path', '/foo/secret#/bar')],
  ['a backslash in :path', withValue(':path', '/a\\b')],
  ['an escaped slash in :path', withValue(':path', '/a%2Fb')],
  ['a :path without a slash', withValue(':path', 'a')],
  ['an absolute :path', withValue(':path', 'https://a.test/x')],
  ['an asterisk as :path', withValue(':path', '*')],
  ['a blank in :path', withValue(':path', '/a b')],
  ['an empty :path', withValue(':path', '')],
  ['no :path', without(':path')],
  ['no :method', without(':method')],
  ['TRACE', withValue(':method', 'TRACE')],
  ['a method that is not known', withValue(':method', 'FOO')],
  ['another scheme', withValue(':scheme', 'ftp')],
  [
    'plain CONNECT',
    [
      [':method', 'CONNECT'],
      [':authority', 'x:443'],
    ],
  ],
  ['extended CONNECT', [...withValue(':method', 'CONNECT'), [':protocol', 'websocket']]],
  ['a header name with an underscore', [...base, ['x_pomerium_a', 'root']]],
  ['a header name in upper case', [...base, ['X-Upper', 'a']]],
  ['a connection field', [...base, ['connection', 'close']]],
  ['a transfer-encoding', [...base, ['transfer-encoding', 'chunked']]],
  ['an upgrade field', [...base, ['upgrade', 'websocket']]],
  ['a te other than trailers', [...base, ['te', 'gzip']]],
  ['an unknown Expect', [...base, ['expect', '200-ok']]],
  ['a length that is no number', [...base, ['content-length', '+3']]],
  ['two lengths', [...base, ['content-length', '0'], ['content-length', '0']]],
  ['a pseudo-header after a field', [...base.slice(0, 3), ['x', 'y'], [':path', '/']]],
  ['an unknown pseudo-header', [...base, [':foo', 'bar']]],
]

const post = (more: Fields) => block([...withValue(':method', 'POST'), ...more])

for (const [title, fields] of malformed) {
  test(`HTTP/2 with ${title}: answered with 4xx or reset at once, and nobody behind saw it`, async () => {
    await using door = await openDoor({ certificates: [pair] })
    await using client = await openFrames(door.port)
    client.socket.write(frame(frameTypes.headers, 0x4, 1, block(fields)))
    const isAnswered = () =>
      client.isClosed() ||
      client.frames.some(
        ({ type, stream }) => stream === 1 && (type === frameTypes.reset || type === frameTypes.headers),
      ) ||
      client.frames.some(({ type }) => type === frameTypes.goaway)
    assert.ok(await until(isAnswered), 'no answer')
    assert.deepEqual(door.visits, [])
    const isOver = () =>
      client.isClosed() ||
      client.frames.some(
        ({ type, stream }) => type === frameTypes.goaway || (stream === 1 && type === frameTypes.reset),
      )
    assert.ok(await until(isOver), 'the stream is still open')
  })
}

test('a field with a control or a leading blank never reaches anybody', async () => {
  await using door = await openDoor({ certificates: [pair] })
  await using client = await openFrames(door.port)
  const evil = ['a\r\nx-injected: 1', 'a\0b', 'a\nb']
  for (const [at, value] of evil.entries()) {
    client.socket.write(frame(frameTypes.headers, 0x5, 1 + 2 * at, ask('/', [['x-evil', value]])))
  }
  await until(
    () => client.frames.filter(({ type }) => type === frameTypes.headers || type === frameTypes.reset).length >= 3,
  )
  for (const visit of door.visits) assert.equal(headerOf(visit.headers, 'x-evil'), undefined)
})

test('a body shorter or longer than its Content-Length never arrives as a whole', async () => {
  await using door = await openDoor({ certificates: [pair] })
  await using client = await openFrames(door.port)
  client.socket.write(frame(frameTypes.headers, 0x4, 1, post([['content-length', '5']])))
  client.socket.write(frame(frameTypes.data, 0x1, 1, Buffer.from('abc')))
  client.socket.write(frame(frameTypes.headers, 0x4, 3, post([['content-length', '1']])))
  client.socket.write(frame(frameTypes.data, 0x1, 3, Buffer.from('abc')))
  const resets = () =>
    client.frames.filter(({ type }) => type === frameTypes.reset || type === frameTypes.goaway).length
  assert.ok(await until(() => resets() >= 2 || client.isClosed()))
  assert.deepEqual(door.bodies, [])
})

for (const [how, code] of [
  ['a reset without error', 0],
  ['a cancel', 8],
  ['a connection cut', undefined],
] as const) {
  for (const early of [false, true]) {
    test(`${how} in the middle of a body ${early ? 'after an early answer ' : ''}never looks like its end`, async () => {
      const seen: string[] = []
      await using door = await openDoor({
        certificates: [pair],
        serve({ request, response }) {
          request.on('end', () => seen.push('end'))
          request.on('error', () => seen.push('error'))
          request.resume()
          if (early) response.end('early')
        },
      })
      await using client = await openFrames(door.port)
      client.socket.write(frame(frameTypes.headers, 0x4, 1, post([])))
      client.socket.write(frame(frameTypes.data, 0, 1, Buffer.from('abc')))
      assert.ok(await until(() => door.visits.length === 1))
      await new Promise((resolve) => setTimeout(resolve, 30))
      if (code === undefined) client.socket.destroy()
      else client.socket.write(frame(frameTypes.reset, 0, 1, Buffer.from([0, 0, 0, code])))
      assert.ok(await until(() => seen.length > 0))
      await new Promise((resolve) => setTimeout(resolve, 30))
      assert.deepEqual(seen, ['error'])
    })
  }
}

test('a whole body ends, whatever is read how late', async () => {
  await using door = await openDoor({ certificates: [pair] })
  await using client = await openFrames(door.port)
  client.socket.write(
    Buffer.concat([
      frame(frameTypes.headers, 0x4, 1, post([])),
      frame(frameTypes.data, 0, 1, Buffer.from('abc')),
      frame(frameTypes.data, 1, 1),
      frame(frameTypes.headers, 0x4, 3, post([])),
      frame(frameTypes.data, 1, 3, Buffer.from('def')),
    ]),
  )
  assert.ok(await until(() => door.bodies.length === 2))
  assert.deepEqual(door.bodies.toSorted(), ['abc', 'def'])
})

test('pseudo-headers and Host among the trailers change nothing', async () => {
  await using door = await openDoor({ certificates: [pair] })
  await using client = await openFrames(door.port)
  client.socket.write(frame(frameTypes.headers, 0x4, 1, post([])))
  client.socket.write(frame(frameTypes.headers, 0x5, 1, block([[':path', '/admin']])))
  client.socket.write(frame(frameTypes.headers, 0x4, 3, post([])))
  client.socket.write(
    frame(
      frameTypes.headers,
      0x5,
      3,
      block([
        ['host', 'evil.test'],
        ['cookie', 'a=b'],
      ]),
    ),
  )
  await until(() => client.isClosed() || client.frames.some(({ type, stream }) => stream === 3 && type <= 1))
  assert.doesNotMatch(JSON.stringify(door.visits), /admin|evil|a=b/)
})

test('a hundred streams are advertised and the next ones are turned away', async () => {
  await using door = await openDoor({ certificates: [pair], serve() {} })
  await using client = await openFrames(door.port)
  const opened = Array.from({ length: 130 }, (_, at) => frame(frameTypes.headers, 0x5, 1 + 2 * at, ask()))
  client.socket.write(Buffer.concat(opened))
  await until(() => client.frames.filter(({ type }) => type === frameTypes.reset).length >= 30 || client.isClosed())
  const settings = client.frames.find(({ type, flags }) => type === frameTypes.settings && flags === 0)?.payload
  const values = new Map<number, number>()
  for (let at = 0; settings && at < settings.length; at += 6)
    values.set(settings.readUInt16BE(at), settings.readUInt32BE(at + 2))
  assert.equal(values.get(3), 100)
  assert.equal(values.get(6), 128 * 1024)
  assert.ok(door.visits.length <= 100, `${door.visits.length} streams reached the application`)
})

test('rapid reset: a client that opens and cancels streams loses its connection', async () => {
  await using door = await openDoor({
    certificates: [pair],
    limits: { resetBurst: 50, resetsPerSecond: 1 },
    serve() {},
  })
  await using client = await openFrames(door.port)
  let id = 1
  for (let round = 0; round < 40 && !client.isClosed(); round++) {
    const parts: Buffer[] = []
    for (let at = 0; at < 50; at++, id += 2) {
      parts.push(frame(frameTypes.headers, 0x5, id, ask()), frame(frameTypes.reset, 0, id, Buffer.from([0, 0, 0, 8])))
    }
    client.socket.write(Buffer.concat(parts))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.ok(await until(client.isClosed), 'the connection is still open')
  assert.ok(door.visits.length <= 200, `${door.visits.length} requests reached the application`)
})

test('resets that the client makes us send count just as much', async () => {
  await using door = await openDoor({
    certificates: [pair],
    limits: { resetBurst: 50, resetsPerSecond: 1 },
    serve() {},
  })
  await using client = await openFrames(door.port)
  let id = 1
  for (let round = 0; round < 40 && !client.isClosed(); round++) {
    const parts: Buffer[] = []
    for (let at = 0; at < 50; at++, id += 2) {
      // An increment of 0 is a stream error (RFC 9113 §6.9).
      parts.push(frame(frameTypes.headers, 0x5, id, ask()), frame(frameTypes.window, 0, id, Buffer.alloc(4)))
    }
    client.socket.write(Buffer.concat(parts))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.ok(await until(client.isClosed), 'the connection is still open')
  assert.ok(door.visits.length <= 200, `${door.visits.length} requests reached the application`)
})

test('a flood of settings, pings or continuations ends the connection or is answered, and others are served', async () => {
  await using door = await openDoor({ certificates: [pair] })
  const floods = [
    frame(frameTypes.settings, 0, 0, Buffer.from([0, 3, 0, 0, 0, 1])),
    frame(frameTypes.ping, 0, 0, Buffer.alloc(8)),
  ]
  for (const flood of floods) {
    await using client = await openFrames(door.port)
    client.socket.pause()
    for (let at = 0; at < 50 && !client.isClosed(); at++) client.socket.write(Buffer.concat(Array(1000).fill(flood)))
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await using client = await openFrames(door.port)
  client.socket.write(frame(frameTypes.headers, 0x1, 1, ask()))
  for (let at = 0; at < 1000; at++) client.socket.write(frame(frameTypes.continuation, 0, 1, block([['x', 'y']])))
  assert.ok(await until(client.isClosed), 'continuations without end keep the connection')
  await using good = await openFrames(door.port)
  good.socket.write(frame(frameTypes.headers, 0x5, 1, ask('/fine')))
  assert.ok(await until(() => door.visits.some(({ path }) => path === '/fine')))
})

test('more header fields than the limit are refused, never dropped', async () => {
  await using door = await openDoor({ certificates: [pair] })
  const client = connect(`https://127.0.0.1:${door.port}`, { rejectUnauthorized: false, servername: 'a.test' })
  client.on('error', () => {})
  const ask = (count: number) =>
    new Promise<number | undefined>((resolve) => {
      const fields = Object.fromEntries(Array.from({ length: count }, (_, at) => [`x${at}`, 'y']))
      const stream = client.request({ ':authority': 'a.test', ...fields })
      stream.on('response', (headers) => resolve(headers[':status']))
      stream.on('error', () => {})
      stream.on('close', () => resolve(undefined))
      stream.resume()
    })
  assert.equal(await ask(990), 200)
  assert.equal(await ask(1010), 431)
  assert.equal(await ask(1500), undefined)
  client.destroy()
  assert.equal(door.visits.length, 1)
})

test('cookies cut over several fields come as one, and host is where HTTP/1.1 has it', async () => {
  await using door = await openDoor({ certificates: [pair] })
  await using client = await openFrames(door.port)
  client.socket.write(
    frame(
      frameTypes.headers,
      0x5,
      1,
      ask('/', [
        ['cookie', 'a=1'],
        ['x', 'y'],
        ['cookie', 'b=2'],
      ]),
    ),
  )
  assert.ok(await until(() => door.visits.length === 1))
  assert.deepEqual(door.visits[0]?.headers, ['host', 'a.test', 'cookie', 'a=1; b=2', 'x', 'y'])
})
