import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBindAddress } from '#src/listener/bind.ts'
import { openHealthListener } from '#src/listener/health-listener.ts'
import { openListeners } from '#src/listener/open-listeners.ts'
import { openRedirectListener } from '#src/listener/redirect-listener.ts'
import { openDoor, sendRaw, strictAdmission } from '#test/listener/doors.ts'

test('the redirect listener sends clients to the same host, path and query over https', async () => {
  await using redirect = await openRedirectListener({ address: '127.0.0.1:0' })
  const ask = async (line: string, host: string) => {
    const answer = await sendRaw(redirect.port, `${line} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    return [answer.status, /location: (.*)\r/i.exec(answer.text)?.[1]]
  }
  assert.deepEqual(await ask('GET /x?y=1%2F', 'pub.test'), [301, 'https://pub.test/x?y=1%2F'])
  assert.deepEqual(await ask('HEAD /a%2Fb', 'PUB.test:80'), [301, 'https://pub.test/a%2Fb'])
  assert.deepEqual(await ask('POST /x', 'pub.test'), [308, 'https://pub.test/x'])
  assert.deepEqual(await ask('GET //evil.example', 'pub.test'), [301, 'https://pub.test/evil.example'])
  for (const host of ['pub.test@evil.example', 'pub.test/..', '', 'a b']) {
    assert.deepEqual(await ask('GET /', host), [400, undefined])
  }
  assert.deepEqual(await ask('GET http://evil.example/', 'pub.test'), [400, undefined])
  assert.deepEqual(await ask('TRACE /', 'pub.test'), [405, undefined])
})

test('the redirect listener names the port where https is not on 443', async () => {
  await using redirect = await openRedirectListener({ address: '127.0.0.1:0', httpsPort: '8443' })
  const answer = await sendRaw(redirect.port, 'GET / HTTP/1.1\r\nHost: pub.test:8080\r\n\r\n')
  assert.match(answer.text, /location: https:\/\/pub\.test:8443\/\r/i)
})

test('the health listener tells started, ready and alive apart', async () => {
  const status = { started: false, ready: false, alive: true }
  await using health = await openHealthListener({ address: '127.0.0.1:0', status: () => status })
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${health.port}${path}`, { method })
    return { status: response.status, text: await response.text() }
  }
  assert.equal((await ask('/startupz')).status, 503)
  assert.equal((await ask('/healthz')).status, 200)
  Object.assign(status, { started: true, ready: true })
  for (const path of ['/startupz', '/readyz', '/healthz', '/readyz?x']) assert.equal((await ask(path)).status, 200)
  assert.deepEqual(JSON.parse((await ask('/status')).text), status)
  status.ready = false
  assert.equal((await ask('/readyz')).status, 503)
  assert.equal((await ask('/status')).status, 503)
  assert.equal((await ask('/healthz', 'HEAD')).status, 200)
  assert.equal((await ask('/healthz', 'POST')).status, 405)
  assert.equal((await ask('/elsewhere')).status, 404)
})

test('a taken port rejects with the address in the message', async () => {
  await using door = await openDoor()
  const address = `127.0.0.1:${door.port}`
  await assert.rejects(
    openListeners({ address, admission: strictAdmission }, { exchange() {} }),
    new RegExp(`cannot listen on ${address}: another program uses this address`),
  )
  await assert.rejects(
    openHealthListener({ address, status: () => ({ started: true, ready: true, alive: true }) }),
    /another/,
  )
})

test('addresses to listen on are read in all their forms, and others are refused', () => {
  assert.deepEqual(parseBindAddress(':443'), { host: undefined, port: 443 })
  assert.deepEqual(parseBindAddress('127.0.0.1:8443'), { host: '127.0.0.1', port: 8443 })
  assert.deepEqual(parseBindAddress('[::1]:443'), { host: '::1', port: 443 })
  assert.deepEqual(parseBindAddress('localhost:80'), { host: 'localhost', port: 80 })
  for (const text of ['', '443', ':', ':x', '::1:443', '[::1]', '[x]:1', 'a b:1', ':65536', '127.0.0.1']) {
    assert.throws(() => parseBindAddress(text), /cannot listen on/, text)
  }
})

test('options of admission can be replaced while running', async () => {
  await using door = await openDoor()
  const bytes = 'GET /a%2Fb HTTP/1.1\r\nHost: a.test\r\n\r\n'
  assert.equal((await sendRaw(door.port, bytes)).status, 400)
  door.listeners.replaceAdmission({ ...strictAdmission, escapedSlashes: 'keep_unchanged' })
  assert.equal((await sendRaw(door.port, bytes)).status, 200)
})
