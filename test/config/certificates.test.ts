import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeCertificate } from '#test/actors/certificate.ts'
import { DEX } from './dex-loading.ts'
import { brief, HEAD, load, problemsOf, settingsOf } from './loading.ts'

const folder = () => mkdtempSync(join(tmpdir(), 'ostiary-config-'))
const one = await makeCertificate(folder(), ['app.corp.test', '*.apps.corp.test'])
const two = await makeCertificate(folder(), ['other.corp.test'])
const beside = {
  'one.crt': one.certificate,
  'one.key': one.key,
  'two.crt': two.certificate,
  'two.key': two.key,
  'ca.crt': one.ca,
  'broken.crt': 'half a certif',
}

test('a pair by file, a pair by text and the list are one list of certificates, the single pair first', async () => {
  const text =
    'certificate_file: one.crt\ncertificate_key_file: one.key\ncertificates:\n  - {cert: two.crt, key: two.key}\n'
  const settings = await settingsOf(text, { beside })
  assert.deepEqual(
    settings.certificates.map(({ names }) => names),
    [['app.corp.test', '*.apps.corp.test'], ['other.corp.test']],
  )
  assert.equal(settings.certificates[0]?.key.reveal().trim(), one.key.trim())
  assert.equal(
    settings.set_response_headers['Strict-Transport-Security'],
    'max-age=31536000; includeSubDomains; preload',
  )
  assert.ok((settings.certificates[0]?.notAfter ?? 0) > 0)
})

test('certificates and authorities may be base64 of PEM', async () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const settings = await settingsOf(
    `certificate: ${base64(one.certificate)}\ncertificate_key: ${base64(one.key)}\ncertificate_authority: ${base64(one.ca)}\n`,
  )
  assert.equal(settings.certificates.length, 1)
  assert.equal(settings.certificate_authority, one.ca)
})

const refused: [string, string, RegExp][] = [
  [
    'a missing file',
    'certificates:\n  - {cert: gone.crt, key: one.key}\n',
    /^gate\.yaml:2:12 certificates\[0\]\.cert cannot read "gone\.crt": there is no such file$/,
  ],
  [
    'a broken certificate',
    'certificate_file: broken.crt\ncertificate_key_file: one.key\n',
    /^gate\.yaml:1:19 certificate_file expected a certificate/,
  ],
  [
    'a key that does not fit, in the list',
    'certificates:\n  - {cert: one.crt, key: two.key}\n',
    /certificates\[0\]\.key expected a key that fits/,
  ],
  [
    'a key that does not fit, as the single pair',
    'certificate_file: one.crt\ncertificate_key_file: two.key\n',
    /the key does not fit the certificate/,
  ],
  ['a certificate without its key', 'certificate_file: one.crt\n', /a certificate without its key/],
  [
    'a broken authority',
    'insecure_server: true\ncertificate_authority_file: broken.crt\n',
    /certificate_authority_file expected a certificate/,
  ],
  ['something else than a pair', 'certificates: [one.crt]\n', /certificates\[0\] expected a map with cert/],
]
for (const [what, text, words] of refused) {
  test(`${what} is refused where it was named`, async () => {
    const [problem, ...more] = brief(await problemsOf(text, { beside }))
    assert.match(problem ?? '', words)
    assert.deepEqual(more, [])
  })
}

test('the signing key is EC on P-256 or RSA of 2048 bits, in PEM or base64 of it', async () => {
  const pem = (key: KeyObject, type: 'pkcs8' | 'sec1' | 'pkcs1') => String(key.export({ format: 'pem', type }))
  const p256 = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'sec1')
  const rsa = pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'pkcs1')
  for (const key of [p256, rsa]) {
    const settings = await settingsOf('insecure_server: true\nsigning_key_file: k\n', { beside: { k: key } })
    assert.equal(settings.signing_key?.reveal().trim(), key.trim())
    const fromVariable = await settingsOf('insecure_server: true\n', {
      env: { SIGNING_KEY: Buffer.from(key).toString('base64') },
    })
    assert.equal(fromVariable.signing_key?.reveal().trim(), key.trim())
  }
  const ed = pem(generateKeyPairSync('ed25519').privateKey, 'pkcs8')
  const p384 = pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'pkcs8')
  for (const key of [ed, p384]) {
    assert.match(
      brief(await problemsOf('insecure_server: true\nsigning_key_file: k\n', { beside: { k: key } })).join(),
      /P-256/,
    )
  }
})

test('hosts that no certificate names are told, the broker of the proxy among them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ostiary-names-'))
  const { certificate, key } = await makeCertificate(folder, ['app.corp.test', '*.apps.corp.test'])
  const beside = { 'tls.crt': certificate, 'tls.key': key, 'dex.yaml': DEX }
  const routes = (...hosts: string[]) =>
    `routes: [${hosts.map((host) => `{from: "https://${host}", to: "http://a", allow_any_authenticated_user: true}`).join(', ')}]\n`
  const told = async (text: string) => {
    const read = await load(text, { beside })
    return read.warnings.filter(({ path }) => path === 'certificates').map(({ message, hint }) => `${message}; ${hint}`)
  }
  const head = HEAD.replace('insecure_server: true', 'certificates: [{cert: tls.crt, key: tls.key}]')
  const good = head.replace('authenticate.corp.test', 'sign-in.apps.corp.test')
  assert.deepEqual(await told(`${good}${routes('app.corp.test', '*.apps.corp.test', 'a.apps.corp.test')}`), [])
  assert.deepEqual(await told(`${head}${routes('app.corp.test', 'a.b.apps.corp.test')}broker: dex.yaml\n`), [
    'no certificate names authenticate.corp.test, a.b.apps.corp.test, dex.corp.test: browsers will not trust it there; they name DNS:app.corp.test, DNS:*.apps.corp.test',
  ])
  assert.deepEqual(await told(`${HEAD}${routes('other.test')}`), [], 'something in front ends TLS')
})
