/** Hosts that two programs could read in two ways, and requests that name two. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDoor, sendRaw } from '#test/listener/doors.ts'

const badHosts: readonly string[] = [
  'alice@hello.example',
  'hello.example:x@admin.example',
  'a,b',
  'a b',
  'a/x',
  'a#x',
  'a?x',
  'a\\b',
  '*',
  '*.wild.example',
  'a..b',
  '.a',
  'hello.example:',
  'hello.example:0',
  'hello.example:x',
  'hello.example:443:443',
  'hello.example:65536',
  'hello.example:0443',
  'hello.example%2f',
  'hello%2eexample',
  '::1',
  '[::1',
  '[::1]x',
  '[fe80::1%25eth0]',
  '[::ffff:127.0.0.1]',
  '127.1',
  '0x7f.0.0.1',
  '2130706433',
  '127.0.0.01',
  '127.0.0.1.',
  // hello。example, hello．example, a soft hyphen and a full-width letter in UTF-8; ü in latin1
  'hello\xe3\x80\x82example',
  'hello\xef\xbc\x8eexample',
  'hel\xc2\xadlo.example',
  '\xef\xbd\x88ello.example',
  'b\xfccher.example',
  `${'a'.repeat(64)}.example`,
  `${'a.'.repeat(127)}aa`,
  'a'.repeat(254),
]

for (const host of badHosts) {
  test(`Host: ${JSON.stringify(host.slice(0, 40))} is refused`, async () => {
    await using door = await openDoor()
    const answer = await sendRaw(door.port, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    assert.equal(answer.status, 400)
    assert.equal(answer.closed, true)
    assert.deepEqual(door.visits, [])
    assert.equal(door.refusals[0]?.code, 'HOST_INVALID')
  })
}

const badRequests: readonly (readonly [title: string, bytes: string])[] = [
  ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
  ['no Host on HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
  ['two different Hosts', 'GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n'],
  ['two equal Hosts', 'GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n'],
  ['an absolute target for another host', 'GET http://admin.example/ HTTP/1.1\r\nHost: hello.example\r\n\r\n'],
  ['an absolute target for another port', 'GET http://a.test:81/ HTTP/1.1\r\nHost: a.test\r\n\r\n'],
  ['an absolute target with user information', 'GET http://x@a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'],
  ['an absolute target of another scheme', 'GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'],
  ['an absolute target without Host', 'GET http://a.test/ HTTP/1.1\r\n\r\n'],
  ['an absolute target with a backslash', 'GET http://a.test\\@b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'],
  ['an absolute target with a fragment', 'GET http://a.test#/x HTTP/1.1\r\nHost: a.test\r\n\r\n'],
]

for (const [title, bytes] of badRequests) {
  test(`${title}: refused`, async () => {
    await using door = await openDoor()
    const answer = await sendRaw(door.port, bytes)
    assert.equal(answer.status, 400, answer.text)
    assert.equal(answer.closed, true)
    assert.deepEqual(door.visits, [])
  })
}

const goodHosts: readonly (readonly [sent: string, host: string, port: string])[] = [
  ['HELLO.Example', 'hello.example', ''],
  ['hello.example:8443', 'hello.example', '8443'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example', ''],
  ['xn--a', 'xn--a', ''],
  ['a-b_c.example', 'a-b_c.example', ''],
  ['hello.example.', 'hello.example.', ''],
  ['127.0.0.1:80', '127.0.0.1', '80'],
  ['[0:0:0:0:0:0:0:1]:80', '[::1]', '80'],
  ['[2001:DB8::1]', '[2001:db8::1]', ''],
  ['localhost', 'localhost', ''],
]

test('a host is read once: lower case, the port apart, and the same bytes in the header list', async () => {
  await using door = await openDoor()
  for (const [sent, host, port] of goodHosts) {
    door.visits.length = 0
    assert.equal((await sendRaw(door.port, `GET / HTTP/1.1\r\nHost: ${sent}\r\nConnection: close\r\n\r\n`)).status, 200)
    const [visit] = door.visits
    const authority = port === '' ? host : `${host}:${port}`
    assert.deepEqual([visit?.host, visit?.port, visit?.authority], [host, port, authority])
    assert.deepEqual(visit?.headers.slice(0, 2), ['host', authority])
  }
})

test('an absolute target that agrees with Host is the same request as its path', async () => {
  await using door = await openDoor()
  await sendRaw(door.port, 'GET http://A.test:80/x?y HTTP/1.1\r\nHost: a.TEST:80\r\n\r\n')
  await sendRaw(door.port, 'GET http://a.test?y HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.deepEqual(
    door.visits.map(({ host, path, query }) => [host, path, query]),
    [
      ['a.test', '/x', '?y'],
      ['a.test', '/', '?y'],
    ],
  )
})

test('a target that starts with two slashes is a path on the host that was named', async () => {
  await using door = await openDoor()
  await sendRaw(door.port, 'GET //admin.example/x HTTP/1.1\r\nHost: hello.example\r\n\r\n')
  assert.deepEqual([door.visits[0]?.host, door.visits[0]?.path], ['hello.example', '/admin.example/x'])
})
