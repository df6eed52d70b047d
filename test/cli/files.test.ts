import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { FileStore } from '#src/cli/demo/file-store.ts'
import { openFiles } from '#src/cli/demo/files.ts'
import { parseLitmus } from '#test/actors/litmus.ts'
import { findProgram, skipWithout, temporaryFolder } from '#test/actors/program.ts'

const now = () => Date.UTC(2026, 0, 7, 12)

test('a file that is put is read again, listed, moved and deleted', async () => {
  await using files = await openFiles({ now })
  const at = (path: string) => `${files.url}${path}`
  const put = await fetch(at('/notes/a.txt'), { method: 'PUT', body: 'one' })
  assert.equal(put.status, 409, 'its folder is not there')
  assert.equal((await fetch(at('/notes'), { method: 'MKCOL' })).status, 201)
  const type = { 'content-type': 'text/plain' }
  assert.equal((await fetch(at('/notes/a.txt'), { method: 'PUT', body: 'one', headers: type })).status, 201)
  assert.equal((await fetch(at('/notes/a.txt'), { method: 'PUT', body: 'two', headers: type })).status, 204)
  const read = await fetch(at('/notes/a.txt'))
  assert.equal(await read.text(), 'two')
  assert.equal(read.headers.get('content-type'), 'text/plain')
  const cached = await fetch(at('/notes/a.txt'), { headers: { 'if-none-match': String(read.headers.get('etag')) } })
  assert.equal(cached.status, 304)

  const listing = await (await fetch(at('/notes/'), { method: 'PROPFIND', headers: { depth: '1' } })).text()
  assert.match(listing, /<D:href>\/notes\/<\/D:href>/)
  assert.match(listing, /<D:href>\/notes\/a\.txt<\/D:href>/)
  assert.match(await (await fetch(at('/notes/'))).text(), /href="\/notes\/a\.txt"/)

  // The destination names the public host, which this application does not know.
  const destination = 'https://files.localhost:8443/notes/b.txt'
  const move = await fetch(at('/notes/a.txt'), { method: 'MOVE', headers: { destination, overwrite: 'F' } })
  assert.equal(move.status, 201)
  assert.equal((await fetch(at('/notes/a.txt'))).status, 404)
  assert.equal((await fetch(at('/notes'), { method: 'DELETE' })).status, 204)
  assert.equal((await fetch(at('/notes/b.txt'))).status, 404)
})

test('a write that expects another state changes nothing', async () => {
  await using files = await openFiles({ now })
  const url = `${files.url}/welcome.txt`
  const before = await (await fetch(url)).text()
  const asNew = await fetch(url, { method: 'PUT', body: 'x', headers: { 'if-none-match': '*' } })
  const asOld = await fetch(url, { method: 'PUT', body: 'x', headers: { 'if-match': '"other"' } })
  assert.deepEqual([asNew.status, asOld.status], [412, 412])
  assert.equal(await (await fetch(url)).text(), before)
})

test('names that lead elsewhere are no names', async () => {
  await using files = await openFiles({ now })
  for (const path of ['/a%2Fb', '/a%00b', '/a//b', '/a%5Cb', '/%zz', `/${'x'.repeat(2000)}`]) {
    const { status } = await fetch(`${files.url}${path}`, { method: 'PUT', body: 'x' })
    assert.ok(status === 400 || status === 409, `${path}: ${status}`)
  }
})

test('what one user uploads never runs as a page for another', async () => {
  await using files = await openFiles({ now })
  const name = encodeURIComponent('<img src=x onerror=alert(1)>')
  const headers = { 'content-type': 'text/html' }
  await fetch(`${files.url}/${name}`, { method: 'PUT', body: '<script>alert(1)</script>', headers })
  const read = await fetch(`${files.url}/${name}`)
  assert.match(String(read.headers.get('content-security-policy')), /sandbox/)
  assert.equal(read.headers.get('x-content-type-options'), 'nosniff')
  assert.doesNotMatch(await (await fetch(files.url)).text(), /<img/)
  const listing = await (await fetch(files.url, { method: 'PROPFIND', headers: { depth: '1' } })).text()
  assert.doesNotMatch(listing, /<img/)
})

test('the store keeps its bounds, copies included, and gives room back', () => {
  const store = new FileStore({ octets: 100, entries: 5 }, 0)
  const file = (octets: number) => ({ content: Buffer.alloc(octets), type: 'x', now: 0 })
  assert.equal(store.put('/a', file(60)), undefined)
  assert.equal(store.put('/b', file(60)), 507)
  assert.equal(store.transfer('/a', '/b', { move: false, overwrite: true }), 507)
  assert.equal(store.put('/a', file(100)), undefined, 'what is overwritten makes room')
  assert.equal(store.remove('/a'), undefined)
  assert.equal(store.room('/a'), 100)
  for (const name of ['/1', '/2', '/3', '/4']) assert.equal(store.put(name, file(1)), undefined)
  assert.equal(store.put('/5', file(1)), 507)
  assert.equal(store.makeCollection('/5', 0), 507)
})

test('a collection is moved with all that is under it, and never into itself', () => {
  const store = new FileStore({ octets: 100, entries: 50 }, 0)
  for (const name of ['/a', '/a/b', '/ab']) store.makeCollection(name, 0)
  store.put('/a/b/c', { content: Buffer.from('c'), type: 'x', now: 0 })
  assert.equal(store.transfer('/a', '/a/b/d', { move: true, overwrite: true }), 409)
  assert.equal(store.transfer('/a', '/a', { move: true, overwrite: true }), 409)
  assert.equal(store.transfer('/a/b', '/a', { move: true, overwrite: true }), 409)
  assert.equal(store.transfer('/a', '/z', { move: true, overwrite: true }), undefined)
  assert.equal(store.get('/a/b/c'), undefined)
  assert.equal(store.get('/z/b/c')?.kind, 'file')
  assert.ok(store.get('/ab'), 'a neighbour whose name begins the same went along')
})

test('litmus finds nothing wrong with reading, writing, copying and moving', {
  skip: skipWithout('litmus'),
}, async () => {
  await using files = await openFiles({ now: Date.now })
  using folder = temporaryFolder('litmus')
  const { output } = await run(files.url, folder.path)
  const { verdicts } = parseLitmus(output)
  assert.ok(verdicts.size > 25, output)
  assert.deepEqual(
    [...verdicts].filter(([, verdict]) => verdict === 'fail').map(([name]) => name),
    [],
    output,
  )
})

async function run(url: string, cwd: string): Promise<{ output: string }> {
  const child = spawn(findProgram('litmus') ?? '', ['--keep-going', `${url}/`], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', TESTS: 'basic copymove http' },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 60_000,
  })
  let output = ''
  for await (const part of child.stdout) output += String(part)
  return { output }
}
