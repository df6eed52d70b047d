import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeCerts, testCerts } from '#test/actors/certs.ts'
import { STATIC_PASSWORDS } from '#test/actors/dex.ts'
import { brokerOf, brokerProblems, brokerWarnings, DEX, LDAP, loadBroker } from './dex-loading.ts'

const client = (more = '') =>
  `staticClients: [{id: pom, name: pom, secret: pomerium, redirectURIs: ["https://app.test/cb"]${more}}]\n`
const connector = (config: string, type = 'oidc') =>
  `connectors: [{type: ${type}, id: c, name: C, config: {${config}}}]\n`
const auth0 =
  'issuer: "https://x.auth0.com/", clientID: a, clientSecret: b, redirectURI: "https://dex.corp.test/dex/callback"'

const google = 'clientID: a, clientSecret: b, redirectURI: "https://dex.corp.test/dex/callback"'

const refused: readonly (readonly [what: string, text: string, words: RegExp])[] = [
  ['etcd', 'storage: {type: etcd}', /the storage "etcd" is not supported \[use sqlite3/],
  ['mysql', 'storage: {type: mysql}', /the storage "mysql" is not supported/],
  ['kubernetes', 'storage: {type: kubernetes}', /the storage "kubernetes" is not supported .*cluster's API/],
  ['another storage', 'storage: {type: sqlite}', /expected one of sqlite3, postgres, memory, got "sqlite"/],
  ['a storage without type', 'storage: {config: {}}', /storage\.type "type" is missing/],
  ['sqlite without a file', 'storage: {type: sqlite3}', /storage\.config\.file "file" is missing/],
  ["Vault's signer", 'signer: {type: vault}', /the signer "vault" is not supported \[use local/],
  ['the password grant', 'oauth2: {passwordConnector: local}', /"passwordConnector" is not supported .*RFC 9700 §2\.4/],
  [
    'implicit',
    'oauth2: {responseTypes: [code, id_token]}',
    /responseTypes\[1\] the response type "id_token" .*RFC 9700 §2\.1\.2/,
  ],
  ['hybrid', 'oauth2: {responseTypes: ["code token"]}', /the response type "code token" is not supported/],
  [
    'the implicit grant',
    'oauth2: {grantTypes: [implicit]}',
    /the grant "implicit" is not supported .*RFC 9700 §2\.1\.2/,
  ],
  ['the grant password', 'oauth2: {grantTypes: [password]}', /the grant "password" is not supported .*RFC 9700 §2\.4/],
  ['client_credentials', 'oauth2: {grantTypes: [client_credentials]}', /knows no person/],
  ['a second factor', 'mfa: {authenticators: [{id: t, type: TOTP}]}', /"mfa" is not supported/],
  ['a session for some', 'sessions: {ssoSharedWithDefault: none}', /expected one of all, got "none"/],
  ...['keystone', 'bitbucket-cloud', 'openshift', 'atlassian-crowd', 'gitea', 'linkedin'].map(
    (type) =>
      [type, connector('', type), new RegExp(`connectors\\[0\\]\\.type "${type}" is not supported \\[`)] as const,
  ),
  [
    'authproxy',
    connector('', 'authproxy'),
    /"authproxy" is not supported \[it believes headers of a proxy in front, and that proxy is this one/,
  ],
  ['local as a connector', connector('', 'local'), /"local" is not supported \[it is built in: set enablePasswordDB/],
  [
    'a type in another case',
    connector(auth0, 'OIDC'),
    /expected a type of connector, got "OIDC" \[did you mean "oidc"\?\]/,
  ],
  [
    'two connectors of one id',
    'connectors: [{type: mockCallback, id: a, name: a}, {type: mockCallback, id: a, name: b}]',
    /connectors\[1\]\.id the same id as connectors\[0\]: "a"/,
  ],
  [
    'a connector with the id of the built-in one',
    'connectors: [{type: mockCallback, id: local, name: a}]',
    /"local" is the id of the accounts/,
  ],
  ['an empty id', 'connectors: [{type: mockCallback, id: "", name: a}]', /connectors\[0\]\.id "id" is empty/],
  [
    'a way back to elsewhere',
    connector(auth0.replace('/dex/callback', '/callback')),
    /redirectURI expected https:\/\/dex\.corp\.test\/dex\/callback \(the issuer and \/callback\), got "https:\/\/dex\.corp\.test\/callback"/,
  ],
  [
    'two clients of one id',
    client().replace(']\n', ', {id: pom, name: b, secret: c}]\n'),
    /staticClients\[1\]\.id the same id as staticClients\[0\]: "pom"/,
  ],
  ['a client without id', 'staticClients: [{name: a, secret: b}]', /staticClients\[0\]\.id "id" is missing/],
  ['a client without secret', 'staticClients: [{id: a, name: a}]', /"secret" is missing .*public: true/],
  [
    'a variable that is not set',
    'staticClients: [{id: a, name: a, secretEnv: POM}]',
    /secretEnv the variable "POM" is not set/,
  ],
  ['a secret in two ways', client(', secretEnv: POM'), /both "secret" and "secretEnv" are set/],
  [
    'a relative way back',
    client().replace('https://app.test/cb', '/cb'),
    /redirectURIs\[0\] expected an absolute address/,
  ],
  ['a way back with a fragment', client().replace('/cb', '/cb#x'), /expected an address without a fragment/],
  [
    'a way back into a script',
    client().replace('https://app.test/cb', 'javascript:alert(1)'),
    /expected an address of an application/,
  ],
  ['a broken pattern for groups', client(', groups: {allow: ["("]}'), /groups\.allow\[0\] expected an RE2 pattern/],
  [
    'a session lifetime by another name',
    client(', refreshTokenLifetime: forever'),
    /expected one of standalone, session/,
  ],
  ['clients with a second factor', client(', mfaChain: [totp]'), /"mfaChain" is not supported/],
  ['an issuer with a query', 'ISSUER?', /expected an address such as .*, got one with a query or fragment/],
  ['https without a certificate', 'web: {https: "0.0.0.0:5554"}', /web\.https https needs a certificate/],
  ['an address without a port', 'web: {http: localhost}', /web\.http expected an address such as 127\.0\.0\.1:5556/],
  [
    'a network that is none',
    'web: {clientRemoteIP: {header: X-Real-IP, trustedProxies: [10.0.0.0/33]}}',
    /trustedProxies\[0\] expected a network/,
  ],
  ['gRPC in the open', 'grpc: {addr: "0.0.0.0:5557"}', /grpc\.addr the gRPC API needs certificates on both sides/],
  [
    'gRPC with one certificate',
    'grpc: {addr: "127.0.0.1:5557", tlsClientCA: ca.pem}',
    /grpc\.addr the gRPC API needs certificates on both sides.*or none of them on a loopback address/,
  ],
  [
    'a certificate without its key',
    'web: {https: "0.0.0.0:5554", tlsCert: a.pem}',
    /web\.tlsCert a certificate without its key \[add tlsKey\]/,
  ],
  [
    'a certificate that is not there',
    'web: {https: "0.0.0.0:5554", tlsCert: a.pem, tlsKey: b.pem}',
    /cannot read "a\.pem": there is no such file/,
  ],
  ['tokens that end at once', 'expiry: {idTokens: 0s}', /expiry\.idTokens expected a duration of 1s or more/],
  ['passwords without the database', 'STATIC', /staticPasswords need enablePasswordDB: true/],
  [
    'a socket of a longer path than sockets have',
    `admin: {socket: /${'a'.repeat(110)}}`,
    /admin\.socket expected a path of at most 103 octets, got 111/,
  ],
]
for (const [what, text, words] of refused) {
  test(`${what} is refused by name, with the way out`, async () => {
    assert.match((await brokerProblems(wholeOf(text))).join('\n'), words)
  })
}

/** The text with what every broker needs, unless it says something of it itself. */
function wholeOf(text: string): string {
  if (text === 'ISSUER?') return DEX.replace('/dex', '/dex?x=1')
  if (text === 'STATIC') return `${DEX.replace('true', 'false')}staticPasswords: ${JSON.stringify(STATIC_PASSWORDS)}\n`
  const lines = DEX.split('\n').filter((line) => line !== '' && !text.startsWith(line.split(':')[0] ?? ''))
  return `${[...lines, text.trimEnd()].join('\n')}\n`
}

const warned: readonly (readonly [what: string, text: string, words: RegExp])[] = [
  ['a plain http issuer', 'issuer: http://dex.corp.test', /issuer the issuer is plain http/],
  ['no storage', 'NONE', /storage there is no storage: .* in "\/etc\/dex\/ostiary-broker\.sqlite3"/],
  ['telemetry', 'telemetry: {http: "0.0.0.0:5558"}', /"telemetry" is ignored/],
  [
    'pages of other folders',
    'frontend: {dir: /srv/web, extra: {a: b}}',
    /"dir" is ignored: pages are built in[\s\S]*"extra" is ignored/,
  ],
  [
    'the plain challenge',
    'oauth2: {pkce: {codeChallengeMethodsSupported: [S256, plain]}}',
    /"plain" is ignored: only S256/,
  ],
  ['a cookie of another name', 'sessions: {cookieName: x}', /"cookieName" is ignored/],
  ['a header that nobody is believed to send', 'web: {clientRemoteIP: {header: X-Real-IP}}', /is believed from nobody/],
  [
    'a client that cannot be used',
    'staticClients: [{id: a, name: a, secret: b}]',
    /nobody can sign in for this client/,
  ],
  [
    'an answer in clear (RFC 9700 §2.6)',
    'staticClients: [{id: a, name: a, secret: b, redirectURIs: ["https://a.test/", "http://a.test/"]}]',
    /redirectURIs\[1\] codes come back in clear/,
  ],
  [
    'a connector that is not there',
    client(', allowedConnectors: [ldapp]'),
    /there is no connector "ldapp" in this file/,
  ],
  ['nobody to sign in', 'enablePasswordDB: false', /nobody can sign in yet/],
  [
    'a database in clear',
    'storage: {type: postgres, config: {host: db, database: a, user: b, ssl: {mode: disable}}}',
    /ssl mode "disable": everything travels in clear/,
  ],
  ...(['insecureSkipVerify', 'insecureSkipEmailVerified', 'insecureEnableGroups'] as const).map(
    (key) =>
      [
        key,
        connector(`${auth0}, ${key}: true`),
        new RegExp(`connectors\\[0\\]\\.config\\.${key} "${key}" is on: `),
      ] as const,
  ),
]
for (const [what, text, words] of warned) {
  test(`${what} is warned about, and loads`, async () => {
    const whole = text === 'NONE' ? DEX.replace(/storage.*\n/, '') : wholeOf(text)
    const read = await loadBroker(whole)
    assert.equal(read.kind, 'ok', JSON.stringify(read.kind === 'problems' && read.problems))
    assert.match((await brokerWarnings(whole)).join('\n'), words)
  })
}

test('an application on the machine of the browser needs no TLS (RFC 8252 §7.3), nor does one with a scheme of its own', async () => {
  const uris = ['http://127.0.0.1:8/cb', 'http://localhost/', 'http://[::1]:8/', 'http://a.localhost:8/', 'app:/cb']
  const client = `{id: a, name: a, secret: b, redirectURIs: ${JSON.stringify(uris)}, postLogoutRedirectURIs: ["http://a.test/"]}`
  assert.deepEqual(await brokerWarnings(wholeOf(`staticClients: [${client}]`)), [])
})

test('what is on by being false, null or empty says nothing', async () => {
  const text = `${DEX}mfa: {}\noauth2: {passwordConnector: ""}\ntelemetry:\n${connector(`${auth0}, insecureSkipVerify: false`)}`
  assert.equal((await loadBroker(text)).kind, 'ok')
  assert.deepEqual(await brokerWarnings(text), [])
})

test('what is ours: groups of connectors and clients, PKCE, logout, sessions, the signer, the socket', async () => {
  const text = `${DEX}${LDAP}    groups: {allow: ["dev.*"], map: {devops: ops}, prefix: "ipa:"}
${client(', pkce: required, groups: {prefix: "x-"}, postLogoutRedirectURIs: ["https://app.test/"], backchannelLogoutURI: "https://app.test/out", allowedConnectors: [ldap], refreshTokenLifetime: session')}oauth2: {pkce: {enforce: true}}
sessions: {absoluteLifetime: 12h, validIfNotUsedFor: 30m, rememberMeCheckedByDefault: false}
signer: {type: local, config: {keysRotationPeriod: 2h, algorithm: ES256}}
admin: {socket: run/admin.sock}
`
  const settings = await brokerOf(text)
  assert.deepEqual(settings.connectors[0]?.groups, { allow: ['dev.*'], map: { devops: 'ops' }, prefix: 'ipa:' })
  const [made] = settings.staticClients
  assert.equal(made?.pkce, 'required')
  assert.deepEqual(made?.groups, { allow: [], map: {}, prefix: 'x-' })
  assert.deepEqual(made?.postLogoutRedirectURIs, ['https://app.test/'])
  assert.equal(made?.backchannelLogoutURI, 'https://app.test/out')
  assert.deepEqual([made?.allowedConnectors, made?.refreshTokenLifetime], [['ldap'], 'session'])
  assert.equal(settings.oauth2.pkceEnforce, true)
  assert.deepEqual(settings.sessions, {
    absoluteLifetime: 43_200_000,
    validIfNotUsedFor: 1_800_000,
    rememberMeCheckedByDefault: false,
  })
  assert.deepEqual([settings.signer.algorithm, settings.expiry.signingKeys], ['ES256', 7_200_000])
  assert.equal(settings.adminSocket, '/gate/run/admin.sock')
  assert.equal((await brokerOf(`${DEX}admin: {socket: ""}\n`)).adminSocket, undefined)
  assert.equal((await brokerOf(DEX)).adminSocket, undefined, 'memory has no folder, and there is no XDG_RUNTIME_DIR')
})

test('a way back to another place is taken where the connector says that something in front brings people here', async () => {
  const elsewhere = auth0.replace('dex.corp.test/dex', 'front.test/dex')
  const text = `${DEX}${connector(`${elsewhere}, insecureSkipIssuerCallbackDomainCheck: true`)}`
  const [made] = (await brokerOf(text)).connectors
  assert.equal(made?.raw['redirectURI'], 'https://front.test/dex/callback')
  assert.match((await brokerWarnings(text)).join('\n'), /"insecureSkipIssuerCallbackDomainCheck" is on/)
})

test('a public client needs no secret, and always a challenge', async () => {
  const [made] = (await brokerOf(`${DEX}staticClients: [{id: cli, name: CLI, public: true}]\n`)).staticClients
  assert.deepEqual([made?.secret, made?.pkce, made?.redirectURIs], [undefined, 'required', []])
})

test('id and secret of a client come from variables', async () => {
  const text = `${DEX}staticClients: [{idEnv: ID, name: a, secretEnv: SECRET, redirectURIs: ["https://a.test/"]}]\n`
  const [made] = (await brokerOf(text, { env: { ID: 'pom', SECRET: 's$x' } })).staticClients
  assert.deepEqual([made?.id, made?.secret?.reveal()], ['pom', 's$x'])
})

test('a postgres storage has the defaults of Dex', async () => {
  const { storage } = await brokerOf(
    wholeOf('storage: {type: postgres, config: {host: db.corp.test, database: dex, user: dex, password: $PW}}'),
    { env: { PW: 'db-pw' } },
  )
  assert.ok(storage.type === 'postgres')
  const { password, ...rest } = storage
  assert.equal(password?.reveal(), 'db-pw')
  assert.deepEqual(rest, {
    ...{ type: 'postgres', host: 'db.corp.test', port: 5432, database: 'dex', user: 'dex' },
    ...{ connectionTimeout: 10_000, maxOpenConns: 5 },
    ssl: { mode: 'verify-full', ca: undefined, cert: undefined, key: undefined },
  })
})

test('certificates are read from beside the configuration, and have to fit their keys', async () => {
  const { certificate: chain, key, ca: authority } = await testCerts()
  const other = await makeCerts(['other.test'])
  const beside = { 'tls.crt': chain, 'tls.key': key, 'ca.crt': authority, 'other.key': other.key }
  const text = (file: string) =>
    `${DEX}web: {https: "0.0.0.0:5554", tlsCert: tls.crt, tlsKey: ${file}, tlsMinVersion: 1.3}
grpc: {addr: "0.0.0.0:5557", tlsCert: tls.crt, tlsKey: tls.key, tlsClientCA: ca.crt}\n`
  const read = await loadBroker(text('tls.key'), { beside })
  assert.ok(read.kind === 'ok', JSON.stringify(read))
  const { web, grpc } = read.settings
  assert.deepEqual([web.tls?.cert.trim(), web.tls?.minVersion], [chain.trim(), '1.3'])
  assert.equal(web.tls?.key.reveal().trim(), key.trim())
  assert.equal(grpc?.tls?.clientCA.trim(), authority.trim())
  assert.ok(read.watched.includes('/etc/dex/tls.key'), 'a renewed key is taken by a reload')
  const problems = await brokerProblems(text('other.key'), { beside })
  assert.deepEqual(problems, ['4:56 web.tlsKey the key does not fit the certificate'])
})

test('people of the broker load, with their hashes out of base64', async () => {
  const [alice, bob] = STATIC_PASSWORDS
  const coded = { ...bob, hash: Buffer.from(bob.hash).toString('base64') }
  const settings = await brokerOf(`${DEX}staticPasswords: ${JSON.stringify([alice, coded])}\n`)
  assert.deepEqual(
    settings.staticPasswords.map(({ email, hash, name, emailVerified }) => [email, hash, name, emailVerified]),
    [
      [alice.email, alice.hash, 'Alice Okafor', true],
      [bob.email, bob.hash, 'Bob Lindqvist', true],
    ],
  )
  const weak = JSON.stringify([{ ...alice, hash: alice.hash.replace('$10$', '$04$') }])
  const read = await loadBroker(`${DEX}staticPasswords: ${weak}\n`)
  assert.ok(read.kind === 'problems')
  assert.doesNotMatch(JSON.stringify(read.problems), /RKNzy4lSrOK/)
})

test('where names of groups are kept apart for one source, another that may use any name is told of', async () => {
  const github =
    '  - {type: github, id: github, name: G, config: {clientID: a, clientSecret: b, redirectURI: "https://dex.corp.test/dex/callback"}'
  const two = (ldap: string, other: string) => `${DEX}${LDAP}    groups: {${ldap}}\n${github}${other}}\n`
  const told = /connector "github" can pass off a group of its own as one of "ldap": .* beginning with "ipa:"/
  assert.match((await brokerWarnings(two('prefix: "ipa:"', ''))).join(), told)
  for (const good of [
    two('prefix: "ipa:"', ', groups: {prefix: "gh:"}'),
    two('prefix: "ipa:"', ', groups: {allow: ["org:.*"]}'),
    two('allow: [dev]', ''),
    `${DEX}${LDAP}    groups: {prefix: "ipa:"}\n  - {type: mockCallback, id: mock, name: M}\n`,
  ])
    assert.doesNotMatch((await brokerWarnings(good)).join(), /pass off/)
})

test('a certificate that nothing is served with need not be there, and is warned of', async () => {
  const text = `${DEX}web: {http: 127.0.0.1:5556, tlsCert: /none.pem, tlsKey: /none.key}\n`
  assert.equal((await brokerOf(text)).web.tls, undefined)
  assert.match((await brokerWarnings(text)).join(), /web\.tlsCert "tlsCert" is ignored/)
})

const OTHER_SHAPES: Readonly<Record<string, [text: string, problem: RegExp]>> = {
  "values of Dex's chart that leave the configuration to a Secret": [
    'configSecret: {create: false, name: dex}\nenvFrom: [{secretRef: {name: s}}]\n',
    /^1:15 configSecret .*values of Dex's chart without a configuration.*kubectl get secret/,
  ],
  'values of a chart around it': [
    'dex:\n  config: {issuer: "https://x.test/dex", storage: {type: memory}}\n',
    /^2:3 dex .*further inside \[give what stands below "dex"/,
  ],
  'an object of Kubernetes': [
    'apiVersion: v1\nkind: Secret\nstringData:\n  config.yaml: |\n    issuer: https://x.test\n',
    /^2:7 kind .*an object of Kubernetes \[write the text of its config\.yaml/,
  ],
}

for (const [name, [text, problem]] of Object.entries(OTHER_SHAPES))
  test(`${name} are told from a configuration, with the way to it`, async () => {
    const [first, ...more] = await brokerProblems(text)
    assert.match(first ?? '', problem)
    assert.deepEqual(more, [])
  })

const person = (email: string, more = '') => `{email: ${email}, hash: "${STATIC_PASSWORDS[0].hash}"${more}}`

test('one person can do without userID, and is warned of; two cannot', async () => {
  const text = `${DEX}staticPasswords: [${person('a@corp.test')}]\n`
  assert.equal((await brokerOf(text)).staticPasswords[0]?.userID, '')
  assert.match(
    (await brokerWarnings(text)).join(),
    /^4:19 staticPasswords\[0\]\.userID there is no userID: nobody else can/,
  )
  const two = `${DEX}staticPasswords: [${person('a@corp.test')}, ${person('b@corp.test')}]\n`
  assert.match(
    (await brokerProblems(two)).join(),
    /staticPasswords\[1\]\.userID no id, as the entry 1: they would be one person/,
  )
  const same = `${DEX}staticPasswords: [${person('a@corp.test', ', userID: "7"')}, ${person('b@corp.test', ', userID: "7"')}]\n`
  assert.match((await brokerWarnings(same)).join(), /staticPasswords\[1\]\.userID the same id as the entry 1/)
})

test('an oidc connector that only exchanges tokens, or does nothing at all, is taken with a warning', async () => {
  const exchanging = `${DEX}${connector('issuer: "https://up.test", clientID: a')}`
  const warned = (await brokerWarnings(exchanging)).join()
  assert.match(
    warned,
    /connectors\[0\]\.config\.redirectURI there is no redirectURI: nobody can sign in .* only exchanges tokens/,
  )
  assert.match(warned, /\[add clientID, and as redirectURI the issuer of the broker with \/callback\]/)
  const idle = `${DEX}${connector('issuer: "https://up.test", clientID: ""')}`
  assert.match(
    (await brokerWarnings(idle)).join(),
    /config\.clientID there is no clientID: .* no token can be exchanged/,
  )
  const wrong = `${DEX}${connector('issuer: "https://up.test", redirectURI: "https://other.test/callback"')}`
  assert.match((await brokerProblems(wrong)).join(), /redirectURI expected https:\/\/dex\.corp\.test\/dex\/callback/)
})

test('a boolean that is the same text in Dex is text, and one that is not, or a number of YAML 1.1, has to be quoted', async () => {
  assert.equal((await brokerOf(`${DEX}frontend: {issuer: true}`)).frontend.issuer, 'true')
  assert.equal((await brokerOf(`${DEX}frontend: {issuer: !!str yes}`)).frontend.issuer, 'yes')
  assert.equal(
    (await brokerOf(`${DEX}frontend: {issuer: 12345678901234567890}`)).frontend.issuer,
    '12345678901234567890',
  )
  for (const text of ['yes', '1_000', '0b11', '0o17', '0123', '123456.789'])
    assert.match(
      (await brokerProblems(`${DEX}frontend: {issuer: ${text}}`)).join(),
      /expected text, .*\[write it in quotes\]/,
    )
})

test('an item of a list that is nothing is told as such', async () => {
  const told = await brokerProblems(`${DEX}${connector(`${auth0}, scopes: [a, ~]`)}`)
  assert.match(told.join(), /config\.scopes\[1\] expected text, got nothing/)
})

const GROUPS_OF_NOBODY: readonly (readonly [type: string, config: string, words: RegExp])[] = [
  ['oidc', `${auth0}, allowedGroups: [a]`, /config\.allowedGroups allowedGroups needs insecureEnableGroups/],
  ['google', `${google}, groups: [a]`, /config\.groups groups needs serviceAccountFilePath/],
  ['google', `${google}, adminEmail: a@corp.test`, /config\.domainToAdminEmail .* belong together/],
  ['microsoft', `${google}, groups: [a]`, /config\.groups groups are those of one tenant, got tenant common/],
]

test('groups that a connector could never read are warned of at their key', async () => {
  for (const [type, config, words] of GROUPS_OF_NOBODY) {
    const warned = (await brokerWarnings(`${DEX}${connector(config, type)}`)).join('\n')
    assert.match(warned, words)
    assert.match(warned, /\[until then nobody can sign in by this connector\]/)
  }
})
