import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { readDevelopmentCertificates } from '#src/cli/demo/certificates.ts'
import { demoNames } from '#src/cli/demo.ts'
import { makeAuthority, makeCertificate } from '#src/crypto/issue-certificate.ts'
import { temporaryFolder } from '#test/actors/program.ts'

const DAY = 86_400_000
const now = Date.now()

/** Resolves once a client that trusts `ca` has shaken hands as `servername`; rejects with what it does not like. */
async function shakeHands(server: { cert: string; key: string }, client: { ca: string; servername: string }) {
  const door = createServer(server)
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  const { port } = door.address() as AddressInfo
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, ...client })
  try {
    await once(socket, 'secureConnect')
  } finally {
    socket.destroy()
    door.close()
  }
}

test('the demo’s certificate is good for each of its hosts, for whoever trusts the authority', async () => {
  using folder = temporaryFolder('certs')
  const files = await readDevelopmentCertificates(folder.path, { names: demoNames, now })
  assert.equal(files.isNewAuthority, true)
  const server = { cert: readFileSync(files.certificateFile, 'utf8'), key: readFileSync(files.keyFile, 'utf8') }
  const ca = readFileSync(files.caFile, 'utf8')
  for (const name of demoNames) {
    if (!name.includes('*') && !/^[\d:.]+$/.test(name)) await shakeHands(server, { ca, servername: name })
  }
  await shakeHands(server, { ca, servername: 'whatever.apps.localhost' })
  await assert.rejects(shakeHands(server, { ca, servername: 'other.localhost' }), /altnames/i)
  assert.equal(new X509Certificate(server.cert).checkIP('127.0.0.1'), '127.0.0.1')
})

test('keys are for their owner only', async () => {
  using folder = temporaryFolder('certs')
  await readDevelopmentCertificates(folder.path, { names: demoNames, now })
  for (const name of ['ca.key', 'server.key']) assert.equal(statSync(join(folder.path, name)).mode & 0o777, 0o600, name)
})

test('what is there is used again, so that the authority is trusted once', async () => {
  using folder = temporaryFolder('certs')
  const read = () => readDevelopmentCertificates(folder.path, { names: demoNames, now })
  const first = await read()
  const before = ['ca.crt', 'server.crt'].map((name) => readFileSync(join(folder.path, name), 'utf8'))
  const second = await read()
  assert.deepEqual([first.isNewAuthority, second.isNewAuthority], [true, false])
  assert.deepEqual(
    ['ca.crt', 'server.crt'].map((name) => readFileSync(join(folder.path, name), 'utf8')),
    before,
  )
})

test('a certificate that is damaged, ends soon or lacks a name is made again under the same authority', async () => {
  using folder = temporaryFolder('certs')
  const at = (name: string) => join(folder.path, name)
  const names = ['localhost', 'hello.localhost']
  await readDevelopmentCertificates(folder.path, { names, now })
  const authority = readFileSync(at('ca.crt'), 'utf8')
  const changes: [string, () => void, { names?: string[]; now?: number }][] = [
    ['half a file', () => writeFileSync(at('server.crt'), readFileSync(at('server.crt'), 'utf8').slice(0, 200)), {}],
    ['another key', () => writeFileSync(at('server.key'), readFileSync(at('ca.key'), 'utf8')), {}],
    ['ends this week', () => undefined, { now: now + 391 * DAY }],
    ['one more name', () => undefined, { names: [...names, 'new.localhost'] }],
  ]
  for (const [what, change, options] of changes) {
    chmodSync(at('server.crt'), 0o644)
    change()
    const old = readFileSync(at('server.crt'), 'utf8')
    const files = await readDevelopmentCertificates(folder.path, { names, now, ...options })
    assert.notEqual(readFileSync(files.certificateFile, 'utf8'), old, what)
    assert.equal(files.isNewAuthority, false, what)
    assert.equal(readFileSync(files.caFile, 'utf8'), authority, what)
  }
})

test('an authority whose key is missing or that has ended is made again, and says so', async () => {
  using folder = temporaryFolder('certs')
  await readDevelopmentCertificates(folder.path, { names: demoNames, now })
  writeFileSync(join(folder.path, 'ca.key'), 'nothing')
  assert.equal((await readDevelopmentCertificates(folder.path, { names: demoNames, now })).isNewAuthority, true)
  const later = now + 3650 * DAY
  assert.equal((await readDevelopmentCertificates(folder.path, { names: demoNames, now: later })).isNewAuthority, true)
})

test('whoever steals the authority’s key cannot pose as a site on the Internet', async () => {
  const authority = await makeAuthority({ names: demoNames, now })
  const good = await makeCertificate(authority, { names: ['hello.localhost'], now })
  await shakeHands(
    { cert: good.certificate, key: good.key },
    { ca: authority.certificate, servername: 'hello.localhost' },
  )
  for (const name of ['bank.example.com', 'example.com']) {
    const forged = await makeCertificate(authority, { names: [name], now })
    const client = { ca: authority.certificate, servername: name }
    await assert.rejects(shakeHands({ cert: forged.certificate, key: forged.key }, client), /permitted subtree/i)
  }
})
