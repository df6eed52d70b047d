import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { type Echo, startRawUpstream, startUpstream } from '../actors/upstream.ts'
import { ask, eventually, open, openFront } from './front.ts'

test('a request arrives with method, path, query and body as they were judged', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'MKCOL', 'REPORT']) {
    const seen = (await ask(front, '/a%20b?x=%zz&y', { method, body: 'hello' })).json<Echo>()
    assert.equal(seen.method, method)
    assert.equal(seen.url, '/a%20b?x=%zz&y')
    assert.equal(seen.body.bytes, 5)
  }
  assert.equal((await ask(front)).json<Echo>().body.bytes, 0)
  await eventually('outcomes', () => front.outcomes.length === 8)
  assert.deepEqual(front.outcomes.map(({ status, details }) => [status, details])[0], [200, 'via_upstream'])
  assert.equal(front.outcomes[0]?.upstream, upstream.url)
})

test('HEAD, 204 and 304 have no body and keep the connection in order', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  const head = await ask(front, '/?do=status&h.content-length=7', { method: 'HEAD' })
  assert.equal(head.headers['content-length'], '7')
  assert.equal(head.text, '')
  for (const status of [204, 304]) assert.equal((await ask(front, `/?do=status&status=${status}`)).status, status)
  assert.equal((await ask(front)).status, 200)
})

test('whole answers of any size keep each octet, and the head before them as well', async () => {
  const every = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet))
  for (const octets of [1, 256, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1]) {
    const body = Buffer.alloc(octets, every)
    const head = Buffer.from(`HTTP/1.1 200 OK\r\nX-Name: J\xf6rg\r\nContent-Length: ${octets}\r\n\r\n`, 'latin1')
    await using upstream = await startRawUpstream(Buffer.concat([head, body]))
    await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
    const answer = await open(front, '/')
    assert.equal(answer.headers['x-name'], 'J\xf6rg')
    assert.ok(Buffer.concat(await answer.toArray()).equals(body), `${octets} octets`)
  }
})

test('a body after 204 is not taken for the next answer', async () => {
  await using upstream = await startRawUpstream('HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nHTTP')
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  for (let i = 0; i < 3; i++) {
    const answer = await ask(front)
    assert.equal(answer.status, 204)
    assert.equal(answer.headers['content-length'], undefined)
  }
})

test('events of a stream are passed on one by one', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  const answer = await open(front, '/?do=sse&n=3&ms=150')
  const pieces: string[] = []
  for await (const chunk of answer as AsyncIterable<Buffer>) pieces.push(chunk.toString())
  assert.equal(pieces.length, 3)
})

test('a head is passed on before its body comes', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  const answer = await open(front, '/?do=headfirst&ms=400')
  let early = true
  answer.once('data', () => {
    assert.equal(early, false)
  })
  await new Promise((resolve) => setTimeout(resolve, 100))
  early = false
  await once(answer.resume(), 'end')
})

test('early hints pass, 100 and 101 that nobody asked for do not', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  const socket = connect(front.port, '127.0.0.1')
  socket.write('GET /?do=hints HTTP/1.1\r\nHost: wiki.app.test\r\nConnection: close\r\n\r\n')
  let seen = ''
  for await (const chunk of socket) seen += chunk
  assert.match(seen, /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/style\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 /i)

  for (const status of ['100 Continue', '101 Switching Protocols']) {
    await using bad = await startRawUpstream(`HTTP/1.1 ${status}\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n`)
    await using other = await openFront({ route: { to: [{ url: bad.url }] } })
    assert.equal((await ask(other)).status, 502)
    assert.equal(other.outcomes[0]?.error?.code, 'UPSTREAM_INVALID')
  }
})

test('a client that waits for 100 gets it only when the application is there to read', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  const socket = connect(front.port, '127.0.0.1')
  socket.write(
    'POST / HTTP/1.1\r\nHost: wiki.app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n',
  )
  let seen = ''
  socket.on('data', (chunk) => {
    seen += chunk
    if (seen === 'HTTP/1.1 100 Continue\r\n\r\n') socket.write('hello')
  })
  await once(socket, 'end')
  assert.match(seen, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
  assert.equal(upstream.requests[0]?.headers.expect, undefined)

  await upstream.stop()
  const refused = connect(front.port, '127.0.0.1')
  refused.write('POST / HTTP/1.1\r\nHost: wiki.app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
  const [first] = (await once(refused, 'data')) as [Buffer]
  assert.match(first.toString(), /^HTTP\/1\.1 502 /)
  refused.destroy()
})

test('a client that leaves ends the request at the application, during the answer and before it', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  const answer = await open(front, '/?do=sse&n=1000&ms=20')
  answer.on('error', () => {}).once('data', () => answer.destroy())
  await eventually('the application sees it', () => upstream.requests[0]?.aborted === true)
  await eventually('the outcome', () => front.outcomes.length === 1)
  assert.equal(front.outcomes[0]?.details, 'downstream_disconnect')

  const socket = connect(front.port, '127.0.0.1')
  socket.write('GET /?do=slow&ms=3000 HTTP/1.1\r\nHost: wiki.app.test\r\n\r\n')
  await eventually('the request arrives', () => upstream.requests.length === 2)
  socket.destroy()
  await eventually('the application sees it', () => upstream.requests[1]?.aborted === true)
})

test('a client that leaves in the middle of its upload ends the request at the application', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  const socket = connect(front.port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: wiki.app.test\r\nContent-Length: 100000\r\n\r\nbegun')
  await eventually('the request arrives', () => upstream.requests.length === 1)
  socket.destroy()
  await eventually('the outcome', () => front.outcomes.length === 1)
  assert.equal(front.outcomes[0]?.details, 'downstream_disconnect')
  await eventually('the application sees it', () => upstream.requests[0]?.aborted === true)
})

test('an application that answers before it has read the upload is heard', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  const socket = connect(front.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('POST /?do=early HTTP/1.1\r\nHost: wiki.app.test\r\nContent-Length: 10000000\r\n\r\nbegun')
  const [first] = (await once(socket, 'data')) as [Buffer]
  assert.match(first.toString(), /^HTTP\/1\.1 413 /)
  socket.destroy()
})

test('header octets outside of ASCII pass as they are, both ways, whether a body follows at once or later', async () => {
  const name = Buffer.from('attachment; filename="caf\u00e9.txt"', 'utf8')
  const old = Buffer.from([0x63, 0x61, 0x66, 0xe9])
  const fields = Buffer.concat([
    Buffer.from('Content-Disposition: '),
    name,
    Buffer.from('\r\nX-Old: '),
    old,
    Buffer.from('\r\n'),
  ])
  for (const [framing, body] of [
    ['Content-Length: 2', 'ok'],
    ['Transfer-Encoding: chunked', '2\r\nok\r\n0\r\n\r\n'],
    ['Connection: close', 'ok'],
  ] as const) {
    for (const later of [0, 50]) {
      let asked = Buffer.alloc(0)
      await using upstream = await startRawUpstream((socket) => {
        const head = Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${framing}\r\n`), fields, Buffer.from('\r\n')])
        if (later === 0) socket.end(Buffer.concat([head, Buffer.from(body)]))
        else {
          socket.write(head)
          setTimeout(() => socket.end(body), later)
        }
      })
      await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
      const socket = connect(front.port, '127.0.0.1')
      socket.write(
        Buffer.concat([Buffer.from('GET / HTTP/1.1\r\nHost: wiki.app.test\r\n'), fields, Buffer.from('\r\n')]),
      )
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        asked = Buffer.concat([asked, chunk])
        if (asked.includes('ok', asked.indexOf('\r\n\r\n'))) break
      }
      for (const octets of [name, old])
        assert.ok(asked.includes(octets), `${framing}, ${later}: ${asked.toString('latin1')}`)
      const sent = upstream.requests[0]?.rawHeaders.join('\n') ?? ''
      for (const octets of [name, old]) assert.ok(sent.includes(octets.toString('latin1')), sent)
    }
  }
})
