import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import { makeAuthority, makeCertificate } from '#src/crypto/issue-certificate.ts'
import { certNames, makeCerts } from '#test/actors/certs.ts'
import { type RunningProxy, startProxy } from '#test/actors/proxy.ts'
import { startUpstream } from '#test/actors/upstream.ts'
import { publicRoute } from './plain.ts'

/** Shakes hands without judging the certificate. */
async function shakeHands(proxy: RunningProxy, servername?: string): Promise<TLSSocket> {
  const socket = connect({
    host: '127.0.0.1',
    port: proxy.port,
    rejectUnauthorized: false,
    ...(servername !== undefined && { servername }),
  })
  await once(socket, 'secureConnect')
  return socket
}

async function fingerprint(proxy: RunningProxy, servername: string): Promise<string> {
  const socket = await shakeHands(proxy, servername)
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

/** Asks on an open connection. */
async function ask(socket: TLSSocket, host: string): Promise<string> {
  let answer = ''
  const read = (chunk: Buffer) => (answer += chunk.toString())
  socket.on('data', read)
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json\r\n\r\n`)
  for (let tries = 0; tries < 250 && !/\r\n\r\n[\s\S]*\}/.test(answer); tries++) await pause(20)
  socket.off('data', read)
  return answer
}

async function becomes(value: () => Promise<string>, wanted: string): Promise<void> {
  for (let tries = 0; tries < 100 && (await value()) !== wanted; tries++) await pause(50)
  assert.equal(await value(), wanted)
}

test('a certificate that is renewed on disk is used by new handshakes; open connections live on; a broken pair changes nothing', async () => {
  await using upstream = await startUpstream()
  const pairs = [await makeCerts(certNames), await makeCerts(certNames)] as const
  const own = await makeCerts(certNames)
  await using proxy = await startProxy({
    config: {
      certificate_file: own.certificateFile,
      certificate_key_file: own.keyFile,
      routes: [publicRoute('pub', upstream.url)],
    },
  })
  const put = ({ certificate, key }: { certificate: string; key: string }) => {
    writeFileSync(own.keyFile, key)
    writeFileSync(own.certificateFile, certificate)
  }
  const current = () => fingerprint(proxy, 'pub.corp.test')
  const first = await current()
  const open = await shakeHands(proxy, 'pub.corp.test')
  assert.match(await ask(open, 'pub.corp.test'), /^HTTP\/1\.1 200/)

  put(pairs[0])
  for (let tries = 0; tries < 100 && (await current()) === first; tries++) await pause(50)
  const second = await current()
  assert.notEqual(second, first)
  assert.match(await ask(open, 'pub.corp.test'), /^HTTP\/1\.1 200/, 'the open connection')

  // Somebody else's key, half a certificate, nothing at all.
  const refusals = () => proxy.log().filter(({ message }) => String(message).startsWith('configuration refused')).length
  for (const broken of [
    { certificate: pairs[1].certificate, key: pairs[0].key },
    { certificate: pairs[1].certificate.slice(0, 300), key: pairs[1].key },
    { certificate: '', key: '' },
  ]) {
    const before = refusals()
    put(broken)
    for (let tries = 0; tries < 250 && refusals() === before; tries++) await pause(20)
    assert.ok(refusals() > before, 'nobody noticed')
    assert.equal(await current(), second)
  }
  assert.doesNotMatch(proxy.output(), /PRIVATE KEY/)

  put(pairs[1])
  for (let tries = 0; tries < 100 && (await current()) === second; tries++) await pause(50)
  assert.notEqual(await current(), second)
  assert.match(await ask(open, 'pub.corp.test'), /^HTTP\/1\.1 200/, 'the open connection, still')
  open.destroy()
})

test('without a certificate the door has a self-signed one, for any host, and says so; a real one takes its place', async () => {
  await using upstream = await startUpstream()
  const certs = await makeCerts(certNames)
  const bare = {
    certificate_file: undefined,
    certificate_key_file: undefined,
    routes: [publicRoute('pub', upstream.url)],
  }
  await using proxy = await startProxy({ config: bare })
  assert.match(proxy.output(), /there is no certificate: a self-signed one is made/)

  for (const name of ['pub.corp.test', 'unknown.test', undefined]) {
    const socket = await shakeHands(proxy, name)
    const { issuer, subject } = socket.getPeerCertificate()
    assert.deepEqual({ ...issuer }, { ...subject })
    const host = name ?? 'pub.corp.test'
    const answer = await ask(socket, host)
    assert.match(answer, host === 'pub.corp.test' ? /^HTTP\/1\.1 200/ : /^HTTP\/1\.1 404[\s\S]*ROUTE_NOT_FOUND/)
    assert.doesNotMatch(answer, /strict-transport-security/i)
    socket.destroy()
  }
  // Clients that trust it by its fingerprint do so once: reloads keep it.
  const made = await fingerprint(proxy, 'pub.corp.test')
  proxy.write({ ...bare, routes: [publicRoute('pub', upstream.url, { name: 'again' })] })
  await proxy.logged(({ message }) => message === 'configuration in force')
  assert.equal(await fingerprint(proxy, 'pub.corp.test'), made)

  const { certificateFile: certificate_file, keyFile: certificate_key_file } = certs
  proxy.write({ ...bare, certificate_file, certificate_key_file })
  const real = new X509Certificate(certs.certificate).fingerprint256
  await becomes(() => fingerprint(proxy, 'pub.corp.test'), real)
  // And back: the last certificate was taken away.
  proxy.write(bare)
  await becomes(() => fingerprint(proxy, 'pub.corp.test'), made)
})

test('a host that is not published is met by the first certificate and a 404', async () => {
  await using upstream = await startUpstream()
  await using proxy = await startProxy({ config: { routes: [publicRoute('pub', upstream.url)] } })
  const known = await fingerprint(proxy, 'pub.corp.test')
  const socket = await shakeHands(proxy, 'unknown.test')
  assert.equal(socket.getPeerCertificate().fingerprint256, known)
  assert.match(await ask(socket, 'unknown.test'), /^HTTP\/1\.1 404/)
  socket.destroy()
})

test('a certificate that ends soon, or has ended, is told in the log, and served all the same', async () => {
  await using upstream = await startUpstream()
  const day = 86_400_000
  // Certificates live for 397 days.
  const ages = [
    { made: Date.now() - 390 * day, level: 'warn', message: 'a certificate ends soon' },
    { made: Date.now() - 400 * day, level: 'error', message: 'a certificate has ended' },
  ]
  for (const { made, level, message } of ages) {
    const options = { names: ['pub.corp.test'], now: made }
    const { certificate, key } = await makeCertificate(await makeAuthority(options), options)
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    await using proxy = await startProxy({
      config: {
        certificate_file: undefined,
        certificate_key_file: undefined,
        certificate: base64(certificate),
        certificate_key: base64(key),
        routes: [publicRoute('pub', upstream.url)],
      },
    })
    const line = await proxy.logged((one) => one['message'] === message, message)
    assert.equal(line['level'], level)
    assert.deepEqual(line['names'], ['pub.corp.test'])
    const socket = await shakeHands(proxy, 'pub.corp.test')
    assert.match(await ask(socket, 'pub.corp.test'), /^HTTP\/1\.1 200/)
    socket.destroy()
  }
})
