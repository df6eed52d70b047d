/** Bytes of HTTP/1.1 that two parsers could read in two ways: refused, closed, and nothing behind us saw them. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { openDoor, sendRaw } from '#test/listener/doors.ts'

const post = (fields: string, body = '') => `POST /x HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n${body}`
const get = (fields: string) => `GET /x HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`
const chunked = (body: string) => post('Transfer-Encoding: chunked\r\n', body)

/** Title, bytes, expected status. */
const refused: readonly (readonly [title: string, bytes: string, status: number])[] = [
  ['a list of codings, gzip and chunked', post('Transfer-Encoding: gzip, chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'), 501],
  ['a list of codings, identity and chunked', post('Transfer-Encoding: identity, chunked\r\n', '0\r\n\r\n'), 501],
  ['a coding that is not known', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), 501],
  ['the coding identity', post('Transfer-Encoding: identity\r\n', 'abc'), 501],
  ['chunked before another coding', post('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'), 400],
  ['chunked between tabs', post('Transfer-Encoding:\tchunked\t\r\n', '0\r\n\r\n'), 400],
  ['chunked after a vertical tab', post('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n'), 400],
  ['chunked twice', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
  ['chunked and a length', post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
  ['a length and chunked', post('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n', '0\r\n\r\n'), 400],
  ['an empty coding and a length', post('Transfer-Encoding:\r\nContent-Length: 3\r\n', 'abc'), 400],
  ['a coding on HTTP/1.0', 'POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ['an underscore coding', post('Transfer_Encoding: chunked\r\n', '0\r\n\r\n'), 400],
  ['an underscore length', post('Content_Length: 5\r\n', 'hello'), 400],
  ['two different lengths', post('Content-Length: 3\r\nContent-Length: 4\r\n', 'abcd'), 400],
  ['two equal lengths', post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'), 400],
  ['a list of lengths', post('Content-Length: 3, 3\r\n', 'abc'), 400],
  ['a length with a sign', post('Content-Length: +3\r\n', 'abc'), 400],
  ['a length with a leading zero', post('Content-Length: 03\r\n', 'abc'), 400],
  ['an empty length', post('Content-Length:\r\n', 'abc'), 400],
  ['a length in hexadecimal', post('Content-Length: 0x3\r\n', 'abc'), 400],
  ['a length beyond numbers', post('Content-Length: 99999999999999999999\r\n', 'abc'), 400],
  ['a length that numbers cannot hold exactly', post('Content-Length: 9999999999999999\r\n', 'abc'), 400],
  ['HTTP/2.0 as text', 'GET / HTTP/2.0\r\nHost: a.test\r\n\r\n', 505],
  ['HTTP/0.9', 'GET /\r\n\r\n', 505],
  ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: a.test\r\n\r\n', 505],
  ['the HTTP/2 preface on a plain connection', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['a version in lower case', 'GET / http/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['a blank after the version', 'GET / HTTP/1.1 \r\nHost: a.test\r\n\r\n', 505],
  ['a blank in the target', 'GET /a b HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['bare line feeds', 'GET / HTTP/1.1\nHost: a.test\n\n', 505],
  ['a bare line feed in the head', 'GET / HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n', 400],
  ['a bare carriage return in a value', get('X: a\rb\r\n'), 400],
  ['a folded field', get('X: a\r\n b\r\n'), 400],
  ['a blank before the first field', 'GET / HTTP/1.1\r\n X: a\r\nHost: a.test\r\n\r\n', 400],
  ['a blank before the colon', get('X : a\r\n'), 400],
  ['an empty field name', get(': a\r\n'), 400],
  ['a field without a colon', get('Xabc\r\n'), 400],
  ['a field name that is no token', get('X(a: b\r\n'), 400],
  ['NUL in a value', get('X: a\0b\r\n'), 400],
  ['a control in a value', get('X: a\x01b\r\n'), 400],
  ['DEL in a value', get('X: a\x7fb\r\n'), 400],
  ['a method that is not known', 'FOO / HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['a method of another protocol', 'DESCRIBE / RTSP/1.0\r\nHost: a.test\r\n\r\n', 400],
  ['TRACE', 'TRACE / HTTP/1.1\r\nHost: a.test\r\nCookie: a=secret\r\n\r\n', 405],
  ['CONNECT to a host', 'CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n', 405],
  ['CONNECT to a path', 'CONNECT /x HTTP/1.1\r\nHost: a.test\r\n\r\n', 405],
  ['CONNECT to port 0', 'CONNECT a:0 HTTP/1.1\r\nHost: a.test\r\n\r\n', 405],
  ['CONNECT to no host', 'CONNECT :0 HTTP/1.1\r\nHost: a.test\r\n\r\n', 405],
  ['an odd Expect with 100-continue in it', post('Expect: y 100-continue\r\nContent-Length: 3\r\n', 'abc'), 417],
  ['an unknown Expect', post('Expect: 200-ok\r\nContent-Length: 3\r\n', 'abc'), 417],
  ['two Expect fields', post('Expect: 100-continue\r\nExpect: x\r\nContent-Length: 3\r\n', 'abc'), 417],
  ['1,200 fields', get('A: b\r\n'.repeat(1200)), 431],
  ['2,000 fields', get('A: b\r\n'.repeat(2000)), 431],
  ['a head above 128 KiB', get(`X: ${'a'.repeat(140_000)}\r\n`), 431],
  ['a target above 128 KiB', `GET /${'a'.repeat(140_000)} HTTP/1.1\r\nHost: a.test\r\n\r\n`, 431],
]

for (const [title, bytes, status] of refused) {
  test(`${title}: refused with ${status}, closed, and nobody behind saw it`, async () => {
    await using door = await openDoor()
    const answer = await sendRaw(door.port, bytes)
    assert.equal(answer.status, status, answer.text)
    assert.equal(answer.statuses.length, 1, answer.text)
    assert.equal(answer.closed, true)
    assert.deepEqual(door.visits, [])
    assert.equal(door.refusals.length, 1)
    assert.match(answer.text, /x-content-type-options: nosniff/i)
    assert.match(answer.text, /cache-control: no-store/i)
    assert.match(answer.text, /frame-ancestors 'none'/i)
    assert.doesNotMatch(answer.text, /secret/)
  })
}

const brokenBodies: readonly (readonly [title: string, bytes: string])[] = [
  ['a line feed after the chunk size', chunked('3\nabc\r\n0\r\n\r\n')],
  ['a carriage return after the chunk size', chunked('3\rabc\r\n0\r\n\r\n')],
  ['a line feed that ends an extension', chunked('3;a\nabc\r\n0\r\n\r\n')],
  ['an empty extension', chunked('3;\r\nabc\r\n0\r\n\r\n')],
  ['a control in an extension', chunked('3;a=\x01\r\nabc\r\n0\r\n\r\n')],
  ['a chunk size with 0x', chunked('0x3\r\nabc\r\n0\r\n\r\n')],
  ['a chunk size with a sign', chunked('+3\r\nabc\r\n0\r\n\r\n')],
  ['a blank after the chunk size', chunked('3 \r\nabc\r\n0\r\n\r\n')],
  ['no chunk size', chunked(';\r\nabc\r\n0\r\n\r\n')],
  ['a chunk longer than its size', chunked('3\r\nabcX\r\n0\r\n\r\n')],
  ['a chunk without its end', chunked('3\r\nabc0\r\n\r\n')],
  ['a chunk size that overflows', chunked('10000000000000003\r\nabc\r\n0\r\n\r\n')],
  ['a length among the trailers', chunked('0\r\nContent-Length: 5\r\n\r\n')],
  ['trailers above the limit of a head', chunked(`0\r\nX: ${'a'.repeat(140_000)}\r\n\r\n`)],
]

for (const [title, bytes] of brokenBodies) {
  test(`${title}: the application never sees a whole body, and the connection is closed`, async () => {
    await using door = await openDoor()
    const answer = await sendRaw(door.port, bytes)
    assert.equal(answer.closed, true, answer.text)
    assert.ok(answer.status === undefined || answer.status >= 400, answer.text)
    assert.deepEqual(door.bodies, [])
  })
}

test('a second request hidden in a body that was framed two ways is never read as a request', async () => {
  await using door = await openDoor()
  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n'
  await sendRaw(
    door.port,
    post(`Content-Length: ${smuggled.length + 5}\r\nTransfer-Encoding: chunked\r\n`, `0\r\n\r\n${smuggled}`),
  )
  await sendRaw(door.port, post('Transfer_Encoding: chunked\r\n', `0\r\n\r\n${smuggled}`))
  await sendRaw(door.port, `TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n${smuggled}`)
  await sendRaw(door.port, `CONNECT a:1 HTTP/1.1\r\nHost: a.test\r\n\r\n${smuggled}`)
  assert.deepEqual(door.visits, [])
})

test('trailers are dropped: they change nothing that was admitted', async () => {
  await using door = await openDoor()
  const trailers = 'Host: evil.test\r\nCookie: a=b\r\nAuthorization: x\r\nX-Pomerium-Claim-Email: root\r\n'
  const answer = await sendRaw(door.port, chunked(`3\r\nabc\r\n0\r\n${trailers}\r\n`))
  assert.equal(answer.status, 200)
  assert.deepEqual(door.bodies, ['abc'])
  assert.doesNotMatch(JSON.stringify(door.visits), /evil|Authorization|claim-email|a=b/i)
})

test('slack in the request line is read as one canonical request', async () => {
  await using door = await openDoor()
  await sendRaw(door.port, 'GET  /a  HTTP/1.1\r\nHost: a.test\r\n\r\n')
  await sendRaw(door.port, '\r\n\r\nGET /b HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.deepEqual(
    door.visits.map(({ path }) => path),
    ['/a', '/b'],
  )
})

test('no 100 Continue is sent before the application asks for it', async () => {
  await using silent = await openDoor({
    serve({ response }) {
      response.statusCode = 403
      response.end('no')
    },
  })
  const head = post('Expect: 100-continue\r\nContent-Length: 3\r\n')
  assert.deepEqual((await sendRaw(silent.port, head)).statuses, [403])
  await using willing = await openDoor()
  assert.deepEqual((await sendRaw(willing.port, `${head}abc`)).statuses, [100, 200])
})

test('an Expect field on HTTP/1.0 is ignored', async () => {
  await using door = await openDoor()
  const head = 'POST / HTTP/1.0\r\nHost: a.test\r\nExpect: 200-ok\r\nContent-Length: 3\r\n\r\nabc'
  assert.equal((await sendRaw(door.port, head)).statuses.at(-1), 200)
})

test('what follows Connection: close is not read, and the answer before it still arrives', async () => {
  await using door = await openDoor()
  const bytes = `GET /1 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n${get('')}`
  const answer = await sendRaw(door.port, bytes)
  assert.deepEqual(answer.statuses, [200])
  assert.equal(answer.closed, true)
  assert.deepEqual(
    door.visits.map(({ path }) => path),
    ['/1'],
  )
})

test('garbage after a good request is answered after it, never instead of it', async () => {
  await using door = await openDoor({
    async serve({ response }) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      response.end('first\n')
    },
  })
  const answer = await sendRaw(door.port, `${get('')}GET / HTTP/1.1\r\nbad header\r\n\r\n`)
  assert.deepEqual(answer.statuses, [200, 400], answer.text)
  assert.equal(answer.closed, true)
})

test('pipelined requests are served one after the other and in order', async () => {
  let running = 0
  let most = 0
  await using door = await openDoor({
    async serve({ visit, response }) {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 10))
      running--
      response.end(`[${visit.path}]`)
    },
  })
  const bytes = ['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`).join('')
  const answer = await sendRaw(door.port, bytes)
  assert.match(answer.text, /\[\/1\].*\[\/2\].*\[\/3\]/s)
  assert.equal(most, 1)
})

test('a flood of pipelined requests closes the connection and starts no more than one', async () => {
  await using door = await openDoor({ serve() {} })
  const answer = await sendRaw(door.port, get('').repeat(1000))
  assert.equal(answer.closed, true)
  assert.equal(door.visits.length, 1)
})

test('an answer under way is never followed by our own in the same body', async () => {
  await using door = await openDoor({
    serve({ response }) {
      Readable.from(['begun'], { objectMode: false }).pipe(response, { end: false })
    },
  })
  const answer = await sendRaw(door.port, [chunked('3\r\nabc\r\n'), 'zz\r\n'])
  assert.match(answer.text, /begun/)
  assert.deepEqual(answer.statuses, [200])
  assert.doesNotMatch(answer.text, /Bad Request/)
  assert.equal(answer.closed, true)
})
