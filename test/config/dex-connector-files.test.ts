import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientShape } from '#src/config/dex/client-section.ts'
import { readClientFile } from '#src/config/dex/read-client-file.ts'
import {
  type ConnectorFileOptions,
  readConnectorConfig,
  readConnectorFile,
} from '#src/config/dex/read-connector-file.ts'
import { printProblems } from '#src/config/print-problems.ts'
import { DEX, inBrief } from './dex-loading.ts'

const mock = 'type: mockPassword\nid: mock\nname: Mock\nconfig: {username: kilgore, password: trout}\n'
const item = mock.trimEnd().replaceAll('\n', '\n  ')

function read(text: string, options: Partial<ConnectorFileOptions> = {}) {
  const file = readConnectorFile(text, { name: 'file.yaml', ...options })
  if (file.kind === 'problems') throw new Error(file.problems.map(inBrief).join('\n'))
  return file.connectors
}

function problems(text: string, options: Partial<ConnectorFileOptions> = {}): readonly string[] {
  const file = readConnectorFile(text, { name: 'file.yaml', ...options })
  if (file.kind === 'ok') throw new Error('the file was accepted')
  return file.problems.map(inBrief)
}

const shapes: readonly (readonly [what: string, text: string])[] = [
  ['one connector', mock],
  ['keys in another case', mock.replace('type', 'Type').replace('id:', 'ID:').replace('config', 'Config')],
  ['a list', `- ${item}\n`],
  ["Dex's whole configuration", `${DEX}connectors:\n- ${item}\n`],
  ["values of Dex's chart", `config:\n  issuer: https://a\n  connectors:\n  - ${item.replaceAll('\n', '\n  ')}\n`],
  ["values of Pachyderm's chart", `oidc:\n  upstreamIDPs:\n  - ${item.replaceAll('\n', '\n  ')}\n`],
  ['the text of the Secret by itself', `upstream-idps: |\n  - ${item.replaceAll('\n', '\n  ')}\n`],
  ['the Secret', `kind: Secret\nstringData:\n  upstream-idps: |\n    - ${item.replaceAll('\n', '\n    ')}\n`],
  [
    'the Secret as the cluster gives it back',
    `data:\n  upstream-idps: ${Buffer.from(`- ${item}\n`).toString('base64')}\n`,
  ],
  ['jsonConfig', mock.replace(/config.*/, `jsonConfig: '{"username": "kilgore", "password": "trout"}'`)],
  [
    'an empty config beside jsonConfig',
    mock.replace(/config.*/, `config: {}\njsonConfig: '{"username": "kilgore", "password": "trout"}'`),
  ],
  [
    'JSON',
    '{"type": "mockPassword", "id": "mock", "name": "Mock",\n\t"config": {"username": "kilgore", "password": "trout"}}',
  ],
]
for (const [what, text] of shapes) {
  test(`a file may hold ${what}`, () => {
    const [connector, ...more] = read(text, { name: what === 'JSON' ? 'a.json' : 'a.yaml' })
    assert.deepEqual(more, [])
    assert.deepEqual([connector?.id, connector?.type, connector?.name], ['mock', 'mockPassword', 'Mock'])
    assert.deepEqual(connector?.config, { username: 'kilgore', password: 'trout' })
    assert.ok(connector?.settings?.type === 'mockPassword')
    assert.equal(connector.settings.config.password.reveal(), 'trout')
  })
}

test('several connectors keep their versions and places', () => {
  const text = `- ${item}\n  version: 3\n- type: mockCallback\n  id: call\n  name: Call\n  configVersion: 4\n`
  assert.deepEqual(
    read(text).map(({ id, version, place }) => [id, version, place.line]),
    [
      ['mock', 3, 1],
      ['call', 4, 6],
    ],
  )
})

test('an update may hold only what changes', () => {
  const [connector] = read('id: mock\nversion: 2\n', { partial: true })
  assert.deepEqual(
    [connector?.id, connector?.type, connector?.name, connector?.config, connector?.version],
    ['mock', undefined, undefined, undefined, 2],
  )
  assert.deepEqual(problems('id: mock\n'), [
    '1:1 type "type" is missing',
    '1:1 name "name" is missing',
    '1:1 config "config" is missing',
  ])
})

test('for another broker nothing is refused: types of its own are let be, and what looks wrong in others is told', () => {
  const readFor = (text: string) => readConnectorFile(text, { name: 'a.yaml', check: false })
  const own = readFor('type: gitea\nid: g\nname: G\nconfig: {anything: [1]}\n')
  assert.ok(own.kind === 'ok')
  const [connector] = own.connectors
  assert.deepEqual([connector?.type, connector?.config, connector?.settings], ['gitea', { anything: [1] }, undefined])
  assert.deepEqual(own.warnings, [])
  for (const [text, told] of [
    [mock.replace('username', 'usernam'), /config\.usernam unknown key, did you mean "username"\?/],
    [mock.replace('kilgore}', '12}').replace('trout', '12'), /config\.password expected text/],
    [
      mock.replace('mockPassword', 'mockPasword'),
      /type expected a type of connector, got "mockPasword" \[did you mean/,
    ],
  ] as const) {
    const file = readFor(text)
    assert.equal(file.kind, 'ok')
    assert.match(file.warnings.map(inBrief).join('\n'), told)
  }
})

test('a connector made at run time keeps its $ as they are, and a whole variable is warned about', () => {
  const file = readConnectorFile(mock.replace('trout', '$PW').replace('kilgore', 'a$b'), { name: 'a.yaml' })
  assert.ok(file.kind === 'ok')
  assert.deepEqual(file.connectors[0]?.config, { username: 'a$b', password: '$PW' })
  assert.deepEqual(
    file.warnings.map(({ message }) => message),
    ['variables are put in only where a configuration file declares the connector; this is kept as it is written'],
  )
})

const wrong: readonly (readonly [what: string, text: string, words: RegExp])[] = [
  ['nothing', '', /expected a connector, or a list of them, got nothing/],
  ['an empty list', '[]', /there is no connector in it/],
  ['a text', 'mock', /expected a connector, or a list of them, got "mock"/],
  ['an unknown key of the entry', `${mock}verison: 1\n`, /5:1 verison unknown key, did you mean "version"/],
  [
    'an unknown key of the config',
    mock.replace('username', 'usernam'),
    /4:10 config\.usernam unknown key, did you mean "username"/,
  ],
  [
    'a config that is no map',
    mock.replace(/config.*/, 'config: [1]'),
    /config expected a map of settings, got a list of 1/,
  ],
  ['JSON that is none', mock.replace(/config.*/, `jsonConfig: '{"username"'`), /the text ends too early|missing/],
  ['a version that is no number', `${mock}version: one\n`, /version expected a whole number/],
  ['the same id twice', `- ${item}\n- ${item}\n`, /two connectors of one id: "mock"/],
  ['a Secret that is not base64', 'data: {upstream-idps: "- type"}', /data\.upstream-idps expected base64/],
]
for (const [what, text, words] of wrong) {
  test(`${what} is refused`, () => {
    assert.match(problems(text).join('\n'), words)
  })
}

test('nothing secret is shown of a file that cannot be read', () => {
  const text = `- type: ldap\nid: ldap\nconfig: {bindPW: hunter2}\n`
  const file = readConnectorFile(text, { name: 'a.yaml' })
  assert.ok(file.kind === 'problems')
  const printed = printProblems(file.problems)
  assert.match(printed, /expected "id" under the first key of its item/)
  assert.doesNotMatch(printed, /hunter2/)
})

test('settings without a file are checked by the same rules, and problems name the key', () => {
  const config = {
    host: 'ldap.corp.test',
    bindPW: '$PW',
    userSearch: { BaseDN: 'dc=x', username: ['mail', 'uid'], idAttr: 'uid' },
  }
  const good = readConnectorConfig({
    id: 'l',
    type: 'ldap',
    name: 'L',
    config,
    groups: { allow: [], map: {}, prefix: 'l:' },
  })
  assert.ok(good.kind === 'ok' && good.settings.type === 'ldap')
  assert.equal(good.settings.config.bindPW?.reveal(), '$PW')
  assert.deepEqual(good.settings.config.userSearch.username, ['mail', 'uid'])
  assert.equal(good.settings.groups?.prefix, 'l:')
  assert.deepEqual(good.settings.raw, config)
  const bad = readConnectorConfig({ id: 'l', type: 'ldap', name: 'L', config: { ...config, hots: 'x', bindPW: 1 } })
  assert.ok(bad.kind === 'problems')
  assert.deepEqual(
    bad.problems.map(({ path, message }) => `${path} ${message}`),
    ['config.hots unknown key, did you mean "host"?', 'config.bindPW expected text'],
  )
})

test('a file of clients may hold one, a list or a configuration, in the words of Dex and of Pachyderm', () => {
  const texts = [
    'id: app\nname: App\nredirectURIs: ["https://app.test/cb"]\ntrustedPeers: [pom]\n',
    'id: app\nname: App\nredirect_uris: ["https://app.test/cb"]\ntrusted_peers: [pom]\n',
    '- {ID: app, name: App, redirectUris: ["https://app.test/cb"], trustedPeers: [pom]}\n',
    'issuer: x\nstaticClients: [{id: app, name: App, redirectURIs: ["https://app.test/cb"], trustedPeers: [pom]}]\n',
  ]
  for (const text of texts) {
    const file = readClientFile(text, { name: 'a.yaml' })
    assert.ok(file.kind === 'ok', text)
    const { place: _, ...client } = file.clients[0] ?? { place: undefined }
    assert.deepEqual(client, { id: 'app', name: 'App', redirectUris: ['https://app.test/cb'], trustedPeers: ['pom'] })
  }
})

test('a file of clients takes every key of staticClients but those that read the environment', () => {
  const whole = `id: app
name: App
secret: s
redirectURIs: ["https://App.test/cb"]
trustedPeers: [pom]
public: false
logoURL: https://app.test/logo.png
postLogoutRedirectURIs: [https://app.test/out]
backchannelLogoutURI: https://app.test/bye
refreshTokenLifetime: session
allowedConnectors: [ldap]
pkce: required
groups: {allow: ["dev.*"], prefix: "c-"}
`
  const written: readonly string[] = whole.match(/^\w+/gm) ?? []
  assert.deepEqual(
    Object.keys(clientShape).filter((key) => !written.includes(key)),
    ['idEnv', 'secretEnv'],
  )
  const file = readClientFile(whole, { name: 'a.yaml' })
  assert.ok(file.kind === 'ok')
  // The host as browsers write it stands beside the one of the file, as in a configuration.
  assert.deepEqual(file.clients[0]?.redirectUris, ['https://App.test/cb', 'https://app.test/cb'])
  assert.deepEqual(file.clients[0]?.rules, {
    postLogoutRedirectUris: ['https://app.test/out'],
    backchannelLogoutUri: 'https://app.test/bye',
    refreshTokenLifetime: 'session',
    allowedConnectors: ['ldap'],
    pkce: 'required',
    groups: { allow: ['dev.*'], map: {}, prefix: 'c-' },
  })
  const dex = readClientFile(whole, { name: 'a.yaml', isForDex: true })
  assert.ok(dex.kind === 'problems')
  assert.deepEqual(
    dex.problems.map(({ path, line }) => `${line} ${path}`),
    [
      '8 postLogoutRedirectURIs',
      '9 backchannelLogoutURI',
      '10 refreshTokenLifetime',
      '11 allowedConnectors',
      '12 pkce',
      '13 groups',
    ],
  )
})

test('a client that cannot be made at run time is refused by key', () => {
  const file = readClientFile('id: app\nsecret: hunter2\nsecretEnv: S\nssoSharedWith: [x]\nredirectURI: x\n', {
    name: 'a.yaml',
  })
  assert.ok(file.kind === 'problems')
  const told = file.problems.map(inBrief).join('\n')
  assert.match(told, /3:1 secretEnv "secretEnv" is not supported \[variables are put in only where a configuration/)
  assert.match(told, /4:1 ssoSharedWith "ssoSharedWith" is not supported/)
  assert.match(told, /5:1 redirectURI unknown key, did you mean "redirectURIs"\?/)
  assert.doesNotMatch(printProblems(file.problems), /hunter2/)
})

test('an address of a client that brings codes back in clear is warned of at its line (RFC 9700 §2.6)', () => {
  const file = readClientFile('id: app\nredirectURIs:\n  - http://127.0.0.1/cb\n  - http://app.test/cb\n', {
    name: 'a.yaml',
  })
  assert.ok(file.kind === 'ok')
  assert.match(file.warnings.map(inBrief).join('\n'), /^4:5 redirectURIs\[1\] codes come back in clear: [^\n]*$/)
})

test('addresses of a client that lead nowhere good are told at their line', () => {
  const file = readClientFile(
    'id: app\nredirectURIs:\n  - https://app.test/cb\n  - javascript:alert(1)\npostLogoutRedirectURIs: [out]\nbackchannelLogoutURI: ftp://app.test/\n',
    { name: 'a.yaml' },
  )
  assert.ok(file.kind === 'problems')
  assert.deepEqual(file.problems.map(inBrief), [
    '4:5 redirectURIs[1] expected an address of an application, got "javascript:alert(1)"',
    '5:26 postLogoutRedirectURIs[0] expected an absolute address such as https://app.example.com/callback, got "out"',
    '6:23 backchannelLogoutURI expected an address with https://, got "ftp://app.test/"',
  ])
})
