import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { compileCertificates, namesOf } from '#src/listener/certificates.ts'
import { makePair, openDoor, sendRawTls } from '#test/listener/doors.ts'

type Seen = { names: string; protocol: string | null; alpn: string | false | null } | { failed: string }

function shake(port: number, options: object): Promise<Seen> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
      resolve({
        names: socket.getPeerCertificate().subjectaltname ?? '',
        protocol: socket.getProtocol(),
        alpn: socket.alpnProtocol,
      })
      socket.destroy()
    })
    socket.on('error', (error) => resolve({ failed: error.message }))
  })
}

test('the certificate is chosen by name: exact, then wildcard, then the first', async () => {
  const first = await makePair('first.test')
  const wild = await makePair('*.apps.test')
  const exact = await makePair('one.apps.test')
  await using door = await openDoor({ certificates: [first, wild, exact] })
  const names = async (servername?: string) => {
    const seen = await shake(door.port, servername === undefined ? {} : { servername })
    return 'names' in seen ? seen.names : seen.failed
  }
  assert.match(await names('one.apps.test'), /DNS:one\.apps\.test/)
  assert.match(await names('ONE.apps.test'), /DNS:one\.apps\.test/)
  assert.match(await names('two.apps.test'), /DNS:\*\.apps\.test/)
  assert.match(await names('a.two.apps.test'), /DNS:first\.test/)
  assert.match(await names('elsewhere.test'), /DNS:first\.test/)
  assert.match(await names(), /DNS:first\.test/)
})

test('certificates are replaced for new handshakes while open connections live on', async () => {
  const old = await makePair('old.test')
  await using door = await openDoor({ certificates: [old] })
  const socket = connect({ port: door.port, host: '127.0.0.1', rejectUnauthorized: false, servername: 'old.test' })
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  door.listeners.replaceCertificates([await makePair('new.test')])
  for (const options of [{ servername: 'new.test' }, {}]) {
    const seen = await shake(door.port, options)
    assert.match('names' in seen ? seen.names : seen.failed, /DNS:new\.test/)
  }
  socket.write('GET / HTTP/1.1\r\nHost: old.test\r\n\r\n')
  const chunk = await new Promise((resolve) => socket.once('data', resolve))
  assert.match(String(chunk), /^HTTP\/1\.1 200 /)
  socket.destroy()
})

test('a bad pair is refused, names no key material, and changes nothing', async () => {
  const one = await makePair('one.test')
  const two = await makePair('two.test')
  await using door = await openDoor({ certificates: [one] })
  const mixed = { certPem: two.certPem, keyPem: one.keyPem }
  assert.throws(
    () => door.listeners.replaceCertificates([mixed]),
    (error: Error) => /cannot use/.test(error.message) && !error.message.includes('PRIVATE'),
  )
  assert.throws(() => compileCertificates([]), /no certificate/)
  const seen = await shake(door.port, { servername: 'one.test' })
  assert.match('names' in seen ? seen.names : seen.failed, /DNS:one\.test/)
})

test('TLS 1.1 is refused, 1.2 and 1.3 are spoken', async () => {
  await using door = await openDoor({ certificates: [await makePair('a.test')] })
  const speak = (version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') =>
    shake(door.port, { servername: 'a.test', minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' })
  assert.ok('failed' in (await speak('TLSv1.1')))
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const seen = await speak(version)
    assert.equal('protocol' in seen && seen.protocol, version)
  }
})

test('the protocol is chosen by ALPN; without it, HTTP/1.1', async () => {
  await using door = await openDoor({ certificates: [await makePair('a.test')] })
  const alpn = async (protocols?: string[]) => {
    const seen = await shake(door.port, protocols ? { ALPNProtocols: protocols } : {})
    return 'alpn' in seen ? seen.alpn : seen.failed
  }
  assert.equal(await alpn(['http/1.1', 'h2']), 'h2')
  assert.equal(await alpn(['http/1.1']), 'http/1.1')
  assert.equal(await alpn(['http/1.0', 'http/1.1']), 'http/1.1')
  assert.equal(await alpn(['http/1.0']), 'http/1.0')
  assert.equal(await alpn(), false)
  assert.match(String(await alpn(['spdy/3'])), /alert|closed|disconnected|reset/i)
  const answer = await sendRawTls(door.port, 'GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.equal(answer.status, 200)
  assert.equal(door.visits[0]?.scheme, 'https')
})

test('plain bytes on the TLS port, and an absolute http address over TLS, reach nobody', async () => {
  await using door = await openDoor({ certificates: [await makePair('a.test')] })
  const answer = await sendRawTls(door.port, 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n')
  assert.equal(answer.status, 400)
  const { sendRaw } = await import('#test/listener/doors.ts')
  assert.equal((await sendRaw(door.port, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')).status, undefined)
  assert.deepEqual(door.visits, [])
})

test('the names of a certificate are its alternative names', async () => {
  const { certPem } = await makePair('A.test', '*.b.test')
  assert.deepEqual(namesOf(certPem), ['a.test', '*.b.test'])
})
