import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'
import { startWorld, type World } from './world.ts'

/** More than all buffers between a client and the proxy hold. */
const size = 24 * 1024 * 1024
const chunk = Buffer.alloc(64 * 1024, 'u')
const options = { timeout: 60_000 }

let world: World

before(async () => {
  world = await startWorld()
})

after(() => world?.[Symbol.asyncDispose]())

const address = (host: string) => ({
  port: world.proxy.port,
  host: '127.0.0.1',
  servername: `${host}.corp.test`,
  ca: world.proxy.certs.ca,
})

/** The status line for a client that looks at nothing before its whole upload is out. */
async function overHttp1(host: string, path: string, framing: 'length' | 'chunks'): Promise<string> {
  const socket = connect({ ...address(host), ALPNProtocols: ['http/1.1'] })
  await once(socket, 'secureConnect')
  socket.pause()
  const send = async (piece: Buffer | string): Promise<void> => {
    if (!socket.write(piece)) await once(socket, 'drain')
  }
  const field = framing === 'length' ? `Content-Length: ${size}` : 'Transfer-Encoding: chunked'
  await send(`PUT ${path} HTTP/1.1\r\nHost: ${host}.corp.test:${world.proxy.port}\r\n${field}\r\n\r\n`)
  for (let left = size; left > 0; left -= chunk.length) {
    if (framing === 'chunks') await send(`${chunk.length.toString(16)}\r\n`)
    await send(chunk)
    if (framing === 'chunks') await send('\r\n')
  }
  if (framing === 'chunks') await send('0\r\n\r\n')
  const [first] = (await once(socket.resume(), 'data')) as [Buffer]
  socket.destroy()
  return first.toString('latin1').split('\r\n')[0] ?? ''
}

/** The same over HTTP/2, where a stream whose window never opens again would hold the client for ever. */
async function overHttp2(client: ClientHttp2Session, path: string): Promise<number> {
  const stream = client.request({ ':method': 'PUT', ':path': path })
  const head = once(stream, 'response') as Promise<[{ ':status': number }]>
  for (let left = size; left > 0; left -= chunk.length) {
    if (!stream.write(chunk)) await once(stream, 'drain')
  }
  stream.end()
  const [{ ':status': status }] = await head
  stream.resume()
  await once(stream, 'close')
  assert.equal(stream.rstCode, 0)
  return status
}

test('a client that sends its whole upload before it looks still reads why it was refused', options, async () => {
  for (const framing of ['length', 'chunks'] as const) {
    assert.equal(await overHttp1('any', '/file', framing), 'HTTP/1.1 401 Unauthorized')
    assert.equal(await overHttp1('any', '/.pomerium/user', framing), 'HTTP/1.1 405 Method Not Allowed')
  }
})

test('… and what the application said early', options, async () => {
  for (const framing of ['length', 'chunks'] as const) {
    assert.equal(await overHttp1('pub', '/?do=early', framing), 'HTTP/1.1 413 Payload Too Large')
  }
})

test('… over HTTP/2 as well, and the connection goes on', options, async () => {
  for (const [host, path, status] of [
    ['any', '/file', 401],
    ['any', '/.pomerium/user', 405],
    ['pub', '/?do=early', 413],
  ] as const) {
    const client = connectHttp2(world.url(host), address(host))
    assert.equal(await overHttp2(client, path), status)
    assert.equal(await overHttp2(client, path), status)
    client.close()
  }
})

test(
  'a client that stalls in an upload that was answered is let go, and its HTTP/2 connection goes on',
  options,
  async () => {
    const client = connectHttp2(world.url('any'), address('any'))
    const stalled = client.request({ ':method': 'PUT', ':path': '/file' })
    stalled.write(chunk)
    stalled.resume()
    await once(stalled, 'close')
    assert.equal(stalled.rstCode, 0, 'the answer was whole, the rest is not wanted')
    const next = client.request({ ':path': '/' })
    const [head] = (await once(next.resume(), 'response')) as [{ ':status': number }]
    assert.equal(head[':status'], 302)
    client.close()
  },
)
