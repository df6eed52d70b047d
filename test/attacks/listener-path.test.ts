/** Paths that a rule and an application could read in two ways. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDoor, sendRaw } from '#test/listener/doors.ts'

const badTargets: readonly string[] = [
  '/public\\..\\admin',
  '/a\\b',
  '/foo/secret#/bar',
  '/a?x=#y',
  '/a%2Fb',
  '/a%2fb',
  '/a%5Cb',
  '/a%5cb',
  '/a%00b',
  '/a%',
  '/a%2',
  '/a%zz',
  '/%%32%65',
  '/%c0%ae%c0%ae/admin',
  '/%e0%80%ae/',
  '/%ff',
  '/%ed%a0%80',
  '/\xc3\xbc',
  '/a?\xc3\xbc',
  '/a\tb',
  '/public/..;/admin',
  '/public/..;x=1/admin',
  '/public/.;/admin',
  '/public/%2e%2e;/admin',
  '*',
  'a',
  'a.test/x',
  '',
]

for (const target of badTargets) {
  test(`target ${JSON.stringify(target)} is refused`, async () => {
    await using door = await openDoor()
    const answer = await sendRaw(door.port, `OPTIONS ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`)
    assert.equal(answer.status, 400, answer.text)
    assert.equal(answer.closed, true)
    assert.deepEqual(door.visits, [])
  })
}

const cleaned: readonly (readonly [target: string, path: string, query: string])[] = [
  ['/public/../admin', '/admin', ''],
  ['/public/%2e%2e/admin', '/admin', ''],
  ['/public/.%2E/admin', '/admin', ''],
  ['/../../admin', '/admin', ''],
  ['/a//b', '/a/b', ''],
  ['//a', '/a', ''],
  ['/a/.', '/a/', ''],
  ['/a/..', '/', ''],
  ['/a/...', '/a/...', ''],
  ['/%61dmin', '/admin', ''],
  ['/a%7Eb', '/a~b', ''],
  ['/foo/secret%23/bar', '/foo/secret%23/bar', ''],
  ['/a%3Fb', '/a%3Fb', ''],
  ['/a%252Fb', '/a%252Fb', ''],
  ['/a%252e%252e/b', '/a%252e%252e/b', ''],
  ['/a;v=1/b', '/a;v=1/b', ''],
  ['/a?x=/../b//c%zz\\d%2F', '/a', '?x=/../b//c%zz\\d%2F'],
  ['/a?', '/a', '?'],
  ['/gr%C3%BC%C3%9Fe', '/gr%C3%BC%C3%9Fe', ''],
]

test('a path is made canonical once, and its query stays byte for byte', async () => {
  await using door = await openDoor()
  for (const [target] of cleaned) {
    await sendRaw(door.port, `GET ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`)
  }
  assert.deepEqual(
    door.visits.map(({ path, query }) => [path, query]),
    cleaned.map(([, path, query]) => [path, query]),
  )
})

test('the log of a refused escaped slash names the option that lets it through', async () => {
  await using door = await openDoor()
  await sendRaw(door.port, 'GET /a%2Fb?token=1 HTTP/1.1\r\nHost: a.test\r\n\r\n')
  const [refusal] = door.refusals
  assert.equal(refusal?.code, 'ESCAPED_SLASH')
  assert.match(refusal?.detail ?? '', /path_with_escaped_slashes_action/)
  assert.equal(refusal?.path, '/a%2Fb')
  assert.doesNotMatch(JSON.stringify(refusal), /token/)
})

test('unescape_and_redirect sends the client to the clean path and never to another host', async () => {
  await using door = await openDoor({ admission: { escapedSlashes: 'unescape_and_redirect', mergeSlashes: false } })
  const ask = async (target: string) => {
    const answer = await sendRaw(door.port, `GET ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`)
    return [answer.status, /location: (.*)\r/.exec(answer.text)?.[1]]
  }
  assert.deepEqual(await ask('/a%2Fb?x=%2F'), [307, '/a/b?x=%2F'])
  assert.deepEqual(await ask('/x%5C..%2Fa'), [307, '/a'])
  assert.deepEqual(await ask('/%2Fevil.example'), [307, '/evil.example'])
  assert.deepEqual(await ask('//%5Cevil.example/%2e%2e'), [307, '/'])
  assert.deepEqual(door.visits, [])
})

test('unescape_and_forward and keep_unchanged do what they say', async () => {
  await using forward = await openDoor({ admission: { escapedSlashes: 'unescape_and_forward' } })
  await sendRaw(forward.port, 'GET /x%2F..%2Fa HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.equal(forward.visits[0]?.path, '/a')
  await using keep = await openDoor({ admission: { escapedSlashes: 'keep_unchanged' } })
  await sendRaw(keep.port, 'GET /a%2F..%2fb HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.equal(keep.visits[0]?.path, '/a%2F..%2fb')
})
