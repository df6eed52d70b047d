import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { accepts, findProgram, freePort, skipWithout, startProgram, temporaryFolder } from '#test/actors/program.ts'
import { brokerOf, brokerProblems, brokerWarnings, DEX, LDAP, loadBroker, onlyConnector } from './dex-loading.ts'

test('the minimal configuration of a Dex loads, and nothing is warned about but plain http and the directory', async () => {
  const text = `issuer: http://127.0.0.1:5556/dex
storage: { type: memory }
web: { http: 127.0.0.1:5556 }
grpc: { addr: 127.0.0.1:5557 }
oauth2: { skipApprovalScreen: true }
expiry: { idTokens: 5m, refreshTokens: { reuseInterval: 3s, validIfNotUsedFor: 24h, absoluteLifetime: 168h } }
staticClients:
  - { id: pom, name: pom, secret: pomerium, redirectURIs: ["https://authenticate.localhost:8443/oauth2/callback"] }
connectors:
  - type: ldap
    id: ldap
    name: FreeIPA/LDAP
    config:
      host: 127.0.0.1:3890
      insecureNoSSL: true
      userSearch: {baseDN: "dc=corp", username: mail, idAttr: uidNumber}
`
  const settings = await brokerOf(text, { env: { XDG_RUNTIME_DIR: '/run/user/1000' } })
  assert.deepEqual(settings.storage, { type: 'memory' })
  assert.equal(settings.web.http, '127.0.0.1:5556')
  assert.deepEqual(settings.grpc, { addr: '127.0.0.1:5557', tls: undefined })
  assert.equal(settings.oauth2.skipApprovalScreen, true)
  assert.deepEqual(settings.expiry, {
    idTokens: 300_000,
    authRequests: 86_400_000,
    deviceRequests: 300_000,
    signingKeys: 21_600_000,
    refreshTokens: {
      disableRotation: false,
      reuseInterval: 3_000,
      validIfNotUsedFor: 86_400_000,
      absoluteLifetime: 604_800_000,
    },
  })
  assert.equal(settings.adminSocket, '/run/user/1000/ostiary.sock')
  const warned = (await brokerWarnings(text)).map((warning) => warning.split(' ')[1])
  assert.deepEqual(warned, ['issuer', 'connectors[0].config.insecureNoSSL'])
})

test('keys are found in any case, at every depth', async () => {
  const text = `ISSUER: https://dex.corp.test
Storage: {TYPE: memory}
EnablePasswordDb: true
OAuth2: {skipapprovalscreen: true}
${LDAP.replace('bindPW', 'BindPw').replace('baseDN', 'BASEDN').replace('type:', 'Type:')}`
  const settings = await brokerOf(text)
  assert.equal(settings.oauth2.skipApprovalScreen, true)
  const { config } = onlyConnector(settings, 'ldap')
  assert.equal(config.bindPW?.reveal(), 'dex-bind-pw')
  assert.equal(config.userSearch.baseDN, 'dc=corp,dc=test')
})

test('an empty text is no text where Go knows no difference, and stays one where it does', async () => {
  const text = `${DEX}expiry: {idTokens: "", refreshTokens: {reuseInterval: ""}}
${LDAP.replace('userSearch: {', 'userSearch: {scope: "", ')}
  - type: oidc
    id: oidc
    name: OIDC
    config: {issuer: "https://up.test", clientID: c, clientSecret: s, redirectURI: "https://dex.corp.test/dex/callback", pkceChallenge: "", promptType: ""}
`
  const { expiry, connectors } = await brokerOf(text)
  assert.equal(expiry.idTokens, 86_400_000)
  assert.equal(expiry.refreshTokens.reuseInterval, 0)
  const [ldap, oidc] = connectors
  assert.equal(ldap?.type === 'ldap' && ldap.config.userSearch.scope, 'sub')
  assert.ok(oidc?.type === 'oidc')
  assert.equal(oidc.config.pkceChallenge, undefined)
  assert.equal(oidc.config.promptType, '')
})

test('a key twice, in two cases, is refused at the second one', async () => {
  assert.deepEqual(await brokerProblems(`${DEX}Issuer: https://other.test\n`), [
    '4:1 Issuer the same key twice (in another case)',
  ])
})

test('an unknown key is refused with the nearest one, wherever it stands; with --lenient it is a warning', async () => {
  const text = `${DEX}oauth2: {skipAproval: true}\nconectors: []\n${LDAP.replace('bindDN', 'bindDn2')}`
  const problems = await brokerProblems(text)
  assert.deepEqual(
    problems.map((problem) => problem.replace(/ \[.*/, '')),
    [
      '4:10 oauth2.skipAproval unknown key',
      '5:1 conectors unknown key, did you mean "connectors"?',
      '12:7 connectors[0].config.bindDn2 unknown key, did you mean "bindDN"?',
    ],
  )
  const lenient = await loadBroker(text, { lenient: true })
  assert.equal(lenient.kind, 'ok')
  assert.equal(lenient.warnings.length, 3)
})

test('scalars are strict in connectors: a number or boolean where text belongs is refused with the way out', async () => {
  assert.deepEqual(await brokerProblems(`${DEX}${LDAP.replace('uid=dex', '12345').replace('ldap.corp.test', 'no')}`), [
    '9:13 connectors[0].config.host expected text, got no [write it in quotes]',
    '10:15 connectors[0].config.bindDN expected text, got 12345 [write it in quotes]',
  ])
})

test('a secret of the wrong kind is refused without being shown', async () => {
  const read = await loadBroker(`${DEX}${LDAP.replace('dex-bind-pw', '90210')}`)
  assert.ok(read.kind === 'problems')
  assert.doesNotMatch(JSON.stringify(read.problems), /90210/)
  assert.match(read.problems[0]?.message ?? '', /^expected text$/)
})

test('words of YAML 1.1 are booleans where they have no quotes, and text where they have', async () => {
  const flags = (word: string) => `${DEX}${LDAP.replace('bindDN: uid=dex', `insecureSkipVerify: ${word}`)}`
  for (const word of ['yes', 'on', 'y', 'TRUE'])
    assert.equal(onlyConnector(await brokerOf(flags(word)), 'ldap').config.insecureSkipVerify, true, word)
  for (const word of ['no', 'Off', 'n'])
    assert.equal(onlyConnector(await brokerOf(flags(word)), 'ldap').config.insecureSkipVerify, false, word)
  assert.match((await brokerProblems(flags('"yes"'))).join('\n'), /expected true or false, got "yes"/)
  const named = await brokerOf(`${DEX}${LDAP.replace('name: FreeIPA', 'name: "no"')}`)
  assert.equal(onlyConnector(named, 'ldap').name, 'no')
})

test('outside of connectors a number becomes text, unless it would become another one', async () => {
  const client = (id: string) =>
    `${DEX}staticClients: [{id: ${id}, name: 12, secret: x, redirectURIs: ["https://a/"]}]\n`
  const [made] = (await brokerOf(client('4711'))).staticClients
  assert.deepEqual([made?.id, made?.name], ['4711', '12'])
  assert.match((await brokerProblems(client('0123'))).join('\n'), /staticClients\[0\]\.id expected text, got 0123/)
})

const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
test('octets are base64; PEM as it is gets the way out', async () => {
  const data = (text: string) => `${DEX}${LDAP.replace('bindDN: uid=dex', `rootCAData: ${text}`)}`
  const settings = await brokerOf(data(Buffer.from(pem).toString('base64')))
  assert.equal(onlyConnector(settings, 'ldap').config.rootCAData, pem)
  assert.match((await brokerProblems(data(JSON.stringify(pem)))).join('\n'), /expected base64.*base64 -w0 FILE/)
})

test('variables are put into connectors and storage, in both spellings, and nowhere else', async () => {
  const text = `issuer: https://dex.corp.test
storage: {type: sqlite3, config: {file: "$FOLDER/dex.db"}}
staticClients: [{id: $ID, name: "\${ID}", secret: "p$ID", redirectURIs: ["https://a/"]}]
${LDAP.replace('dex-bind-pw', '${LDAP_PW}').replace('ldap.corp.test', '$HOST.corp.test:$PORT')}`
  const env = { FOLDER: '/var/dex', LDAP_PW: 'pa$ID', HOST: 'ldap', PORT: '636', ID: 'x' }
  const settings = await brokerOf(text, { env })
  assert.deepEqual(settings.storage, { type: 'sqlite3', file: '/var/dex/dex.db' })
  const { config, raw } = onlyConnector(settings, 'ldap')
  assert.equal(config.host, 'ldap.corp.test:636')
  assert.equal(config.bindPW?.reveal(), 'pa$ID', 'what a variable holds is not read a second time')
  assert.equal(raw['host'], 'ldap.corp.test:636')
  const [client] = settings.staticClients
  assert.deepEqual([client?.id, client?.name, client?.secret?.reveal()], ['$ID', '${ID}', 'p$ID'])
})

test('a variable that is not set is empty, with a warning that does not repeat a piece of a password', async () => {
  const text = `${DEX}${LDAP.replace('dex-bind-pw', 'pa$hunter2').replace('ldap.corp.test', 'ldap$ZONE')}`
  const warnings = await brokerWarnings(text)
  assert.match(warnings[0] ?? '', /^9:13 connectors\[0\]\.config\.host the variable ZONE is not set/)
  assert.match(warnings[1] ?? '', /^11:15 connectors\[0\]\.config\.bindPW a variable is not set/)
  assert.doesNotMatch(warnings.join('\n'), /hunter2/)
  assert.equal(onlyConnector(await brokerOf(text), 'ldap').config.bindPW?.reveal(), 'pa')
})

test('DEX_EXPAND_ENV=false leaves every $ as it is', async () => {
  const settings = await brokerOf(`${DEX}${LDAP.replace('dex-bind-pw', () => 'pa$$w')}`, {
    env: { DEX_EXPAND_ENV: 'false' },
  })
  assert.equal(onlyConnector(settings, 'ldap').config.bindPW?.reveal(), 'pa$$w')
})

const expansions: readonly (readonly [string, string])[] = [
  ['a${X}b$', 'a-x-b$'],
  ['$X$X', '-x--x-'],
  ['$$X', 'X'],
  ['${}y', 'y'],
  ['${X', 'X'],
  ['$9a', 'a'],
  ['$ x', '$ x'],
]
for (const [written, meant] of expansions) {
  test(`Go's rules for variables: ${written} is ${JSON.stringify(meant)}`, async () => {
    const settings = await brokerOf(`${DEX}${LDAP.replace('uid=dex', () => `'${written}'`)}`, { env: { X: '-x-' } })
    assert.equal(onlyConnector(settings, 'ldap').config.bindDN, meant)
  })
}

test('all problems are told at once, each at its place', async () => {
  const problems = await brokerProblems(`issuer: dex.corp.test
storage: {type: etcd}
web: {http: 5556}
expiry: {idTokens: 24}
staticClients: [{id: a}]
connectors: [{type: ldap, id: a}, {type: gitea, id: b, name: b}]
`)
  assert.deepEqual(
    problems.map((problem) => problem.split(' ').slice(0, 2).join(' ')),
    [
      '1:9 issuer',
      '2:17 storage.type',
      '3:13 web.http',
      '4:20 expiry.idTokens',
      '5:17 staticClients[0].name',
      '6:14 connectors[0].name',
      '6:14 connectors[0].config.host',
      '6:14 connectors[0].config.userSearch',
      '6:42 connectors[1].type',
    ],
  )
})

/** Whether a real Dex takes a file; some of these it refuses only because we do. */
const both: readonly (readonly [what: string, text: string, loads: boolean])[] = [
  ['keys in another case', 'STATICCLIENTS: [{ID: a, Name: a, SECRET: a}]', true],
  ['yes as a boolean', 'oauth2: {skipApprovalScreen: yes}', true],
  ['"true" as a boolean', 'oauth2: {skipApprovalScreen: "true"}', false],
  ['a number as the name of a client', 'staticClients: [{id: a, name: 12, secret: b}]', true],
  ['a client without a secret', 'staticClients: [{id: a, name: a}]', false],
  ['a public client without a secret', 'staticClients: [{id: a, name: a, public: true}]', true],
  ['a client without a name', 'staticClients: [{id: a, secret: a}]', false],
  ['a duration without a unit', 'expiry: {idTokens: "24"}', false],
  [
    'a number in a connector',
    'connectors: [{type: mockPassword, id: m, name: m, config: {username: 1, password: x}}]',
    false,
  ],
  ['an unknown type', 'connectors: [{type: nothing, id: m, name: m}]', false],
  ['a connector without an id', 'connectors: [{type: mockCallback, name: m}]', false],
  ['a connector without config', 'connectors: [{type: mockCallback, id: m, name: m}]', true],
  ['null for a section', 'oauth2:\nexpiry: ~', true],
  ['a text where a list belongs', 'staticClients: [{id: a, name: a, secret: a, redirectURIs: "https://a"}]', false],
]

test('a real Dex takes and refuses the same files', { skip: skipWithout('dex') }, async () => {
  const disagreements: string[] = []
  for (const [what, text, loads] of both) {
    const whole = `issuer: http://127.0.0.1:PORT/dex\nstorage: {type: memory}\nweb: {http: "127.0.0.1:PORT"}\nenablePasswordDB: true\n${text}\n`
    const port = await freePort()
    const mine = await loadBroker(whole.replaceAll('PORT', String(port)))
    if ((mine.kind === 'ok') !== loads) disagreements.push(`${what}: ours`)
    if ((await dexTakes(whole.replaceAll('PORT', String(port)), port)) !== loads) disagreements.push(`${what}: Dex`)
  }
  assert.deepEqual(disagreements, [])
})

async function dexTakes(text: string, port: number): Promise<boolean> {
  using folder = temporaryFolder('dex-reading')
  const file = join(folder.path, 'dex.yaml')
  writeFileSync(file, text)
  try {
    await using _ = await startProgram({
      name: 'Dex',
      command: findProgram('dex') ?? 'dex',
      args: ['serve', file],
      cwd: folder.path,
      isReady: () => accepts('127.0.0.1', port),
    })
    return true
  } catch {
    return false
  }
}
