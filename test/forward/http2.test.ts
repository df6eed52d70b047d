import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { makeCertificate } from '../actors/certificate.ts'
import { skipWithout, temporaryFolder } from '../actors/program.ts'
import { type Echo, startRawUpstream, startUpstream, type Upstream } from '../actors/upstream.ts'
import { eventually, type Front, type FrontSettings, openFront } from './front.ts'

const skip = skipWithout('openssl')

interface World {
  readonly front: Front
  readonly client: ClientHttp2Session
}

async function withHttp2(
  upstream: Upstream,
  run: (world: World) => Promise<void>,
  route: Partial<FrontSettings['route']> = {},
): Promise<void> {
  using folder = temporaryFolder('front-http2')
  const { certificate, key } = await makeCertificate(folder.path, ['wiki.app.test'])
  await using front = await openFront({
    route: { to: [{ url: upstream.url }], ...route },
    certificates: [{ certPem: certificate, keyPem: key }],
  })
  const client = connect(`https://127.0.0.1:${front.port}`, { rejectUnauthorized: false, servername: 'wiki.app.test' })
  client.on('error', () => {})
  try {
    await run({ front, client })
  } finally {
    client.destroy()
  }
}

function request(client: ClientHttp2Session, path: string, headers: Record<string, string | string[]> = {}) {
  return client.request(
    { ':authority': 'wiki.app.test', ':path': path, ...headers },
    { endStream: !headers[':method'] },
  )
}

test('HTTP/2 in front: cookies in pieces become one, and nothing of HTTP/1 comes back', { skip }, async () => {
  await using upstream = await startUpstream()
  await withHttp2(upstream, async ({ client }) => {
    const stream = request(client, '/a?b=c', { cookie: ['theme=dark', '__Host-ostiary=sealed', 'lang=en'] })
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }]
    assert.equal(head[':status'], 200)
    for (const name of ['connection', 'keep-alive', 'transfer-encoding']) assert.equal(head[name], undefined)
    const seen = JSON.parse(await text(stream)) as Echo
    assert.equal(seen.headers['cookie'], 'theme=dark; lang=en')
    assert.equal(seen.headers['host'], `127.0.0.1:${upstream.port}`)
    assert.equal(seen.headers['x-forwarded-host'], 'wiki.app.test')
    assert.equal(seen.headers['x-forwarded-proto'], 'https')
  })
})

test('HTTP/2 in front: an upload arrives, and one that is broken off is no whole request', { skip }, async () => {
  await using upstream = await startUpstream()
  await withHttp2(upstream, async ({ client, front }) => {
    const stream = request(client, '/', { ':method': 'POST' })
    stream.write('hel')
    setTimeout(() => stream.end('lo'), 50)
    assert.equal((JSON.parse(await text(stream)) as Echo).body.bytes, 5)

    // Node's client ends a stream before it resets it; the announced length tells that this was not all.
    const broken = request(client, '/broken', { ':method': 'POST', 'content-length': '100' })
    broken.on('error', () => {})
    broken.write('begun')
    await eventually('it arrives', () => upstream.requests.length === 2)
    broken.close(8)
    await eventually('the application sees it', () => upstream.requests[1]?.aborted === true)

    const killed = request(client, '/killed', { ':method': 'POST' })
    killed.on('error', () => {})
    killed.write('begun')
    await eventually('it arrives', () => upstream.requests.length === 3)
    client.destroy()
    await eventually('the application sees it', () => upstream.requests[2]?.aborted === true)
    await eventually('the outcomes', () => front.outcomes.length === 3)
    assert.equal(front.outcomes[2]?.details, 'downstream_disconnect')
  })
})

test('HTTP/2 in front: an answer that is cut is a reset stream, and the connection goes on', { skip }, async () => {
  await using upstream = await startUpstream()
  await withHttp2(upstream, async ({ client }) => {
    for (const query of ['', '&chunked=1']) {
      const stream = request(client, `/?do=abort${query}`)
      await assert.rejects(text(stream))
      assert.equal(stream.rstCode, 2)
    }
    assert.match(await text(request(client, '/')), /"method":"GET"/)
  })
})

test('HTTP/2 in front: a stream that the client closes ends the request at the application', { skip }, async () => {
  await using upstream = await startUpstream()
  await withHttp2(upstream, async ({ client }) => {
    const stream = request(client, '/?do=sse&n=1000&ms=20')
    stream.on('error', () => {})
    await once(stream, 'data')
    stream.close()
    await eventually('the application sees it', () => upstream.requests[0]?.aborted === true)
  })
})

test('HTTP/2 in front: HEAD, 204, early hints and a slow reader', { skip }, async () => {
  await using upstream = await startUpstream()
  await withHttp2(upstream, async ({ client }) => {
    const head = client.request({ ':authority': 'wiki.app.test', ':path': '/', ':method': 'HEAD' })
    assert.equal(((await once(head, 'response'))[0] as { ':status': number })[':status'], 200)
    head.resume()
    const empty = request(client, '/?do=status&status=204')
    assert.equal(((await once(empty, 'response'))[0] as { ':status': number })[':status'], 204)
    empty.resume()
    const hinted = request(client, '/?do=hints')
    const [hints] = (await once(hinted, 'headers')) as [IncomingHttpHeaders]
    assert.equal(hints['link'], '</style.css>; rel=preload')
    assert.equal(await text(hinted), 'hinted')
    const big = request(client, `/?do=down&bytes=${4 * 1024 * 1024}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
    let size = 0
    for await (const chunk of big) size += (chunk as Buffer).length
    assert.equal(size, 4 * 1024 * 1024)
  })
})

test('HTTP/2 in front: an answer with a header that HTTP/2 forbids is passed on without it', { skip }, async () => {
  await using upstream = await startRawUpstream(
    'HTTP/1.1 200 Fine\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nProxy-Connection: close\r\nKeep-Alive: timeout=5\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok',
  )
  await withHttp2(upstream, async ({ client }) => {
    const stream = request(client, '/')
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    assert.equal(await text(stream), 'ok')
    assert.deepEqual([head['x-hop'], head['x-a']], [undefined, '1'])
  })
})

test('HTTP/2 in front: a head that is longer than Node would send by itself arrives whole', { skip }, async () => {
  const cookies = Array.from({ length: 40 }, (_, at) => `c${at}=${'x'.repeat(2500)}`)
  const lines = cookies.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join('')
  await using upstream = await startRawUpstream(`HTTP/1.1 200 OK\r\n${lines}Content-Length: 2\r\n\r\nok`)
  await withHttp2(upstream, async ({ client }) => {
    const stream = request(client, '/')
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    assert.equal(await text(stream), 'ok')
    assert.deepEqual(head['set-cookie'], cookies)
  })
})
