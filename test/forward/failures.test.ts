import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { freePort } from '../actors/program.ts'
import { startRawUpstream, startUpstream } from '../actors/upstream.ts'
import { ask, eventually, open, openFront } from './front.ts'

test('an application that is down is 502 at once, and its address is not told', async () => {
  const port = await freePort()
  await using front = await openFront({ route: { to: [{ url: `http://127.0.0.1:${port}` }] } })
  const answer = await ask(front, '/', { headers: { accept: 'application/json' } })
  assert.equal(answer.status, 502)
  assert.equal(front.outcomes[0]?.error?.code, 'UPSTREAM_UNREACHABLE')
  assert.doesNotMatch(answer.text, new RegExp(`${port}|127\\.0\\.0\\.1`))
})

test('an application that cuts without a word is asked again for a GET, once, and never for a POST', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  assert.equal((await ask(front, '/get?do=cut')).status, 502)
  assert.equal(upstream.requests.length, 2)
  assert.equal((await ask(front, '/post?do=cut', { method: 'POST', body: 'pay=1' })).status, 502)
  assert.equal((await ask(front, '/empty?do=cut', { method: 'POST' })).status, 502)
  assert.equal((await ask(front, '/delete?do=cut', { method: 'DELETE' })).status, 502)
  assert.equal(upstream.requests.length, 5)
})

test('a kept connection that the application closed meanwhile costs the client nothing', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  assert.equal((await ask(front)).status, 200)
  for (const socket of upstream.sockets) socket.resetAndDestroy()
  assert.equal((await ask(front)).status, 200)
})

test('an answer that is cut in the middle is seen as cut', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  for (const query of ['', '&chunked=1']) {
    const answer = await open(front, `/?do=abort${query}`)
    await assert.rejects(async () => {
      for await (const _ of answer);
    })
  }
  await eventually('outcomes', () => front.outcomes.length === 2)
  assert.deepEqual(front.outcomes[0], { status: 200, size: 10, details: 'upstream_reset', upstream: upstream.url })
})

test('to an HTTP/1.0 client, whose answers end with the connection, a cut one is a reset', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
  const socket = connect(front.port, '127.0.0.1')
  socket.write('GET /?do=abort&chunked=1 HTTP/1.0\r\nHost: wiki.app.test\r\n\r\n')
  await assert.rejects(
    async () => {
      for await (const _ of socket);
    },
    { code: 'ECONNRESET' },
  )
})

test('an answer that does not come in time is 504; the time of the upload does not count', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({ route: { to: [{ url: upstream.url }], timeout: 300 } })
  assert.equal((await ask(front, '/?do=slow&ms=2000')).status, 504)
  assert.equal(front.outcomes[0]?.error?.code, 'UPSTREAM_TIMEOUT')
  await eventually('the application is told', () => upstream.requests[0]?.aborted === true)

  const socket = connect(front.port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: wiki.app.test\r\nContent-Length: 4\r\nConnection: close\r\n\r\n')
  for (const letter of 'slow') {
    await new Promise((resolve) => setTimeout(resolve, 200))
    socket.write(letter)
  }
  let seen = ''
  for await (const chunk of socket) seen += chunk
  assert.match(seen, /^HTTP\/1\.1 200 /)
})

test('without a time limit a slow answer is waited for; a stream in which nothing moves ends by the idle limit', async () => {
  await using upstream = await startUpstream()
  await using patient = await openFront({ route: { to: [{ url: upstream.url }], timeout: 0 } })
  assert.equal((await ask(patient, '/?do=slow&ms=500')).status, 200)

  await using front = await openFront({ route: { to: [{ url: upstream.url }], timeout: 0, idleTimeout: 300 } })
  const answer = await open(front, '/?do=sse&n=3&ms=200')
  let whole = ''
  for await (const chunk of answer as AsyncIterable<Buffer>) whole += chunk
  assert.equal(whole.match(/event/g)?.length, 3)
  const stalled = await open(front, '/?do=sse&n=3&ms=2000')
  await assert.rejects(async () => {
    for await (const _ of stalled);
  })
})

test('an application that lets nobody connect is given up', async () => {
  // An address for documentation (RFC 5737): on most machines nothing answers there, on some the network refuses.
  await using front = await openFront({ route: { to: [{ url: 'http://192.0.2.1:9' }], timeout: 700 } })
  assert.ok([502, 504].includes((await ask(front)).status))
})

const badAnswers: Readonly<Record<string, string>> = {
  garbage: 'nonsense\r\n\r\n',
  'a coding that we do not undo': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxx',
  'two codings': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
  'length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a length that is no number': 'HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc',
  'a status out of range': 'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n',
  'a bare line feed in a value': 'HTTP/1.1 200 OK\r\nX-A: 1\rX-B: 2\r\n\r\n',
  'a blank before the colon': 'HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length: 0\r\n\r\n',
  'a NUL in a value': 'HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n',
  'a head without end': `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(200_000)}\r\n\r\n`,
}

for (const [what, bytes] of Object.entries(badAnswers)) {
  test(`an answer with ${what} is 502, and the next request is served`, async () => {
    let bad = true
    await using upstream = await startRawUpstream((socket) =>
      socket.end(bad ? bytes : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'),
    )
    await using front = await openFront({ route: { to: [{ url: upstream.url }] } })
    assert.equal((await ask(front)).status, 502)
    bad = false
    assert.equal((await ask(front)).text, 'ok')
  })
}
