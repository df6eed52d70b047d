/** Clients that leave, dawdle, reset and stall, by the hundred: descriptors and sockets return to where they were. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { block, frame, frameTypes, openFrames } from '#test/listener/frames.ts'
import { diceFor, many } from './dice.ts'
import { valuesOf } from './recording-upstream.ts'
import { descriptorsOf, type Fort, inParallel, startFort, until } from './whole.ts'

const linux = process.platform === 'linux' ? false : 'reads /proc'

/** More than the buffers of a connection hold. */
const vast = Buffer.alloc(24_000_000, 'x')

/** Sockets of answers that never come: `/hang`; half of one: `/half`; slow ones: `/drip`. */
const hanging = new Set<Socket>()

let fort: Fort
before(async () => {
  fort = await startFort({
    upstream: {
      answer({ method, target }, socket) {
        if (target.startsWith('/hang')) {
          hanging.add(socket)
          socket.on('close', () => hanging.delete(socket))
          return undefined
        }
        const head = 'HTTP/1.1 200 OK\r\nx-from: upstream\r\ncontent-length: '
        if (target.startsWith('/half')) return `${head}1000\r\n\r\nhalf`
        if (target.startsWith('/vast')) {
          socket.write(`${head}${vast.length}\r\n\r\n`)
          return vast
        }
        if (target.startsWith('/huge')) return `${head}500000\r\n\r\n${'x'.repeat(500_000)}`
        return method === 'HEAD' ? `${head}2\r\n\r\n` : `${head}2\r\n\r\nok`
      },
    },
    settings: { timeout_read: '2s', timeout_idle: '2s' },
  })
})
after(() => fort[Symbol.asyncDispose]())

/** What is open when nothing is asked for; kept connections to applications count, so some are made first. */
async function baseline(): Promise<number[]> {
  await inParallel(many(16), 8, () => fort.send('GET / HTTP/1.1\r\nHost: open.corp.test\r\n\r\n', { answers: 1 }))
  await pause(50)
  return [fort.plain, fort.secure].map(descriptorsOf)
}

async function backTo(counts: readonly number[], spare: number): Promise<void> {
  const open = () => [fort.plain, fort.secure].map(descriptorsOf)
  const isBack = () => open().every((count, at) => count <= (counts[at] ?? 0) + spare)
  await until(isBack, `descriptors back from ${open()} to ${counts}`, 12_000)
}

test('clients that leave at any moment take everything of theirs along', { skip: linux }, async () => {
  const counts = await baseline()
  await inParallel(many(1200), 32, async (at) => {
    const dice = diceFor(700_000 + at)
    const path = dice.oneOf(['/', '/hang', '/half', '/huge'])
    const body = 'x'.repeat(dice.below(3000))
    const bytes = dice.oneOf([
      `GET ${path} HTTP/1.1\r\nHost: open.corp.test\r\n\r\n`,
      `POST ${path} HTTP/1.1\r\nHost: open.corp.test\r\nContent-Length: 5000\r\n\r\n${body}`,
      `POST ${path} HTTP/1.1\r\nHost: open.corp.test\r\nTransfer-Encoding: chunked\r\n\r\nbb8\r\n${body}`,
      `GET / HTTP/1.1\r\nHost: open.corp.test\r\n\r\nGET ${path} HTTP/1.1\r\nHost: open.corp.test\r\n\r\n`,
      `POST /.pomerium/sign_out HTTP/1.1\r\nHost: closed.corp.test\r\nContent-Length: 5000\r\n\r\n${body}`,
      `POST / HTTP/1.1\r\nHost: closed.corp.test\r\nContent-Length: 500000\r\n\r\n${body}`,
      `GET ${path} HTTP/1.1\r\nHost: open.corp.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    ])
    const socket = await fort.dial(at % 8 === 0)
    socket.on('error', () => {})
    socket.write(Buffer.from(bytes.slice(0, 1 + dice.below(bytes.length)), 'latin1'))
    if (dice.chance(0.5)) await pause(dice.below(15))
    const leaving = dice.below(3)
    if (leaving === 0) socket.destroy()
    else if (leaving === 1 && at % 8 !== 0) socket.resetAndDestroy()
    else {
      socket.end()
      setTimeout(() => socket.destroy(), dice.below(20))
    }
  })
  await until(() => hanging.size === 0, 'the application is let go of')
  await backTo(counts, 12)
  await fort.check()
})

test('heads and bodies that come too slowly end by the clock, and nobody else waits for them', {
  skip: linux,
}, async () => {
  const counts = await baseline()
  const slow = await Promise.all(
    many(24).map(async (at) => {
      const socket = await fort.dial(at % 6 === 0)
      let closed = false
      socket
        .on('error', () => {})
        .on('close', () => (closed = true))
        .resume()
      socket.write(
        at % 2 === 0
          ? 'GET / HTTP/1.1\r\nHost: open.corp.test\r\nX-Slow: '
          : 'POST / HTTP/1.1\r\nHost: open.corp.test\r\nContent-Length: 1000\r\n\r\n',
      )
      return { socket, isBody: at % 2 === 1, isClosed: () => closed }
    }),
  )
  const quick = await fort.send('GET / HTTP/1.1\r\nHost: open.corp.test\r\n\r\n', { answers: 1 })
  assert.equal(quick.answers[0]?.status, 200)
  await until(() => slow.filter(({ isBody }) => isBody).every(({ isClosed }) => isClosed()), 'silent bodies are cut')
  for (const { socket } of slow) socket.destroy()
  // Twelve connections to the application are kept for a while.
  await backTo(counts, 16)
})

test('a client that reads nothing of a long answer is let go of, and the application with it', {
  skip: linux,
}, async () => {
  const counts = await baseline()
  const sockets = await Promise.all(
    many(8).map(async (at) => {
      const socket = await fort.dial(at % 4 === 0)
      socket.on('error', () => {}).pause()
      socket.write('GET /vast HTTP/1.1\r\nHost: open.corp.test\r\n\r\n')
      return socket
    }),
  )
  const taken = () => [fort.plain, fort.secure].map(descriptorsOf).reduce((sum, count) => sum + count)
  const before = counts.reduce((sum, count) => sum + count)
  await until(() => taken() >= before + 8, 'they are open')
  // Nobody destroys them here: it is the idle limit that does.
  await until(() => taken() <= before + 4, 'the idle limit ends them', 12_000)
  for (const socket of sockets) socket.destroy()
  await fort.check()
})

function ask(path: string, host = 'open.corp.test', method = 'GET'): Buffer {
  return block([
    [':method', method],
    [':scheme', 'https'],
    [':authority', host],
    [':path', path],
  ])
}

test('HTTP/2 with names and values bent: what reaches an application is whole, and nobody is let in', async () => {
  const names = ['x-email', 'x-pomerium-claim-email', 'x_email', 'X-Email', 'remote-user', 'x-forwarded-for']
  const odd: readonly (readonly [string, string])[] = [
    ['host', 'closed.corp.test'],
    ['transfer-encoding', 'chunked'],
    ['connection', 'close'],
    ['content-length', '5'],
    ['te', 'gzip'],
    ['upgrade', 'websocket'],
    ['x-a', 'a\r\nx-email: mallory'],
    ['x-a', 'a\0b'],
    [':protocol', 'websocket'],
    [':path', '/second'],
    ['expect', '100-continue'],
    ['cookie', 'a=b'],
    ['cookie', '__Host-ostiary=mallory'],
  ]
  const before = fort.open.seen.length
  await inParallel(many(120), 6, async (at) => {
    const dice = diceFor(710_000 + at)
    await using client = await openFrames(fort.secure.port)
    for (let stream = 1; stream < 20; stream += 2) {
      const host = dice.oneOf([
        'open.corp.test',
        'open.corp.test',
        'closed.corp.test',
        'OPEN.corp.test',
        'a@open.corp.test',
      ])
      const path = dice.oneOf(['/', '/a', '/../a', '/a#b', '/a\\b', '*', '/%2e%2e/', '/%00', 'a', '', '/a b'])
      const method = dice.oneOf(['GET', 'GET', 'POST', 'HEAD', 'TRACE', 'CONNECT', 'get'])
      const fields: (readonly [string, string])[] = [
        [':method', method],
        [':scheme', 'https'],
        [':authority', host],
        [':path', path],
      ]
      if (dice.chance(0.5)) fields.push([dice.oneOf(names), 'mallory'])
      if (dice.chance(0.5)) fields.splice(dice.below(fields.length + 1), 0, dice.oneOf(odd))
      const ends = dice.chance(0.6)
      client.socket.write(frame(frameTypes.headers, ends ? 5 : 4, stream, block(fields)))
      if (!ends) client.socket.write(frame(frameTypes.data, dice.oneOf([0, 1]), stream, Buffer.from('hello')))
      if (dice.chance(0.3)) client.socket.write(frame(frameTypes.reset, 0, stream, Buffer.from([0, 0, 0, 8])))
    }
    await until(() => client.isClosed() || client.frames.length > 10, 'some answers', 300).catch(() => {})
  })
  assert.deepEqual(fort.closed.seen, [])
  const seen = fort.open.seen.slice(before)
  assert.ok(seen.length > 20, `${seen.length} were let in`)
  for (const request of seen) {
    assert.doesNotMatch(request.fields.join('\n'), /mallory/)
    assert.equal(valuesOf(request, 'transfer-encoding').length + valuesOf(request, 'content-length').length <= 1, true)
  }
  await fort.check()
})

test('an HTTP/2 body that is broken off never ends as a whole one at the application', async () => {
  const before = fort.open.seen.length
  await inParallel(many(60), 6, async (at) => {
    const dice = diceFor(720_000 + at)
    await using client = await openFrames(fort.secure.port)
    const head = ask(`/broken${at}`, 'open.corp.test', 'POST')
    client.socket.write(frame(frameTypes.headers, 4, 1, head))
    client.socket.write(frame(frameTypes.data, 0, 1, Buffer.alloc(dice.below(5000), 'x')))
    await pause(dice.below(10))
    if (at % 2 === 0)
      client.socket.write(frame(frameTypes.reset, 0, 1, Buffer.from([0, 0, 0, dice.oneOf([0, 1, 7, 8])])))
    else client.socket.destroy()
    await pause(10)
  })
  await pause(100)
  const seen = fort.open.seen.slice(before).filter(({ target }) => target.startsWith('/broken'))
  assert.ok(seen.length > 10, `${seen.length} began`)
  assert.deepEqual(
    seen.filter(({ body }) => body !== undefined).map(({ target }) => target),
    [],
  )
  await fort.check()
})

test('resets by the hundred, opened streams and shut windows end the connection and nothing else', {
  skip: linux,
}, async () => {
  const counts = await baseline()
  const rapid = await openFrames(fort.secure.port)
  for (let stream = 1; stream < 3000 && !rapid.isClosed(); stream += 2) {
    rapid.socket.write(frame(frameTypes.headers, 5, stream, ask('/hang')))
    rapid.socket.write(frame(frameTypes.reset, 0, stream, Buffer.from([0, 0, 0, 8])))
  }
  await until(rapid.isClosed, 'rapid resets end their connection')
  await rapid[Symbol.asyncDispose]()
  // A window of nothing: neither an answer nor a refusal can go out, and the streams must not stay for ever.
  const stalled = [
    ['/', 'open.corp.test'],
    ['/', 'closed.corp.test'],
    ['/a\\b', 'open.corp.test'],
  ] as const
  await inParallel(stalled, 3, async ([path, host]) => {
    await using client = await openFrames(fort.secure.port)
    client.socket.write(frame(frameTypes.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])))
    for (let stream = 1; stream < 40; stream += 2)
      client.socket.write(frame(frameTypes.headers, 5, stream, ask(path, host)))
    const resets = () => client.frames.filter(({ type }) => type === frameTypes.reset).length
    await until(() => client.isClosed() || resets() >= 20, `${host}${path}: stalled streams are let go of`, 40_000)
  })
  await until(() => hanging.size === 0, 'the application is let go of')
  await backTo(counts, 12)
  await fort.check()
})
