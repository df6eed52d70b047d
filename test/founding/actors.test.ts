/** The programs of the founding exercise, each proven on its own before they stand together. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { startApacheDav } from '../actors/apache.ts'
import { makeCertificate } from '../actors/certificate.ts'
import { parseLitmus, runLitmus } from '../actors/litmus.ts'
import { startNginx } from '../actors/nginx.ts'
import { skipWithout, temporaryFolder } from '../actors/program.ts'

const PUBLIC = 'https://hello.corp.dev'

test('Apache serves a WebDAV collection', { skip: skipWithout('apache2') }, async () => {
  await using apache = await startApacheDav({ publicUrl: PUBLIC })
  const put = await fetch(`${apache.url}/dav/note.txt`, { method: 'PUT', body: 'written' })
  assert.equal(put.status, 201)
  assert.equal(await (await fetch(`${apache.url}/dav/note.txt`)).text(), 'written')
  const listing = await fetch(`${apache.url}/dav/`, { method: 'PROPFIND', headers: { depth: '1' } })
  assert.equal(listing.status, 207)
  assert.match(await listing.text(), /<D:href>\/dav\/note\.txt<\/D:href>/)
})

test('litmus passes against Apache directly', { skip: skipWithout('apache2', 'litmus') }, async () => {
  using folder = temporaryFolder('certificate')
  await using apache = await startApacheDav({ publicUrl: PUBLIC })
  const certificate = await makeCertificate(folder.path, ['hello.corp.dev'])
  const { verdicts, output } = await runLitmus(`${PUBLIC}/dav/`, { certificate, target: apache })
  const unhappy = [...verdicts].filter(([, verdict]) => verdict === 'fail')
  assert.deepEqual(unhappy, [], output)
  assert.equal(verdicts.size, 104, output)
})

test('without the public address COPY and MOVE are refused, which litmus reports', {
  skip: skipWithout('apache2', 'litmus'),
}, async () => {
  using folder = temporaryFolder('certificate')
  await using apache = await startApacheDav({ publicUrl: 'http://nextcloud.nextcloud.svc.cluster.local:8080' })
  const certificate = await makeCertificate(folder.path, ['hello.corp.dev'])
  const { verdicts } = await runLitmus(`${PUBLIC}/dav/`, { certificate, target: apache })
  assert.equal(verdicts.get('copymove/3 copy_simple'), 'fail')
  assert.equal(verdicts.get('basic/3 put_get'), 'pass')
})

test('verdicts, warnings and skipped tests of litmus are told apart', () => {
  const { verdicts, warnings } = parseLitmus(
    [
      "-> running `basic':\n",
      '\r 0. init.................. \r 0. init.................. pass\n',
      '\r 3. put_get............... \r 3. put_get............... FAIL (PUT of pass:\n502 Bad Gateway)\n',
      '\r 4. utf8.................. WARNING: it did pass\n    ...................... pass (with 1 warning)\n',
      '    ...................... \r10. mkcol................. \r10. mkcol................. SKIPPED\n',
      "<- summary for `basic': of 4 tests run: 2 passed, 1 failed. 50.0%\n-> running `http':\n",
      '\r 0. init.................. \r 0. init.................. pass\n',
    ].join(''),
  )
  assert.deepEqual(
    [...verdicts],
    [
      ['basic/0 init', 'pass'],
      ['basic/3 put_get', 'fail'],
      ['basic/4 utf8', 'pass'],
      ['basic/10 mkcol', 'skip'],
      ['http/0 init', 'pass'],
    ],
  )
  assert.deepEqual(warnings, ['basic: it did pass'])
})

test('nginx ends TLS and tells the next server who asked for what', {
  skip: skipWithout('nginx'),
}, async () => {
  using folder = temporaryFolder('certificate')
  const certificate = await makeCertificate(folder.path, ['*.corp.dev'])
  const upstream = createServer((incoming, answer) => answer.end(JSON.stringify(incoming.headers)))
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const { port } = upstream.address() as AddressInfo
  try {
    await using nginx = await startNginx({
      servers: [{ names: ['*.corp.dev'], certificate, upstream: `http://127.0.0.1:${port}` }],
    })
    const body = await new Promise<string>((resolve, reject) => {
      const headers = { host: 'hello.corp.dev', 'x-forwarded-for': '203.0.113.9' }
      request(
        { host: nginx.host, port: nginx.port, servername: 'hello.corp.dev', ca: certificate.ca, headers },
        (answer) => {
          let text = ''
          answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
          answer.on('end', () => resolve(text))
        },
      )
        .once('error', reject)
        .end()
    })
    const seen: Record<string, string> = JSON.parse(body)
    assert.equal(seen['host'], 'hello.corp.dev')
    assert.equal(seen['x-forwarded-proto'], 'https')
    assert.equal(seen['x-forwarded-host'], 'hello.corp.dev')
    assert.equal(seen['x-forwarded-for'], '127.0.0.1')
    assert.equal(seen['x-original-forwarded-for'], '203.0.113.9')
  } finally {
    upstream.closeAllConnections()
    upstream.close()
  }
})
