import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { freePort } from '../actors/program.ts'
import { startRawUpstream, startUpstream } from '../actors/upstream.ts'
import { eventually, type Front, openFront, sessionOf } from './front.ts'

const session = sessionOf({ email: 'ada@example.com', groups: ['devops'] })
const identity = { passIdentity: true, claimHeaders: [{ header: 'X-Email', claim: 'email' }] }

function dial(front: Front, path = '/socket', headers: Record<string, string> = {}): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${front.port}${path}`, {
    headers: { host: 'wiki.app.test', ...headers },
    perMessageDeflate: false,
  })
  socket.on('error', () => {})
  return socket
}

/** The status with which a handshake was refused. */
async function refusal(socket: WebSocket): Promise<number | undefined> {
  const [, response] = await once(socket, 'unexpected-response')
  socket.terminate()
  return (response as { statusCode?: number }).statusCode
}

test('a WebSocket is joined, echoes, and the application is told who it is', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({
    route: { to: [{ url: upstream.url }], websockets: true, ...identity },
    session,
  })
  const socket = dial(front, '/socket%20a?x=%zz&y=[|]', {
    origin: 'https://wiki.app.test',
    cookie: '__Host-ostiary=sealed; theme=dark',
    'x-email': 'root@example.com',
    'x-pomerium-claim-email': 'root@example.com',
    'remote-user': 'root',
  })
  await once(socket, 'open')
  for (const message of ['one', 'x'.repeat(200), 'y'.repeat(70_000)]) {
    socket.send(message)
    const [data] = await once(socket, 'message')
    assert.equal(String(data), message)
  }
  const [seen] = upstream.requests
  assert.equal(seen?.url, '/socket%20a?x=%zz&y=[|]')
  assert.equal(seen?.headers.cookie, 'theme=dark')
  assert.equal(seen?.headers['x-email'], 'ada@example.com')
  assert.equal(seen?.headers['x-forwarded-proto'], 'http')
  assert.equal(seen?.headers['x-pomerium-claim-email'], undefined)
  assert.equal(seen?.headers['remote-user'], undefined)
  assert.ok(seen?.headers['x-pomerium-jwt-assertion'])
  assert.equal(front.upgrades.size, 1)
  socket.close()
  await once(socket, 'close')
  await eventually('the end is seen', () => front.outcomes.length === 1)
  assert.equal(front.outcomes[0]?.status, 101)
  assert.ok((front.outcomes[0]?.size ?? 0) > 70_000)
  assert.equal(front.upgrades.size, 0)
})

test('a page of another origin gets no WebSocket; the own one and programs without Origin do', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }], websockets: true }, session })
  for (const origin of [
    'https://evil.test',
    'http://wiki.app.test',
    'https://wiki.app.test:8443',
    'https://wiki.app.test.evil.test',
    'https://sub.wiki.app.test',
    'null',
    'wiki.app.test',
  ]) {
    assert.equal(await refusal(dial(front, '/', { origin })), 403, origin)
  }
  assert.equal(upstream.requests.length, 0)
  for (const headers of [{}, { origin: 'https://wiki.app.test' }, { origin: 'https://WIKI.app.test:443' }]) {
    const socket = dial(front, '/', headers)
    await once(socket, 'open')
    socket.terminate()
  }
})

test('a route without allow_websockets refuses the handshake', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  assert.equal(await refusal(dial(front)), 403)
  assert.equal(upstream.requests.length, 0)
})

test('an open WebSocket is closed with 1008 when it may no longer be, and with 1001 when the proxy goes', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }], websockets: true }, session })
  for (const code of [1008, 1001] as const) {
    const socket = dial(front)
    await once(socket, 'open')
    const closed = once(socket, 'close')
    assert.equal(
      front.upgrades.closeWhere((upgrade) => upgrade.session?.id === 'sess-1' && upgrade.routeId === 'wiki', code),
      1,
    )
    assert.equal((await closed)[0], code)
  }
  await eventually('both ends are seen', () => front.outcomes.length === 2)
  assert.equal(front.outcomes[0]?.details, 'upgrade_cut')
  await eventually('the application is rid of both', () =>
    upstream.requests.every((request) => request.socket?.destroyed === true),
  )
})

test('a WebSocket ends with its session', async () => {
  await using upstream = await startUpstream()
  const soon = sessionOf({ email: 'ada@example.com' }, { expiresAt: Date.now() + 300 })
  await using front = await openFront({ route: { to: [{ url: upstream.url }], websockets: true }, session: soon })
  const socket = dial(front)
  await once(socket, 'open')
  assert.equal((await once(socket, 'close'))[0], 1008)
})

test('in the middle of a frame the connection is cut without a word', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }], websockets: true }, session })
  const socket = dial(front)
  await once(socket, 'open')
  const client = upstream.requests[0]?.socket
  // The head of a frame of 100 octets, and ten of them.
  client?.write(Buffer.from([0x82, 100, ...Array(10).fill(7)]))
  await new Promise((resolve) => setTimeout(resolve, 100))
  const closed = once(socket, 'close')
  front.upgrades.closeWhere(() => true, 1008)
  assert.equal((await closed)[0], 1006)
})

test('when either side leaves without a word, so does the other', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }], websockets: true } })
  const first = dial(front)
  await once(first, 'open')
  upstream.requests[0]?.socket?.destroy()
  await once(first, 'close')

  const second = dial(front)
  await once(second, 'open')
  second.terminate()
  await eventually('the application sees it', () => upstream.requests[1]?.socket?.destroyed === true)
  await eventually('the outcomes', () => front.outcomes.length === 2)
})

test('a WebSocket in which nothing moves ends by the idle limit', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({
    route: { to: [{ url: upstream.url }], websockets: true, idleTimeout: 300 },
  })
  const socket = dial(front)
  await once(socket, 'open')
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 150))
    socket.send('still here')
  }
  assert.equal(socket.readyState, WebSocket.OPEN)
  assert.equal((await once(socket, 'close'))[0], 1001)
  await eventually('the outcome', () => front.outcomes[0]?.details === 'idle_timeout')
})

test('an application that wants no WebSocket says so itself, and cannot set our cookie with it', async () => {
  await using upstream = await startRawUpstream(
    'HTTP/1.1 426 Upgrade Required\r\nSet-Cookie: __Host-ostiary=evil; Path=/\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nno',
  )
  const planted: string[] = []
  await using front = await openFront({
    route: { to: [{ url: upstream.url }], websockets: true },
    tools: { onOwnCookieSet: ({ name }) => planted.push(name) },
  })
  const socket = dial(front)
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, import('node:http').IncomingMessage]
  assert.equal(response.statusCode, 426)
  assert.equal(response.headers['set-cookie'], undefined)
  assert.equal(response.headers['x-a'], '1')
  assert.deepEqual(planted, ['__Host-ostiary'])
  socket.terminate()
})

test('a 101 that does not answer this handshake is 502', async () => {
  const head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n'
  for (const fields of [
    'Upgrade: websocket\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n',
    'Upgrade: other\r\n\r\n',
    'Upgrade: websocket\r\n\r\nHTTP/1.1 200 OK\r\n\r\nsmuggled',
  ]) {
    await using upstream = await startRawUpstream(head + fields)
    await using front = await openFront({ route: { to: [{ url: upstream.url }], websockets: true } })
    assert.equal(await refusal(dial(front)), 502)
    assert.equal(front.outcomes[0]?.error?.code, 'UPSTREAM_INVALID')
  }
})

test('an application that is down, or cuts, or is silent, is 502 or 504; another target is tried', async () => {
  const port = await freePort()
  const dead = `http://127.0.0.1:${port}`
  await using down = await openFront({ route: { to: [{ url: dead }], websockets: true } })
  assert.equal(await refusal(dial(down)), 502)

  await using upstream = await startUpstream()
  await using cutting = await openFront({ route: { to: [{ url: upstream.url }], websockets: true } })
  assert.equal(await refusal(dial(cutting, '/?do=cut')), 502)
  assert.equal(upstream.requests.length, 1)

  await using silent = await startRawUpstream(() => {})
  await using waiting = await openFront({ route: { to: [{ url: silent.url }], websockets: true, timeout: 300 } })
  assert.equal(await refusal(dial(waiting)), 504)

  await using front = await openFront({ route: { to: [{ url: dead }, { url: upstream.url }], websockets: true } })
  for (let i = 0; i < 3; i++) {
    const socket = dial(front)
    await once(socket, 'open')
    socket.send(`${i}`)
    assert.equal(String((await once(socket, 'message'))[0]), `${i}`)
    socket.terminate()
  }
})

test('frames that come with the handshake are not lost, and the address is not spelt anew', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }], websockets: true } })
  const socket = connect(front.port, '127.0.0.1')
  const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])
  socket.write(
    Buffer.concat([
      Buffer.from(
        'GET /a%7Bb?y=\'"%7e&&?? HTTP/1.1\r\nHost: wiki.app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      ),
      frame,
    ]),
  )
  let seen = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    seen = Buffer.concat([seen, chunk as Buffer])
  })
  await eventually('the echo', () => seen.subarray(-4).equals(Buffer.from([0x81, 0x02, 0x68, 0x69])))
  assert.equal(upstream.requests[0]?.url, '/a%7Bb?y=\'"%7e&&??')
  socket.destroy()
})
