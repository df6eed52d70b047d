import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { openHello } from '#src/cli/demo/hello.ts'

const clock = Date.UTC(2026, 0, 7, 12)
const now = () => clock

test('the page shows the request and who is there, escaped', async () => {
  await using hello = await openHello({ now })
  const claims = { name: 'Ada <b>', email: 'ada@corp.test', groups: ['devops', 'finance'] }
  const token = `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.y`
  const headers = { 'x-pomerium-jwt-assertion': token, 'x-odd': '<script>' }
  const page = await (await fetch(`${hello.url}/a?b=c`, { headers })).text()
  assert.match(page, /Hello, Ada &lt;b&gt;/)
  assert.match(page, /devops and finance/)
  assert.match(page, /GET \/a\?b=c/)
  assert.doesNotMatch(page, /<script>/)
})

test('a program gets the same as JSON, the beginning of a body included', async () => {
  await using hello = await openHello({ now })
  const answer = await fetch(hello.url, {
    method: 'POST',
    body: 'x'.repeat(100_000),
    headers: { accept: 'application/json' },
  })
  const echo = (await answer.json()) as { method: string; body: string; assertion?: unknown }
  assert.equal(echo.method, 'POST')
  assert.equal(echo.body.length, 65_536)
  assert.equal(echo.assertion, undefined)
})

test('an assertion that is none does no harm', async () => {
  await using hello = await openHello({ now })
  for (const token of ['', 'x', 'x.y.z', `x.${Buffer.from('null').toString('base64url')}.y`]) {
    const answer = await fetch(hello.url, { headers: { 'x-pomerium-jwt-assertion': token } })
    assert.equal(answer.status, 200)
    assert.match(await answer.text(), /whoever you are/)
  }
})

test('the clock ticks at once', async () => {
  await using hello = await openHello({ now })
  const answer = await fetch(`${hello.url}/clock`)
  assert.equal(answer.headers.get('content-type'), 'text/event-stream')
  const reader = answer.body?.getReader()
  const first = await reader?.read()
  assert.equal(new TextDecoder().decode(first?.value), 'data: 2026-01-07T12:00:00.000Z\n\n')
  await reader?.cancel()
})

test('the socket echoes text and octets, and no other path is one', async () => {
  await using hello = await openHello({ now })
  const socket = new WebSocket(`${hello.url.replace('http', 'ws')}/socket`)
  await once(socket, 'open')
  socket.send('text')
  assert.deepEqual(await once(socket, 'message').then(([data, isBinary]) => [String(data), isBinary]), ['text', false])
  socket.send(Buffer.from([1, 2]))
  assert.deepEqual(await once(socket, 'message').then(([data]) => data), Buffer.from([1, 2]))
  socket.terminate()
  const other = new WebSocket(`${hello.url.replace('http', 'ws')}/elsewhere`)
  const [error] = (await once(other, 'error')) as [Error]
  assert.match(error.message, /404/)
})
