import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeCerts, testCerts } from '#test/actors/certs.ts'
import { freePort, handOver, temporaryFolder } from '#test/actors/program.ts'
import { startProxy } from '#test/actors/proxy.ts'
import { brokerWarnings, DEX, loadBroker } from '../../config/dex-loading.ts'

const connector = (type: string, config: string) =>
  `${DEX}connectors:\n  - type: ${type}\n    id: c\n    name: C\n    config: {${config}}\n`
const back = 'clientID: a, clientSecret: b, redirectURI: "https://dex.corp.test/dex/callback"'
const ldap = 'host: l.corp.test, userSearch: {baseDN: dc=a, username: uid, idAttr: uid}'
const saml =
  'ssoURL: "https://s.test/", usernameAttr: u, emailAttr: e, redirectURI: "https://dex.corp.test/dex/callback"'
const oauth = `${back}, tokenURL: "https://o.test/t", authorizationURL: "https://o.test/a", userInfoURL: "https://o.test/u"`
const google = `${back}, domainToAdminEmail: {"*": admin@corp.test}`
const base64 = (text: string) => Buffer.from(text).toString('base64')

const { ca, certificate, key } = await testCerts()
const other = await makeCerts(['other.test'])
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const rsa = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const account = { client_email: 'a@g.test', private_key: rsa, token_uri: 'https://g.test/t' }
const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
const beside = {
  'ca.pem': ca,
  'cert.pem': certificate,
  'key.pem': key,
  'other.key': other.key,
  'empty.pem': '',
  'broken.pem': broken,
  'account.json': JSON.stringify(account),
  'half.json': JSON.stringify({ ...account, private_key: 'x' }),
}

const wrong: readonly (readonly [what: string, type: string, config: string, words: RegExp])[] = [
  [
    'ldap, no file',
    'ldap',
    `${ldap}, rootCA: /no.pem`,
    /config\.rootCA cannot read "\/no\.pem": there is no such file/,
  ],
  [
    'ldap, no PEM',
    'ldap',
    `${ldap}, rootCA: /etc/dex/empty.pem`,
    /config\.rootCA cannot use .*no certificate in PEM form/,
  ],
  [
    'ldap, base64',
    'ldap',
    `${ldap}, rootCAData: ${base64(broken)}`,
    /config\.rootCAData cannot use it: .*cannot be parsed/,
  ],
  [
    'ldap, certificate',
    'ldap',
    `${ldap}, clientCert: /etc/dex/key.pem, clientKey: /etc/dex/key.pem`,
    /config\.clientCert cannot use/,
  ],
  [
    'ldap, key',
    'ldap',
    `${ldap}, clientCert: /etc/dex/cert.pem, clientKey: /etc/dex/other.key`,
    /config\.clientKey .*another certificate/,
  ],
  [
    'oidc',
    'oidc',
    `issuer: "https://u.test", ${back}, rootCAs: [/etc/dex/ca.pem, /no.pem]`,
    /config\.rootCAs\[1\] cannot read/,
  ],
  [
    'oidc, in line',
    'oidc',
    `issuer: "https://u.test", ${back}, rootCAs: [${base64(broken)}]`,
    /config\.rootCAs\[0\] cannot use it/,
  ],
  ['oauth', 'oauth', `${oauth}, rootCAs: [/etc/dex/broken.pem]`, /config\.rootCAs\[0\] .*cannot be parsed/],
  ['github', 'github', `${back}, hostName: g.corp.test, rootCA: /no.pem`, /config\.rootCA cannot read/],
  ['gitlab', 'gitlab', `${back}, rootCAData: ${base64('x')}`, /config\.rootCAData cannot use it/],
  ['saml', 'saml', `${saml}, ca: /no.pem`, /config\.ca cannot read/],
  ['saml, a key of another kind', 'saml', `${saml}, ca: /etc/dex/ca.pem`, /config\.ca .*an RSA key, got ec/],
  ['google', 'google', `${google}, serviceAccountFilePath: /etc/dex/ca.pem`, /serviceAccountFilePath .*it is no JSON/],
  [
    'google, key',
    'google',
    `${google}, serviceAccountFilePath: /etc/dex/half.json`,
    /its private_key cannot be parsed/,
  ],
]

for (const [what, type, config, words] of wrong)
  test(`a file or certificate of a connector that cannot be used is warned of at its place: ${what}`, async () => {
    const warned = (await brokerWarnings(connector(type, config), { beside })).filter((one) => /cannot/.test(one))
    assert.equal(warned.length, 1, warned.join('\n'))
    assert.match(warned[0] ?? '', words)
    assert.match(warned[0] ?? '', /^8:\d+ connectors\[0\]\..*\[until then nobody can sign in by this connector\]$/)
  })

const right: readonly (readonly [type: string, config: string])[] = [
  ['ldap', `${ldap}, rootCA: /etc/dex/ca.pem, clientCert: /etc/dex/cert.pem, clientKey: /etc/dex/key.pem`],
  ['ldap', `${ldap}, rootCA: /no.pem, rootCAData: ${base64(ca)}`],
  ['ldap', `${ldap}, insecureNoSSL: true, rootCA: /no.pem`],
  ['oidc', `issuer: "https://u.test", ${back}, rootCAs: [/etc/dex/ca.pem, ${base64(ca)}, ${JSON.stringify(ca)}]`],
  ['google', `${google}, serviceAccountFilePath: /etc/dex/account.json`],
]

for (const [type, config] of right)
  test(`files of a connector that are right, or that it does not read, draw no warning: ${type} ${config.slice(-30)}`, async () => {
    const warned = await brokerWarnings(connector(type, config), { beside })
    assert.doesNotMatch(warned.join('\n'), /cannot/)
  })

test('files of connectors are watched, and what they hold makes the connector another one', async () => {
  const text = connector('ldap', `${ldap}, rootCA: /etc/dex/ca.pem`)
  const [one, same, changed] = await Promise.all(
    [ca, ca, other.ca].map((content) => loadBroker(text, { beside: { 'ca.pem': content } })),
  )
  assert.ok(one?.watched.includes('/etc/dex/ca.pem'))
  const print = (read: typeof one) => (read?.kind === 'ok' ? read.settings.connectors[0]?.files : undefined)
  assert.ok(print(one))
  assert.equal(print(one), print(same))
  assert.notEqual(print(one), print(changed))
})

test('authorities of a source that are replaced in their file are trusted without a restart', async () => {
  using folder = temporaryFolder('connector-files')
  const source = createServer({ cert: certificate, key }, (request, response) => {
    const issuer = `https://127.0.0.1:${(source.address() as AddressInfo).port}`
    const metadata = {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/keys`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    }
    response.setHeader('content-type', 'application/json')
    response.end(request.url?.startsWith('/.well-known') ? JSON.stringify(metadata) : 'the form of the source')
  })
  await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve))
  await using _source = { [Symbol.asyncDispose]: async () => void source.close() }

  const [port, file] = [await freePort(), join(folder.path, 'ca.pem')]
  writeFileSync(file, other.ca)
  handOver(file)
  const issuer = `https://id.corp.test:${port}`
  const config = {
    shared_secret: Buffer.alloc(32, 1).toString('base64'),
    cookie_secret: Buffer.alloc(32, 2).toString('base64'),
    broker: {
      issuer,
      storage: { type: 'memory' },
      admin: { socket: join(folder.path, 'admin.sock') },
      staticClients: [{ id: 'pom', name: 'pom', secret: 'p', redirectURIs: ['https://app.test/cb'] }],
      connectors: [
        {
          type: 'oidc',
          id: 'up',
          name: 'Up',
          config: {
            issuer: `https://127.0.0.1:${(source.address() as AddressInfo).port}`,
            clientID: 'a',
            clientSecret: 'b',
            redirectURI: `${issuer}/callback`,
            rootCAs: [file],
          },
        },
        {
          type: 'ldap',
          id: 'half',
          name: 'Half',
          config: { host: '127.0.0.1:9', userSearch: { baseDN: 'dc=a', username: 'uid', idAttr: 'uid' } },
        },
      ],
    },
    routes: [{ from: `https://app.corp.test:${port}`, to: 'http://127.0.0.1:9', allowed_groups: ['x'] }],
  }
  await using proxy = await startProxy({ config, port })
  const told = await proxy.logged(({ message }) => message === 'connector "half" cannot be used')
  assert.match(JSON.stringify(told), /userSearch needs emailAttr or emailSuffix/)
  const query = 'client_id=pom&response_type=code&scope=openid&state=s&redirect_uri=https%3A%2F%2Fapp.test%2Fcb'
  const visit = () => proxy.browser().open(`${issuer}/auth/up?${query}`)
  assert.equal((await visit()).status, 503)
  writeFileSync(file, ca)
  await proxy.logged(({ message }) => message === 'configuration in force', 'a reload')
  const page = await visit()
  assert.match(page.body, /the form of the source/, `${page.status} ${page.url}`)
})
