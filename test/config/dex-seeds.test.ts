import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readConnectorConfig, readConnectorFile } from '#src/config/dex/read-connector-file.ts'
import { printProblems } from '#src/config/print-problems.ts'
import { brokerOf, brokerWarnings, inBrief, loadBroker, onlyConnector } from './dex-loading.ts'

const seed = (name: string) => readFileSync(new URL(`../vectors/seeds/${name}`, import.meta.url), 'utf8')
const values = seed('dex-helm-values.yaml')

test('the Dex values of the founding document load as they are, with a database beside them', async () => {
  const settings = await brokerOf(values)
  assert.equal(settings.issuer, 'http://dex.YOURDOMAIN.dev')
  assert.deepEqual(settings.storage, { type: 'sqlite3', file: '/etc/dex/ostiary-broker.sqlite3' })
  assert.equal(settings.adminSocket, '/etc/dex/ostiary.sock')
  assert.deepEqual([settings.web.http, settings.web.https, settings.grpc], [undefined, undefined, undefined])
  assert.equal(settings.oauth2.skipApprovalScreen, false)
  const ldap = onlyConnector(settings, 'ldap')
  assert.deepEqual([ldap.id, ldap.name, ldap.config.usernamePrompt], ['ldap', 'FreeIPA/LDAP', 'Email'])
  assert.equal(ldap.config.host, 'freeipa.YOURDOMAIN.dev:636')
  assert.equal(ldap.config.bindPW?.reveal(), 'mN****tG****')
  assert.deepEqual(ldap.config.userSearch.username, ['mail'])
  assert.equal(ldap.config.userSearch.idAttr, 'uidNumber')
  assert.equal(ldap.config.groupSearch?.userAttr, 'DN')
  assert.equal(ldap.raw['usernamePrompt'], 'Email')
  const [client, ...more] = settings.staticClients
  assert.deepEqual([client?.id, client?.name, client?.secret?.reveal(), more], ['pom', 'pom', 'pomerium', []])
  assert.deepEqual(client?.redirectURIs, [
    'https://authenticate.YOURDOMAIN.dev/oauth2/callback',
    'https://authenticate.yourdomain.dev/oauth2/callback',
  ])
})

test('it warns of the storage, the unverified directory, plain http and the keys that say nothing here', async () => {
  const warnings = await brokerWarnings(values)
  assert.deepEqual(
    warnings.map((warning) => warning.split(' ').slice(0, 2).join(' ')),
    ['2:1 storage', '8:11 connectors[0].config.insecureSkipVerify', '31:9 issuer', '32:1 logger'],
  )
  assert.match(warnings[0] ?? '', /kept in "\/etc\/dex\/ostiary-broker\.sqlite3" \[write storage:/)
  assert.match(warnings[1] ?? '', /whoever stands between can pose as the server/)
  assert.match(warnings[2] ?? '', /plain http: passwords, codes and tokens travel in clear/)
})

test('the same below `config`, as the chart of today has it, with the variables that it sets', async () => {
  const chart = `image: {tag: v2.45.1}
replicaCount: 2
envVars: [{name: LDAP_PW, value: from-the-chart}]
config:
${values
  .replace('mN****tG****', '$LDAP_PW')
  .split('\n')
  .map((line) => `  ${line}`)
  .join('\n')}`
  const settings = await brokerOf(chart)
  assert.equal(settings.issuer, 'http://dex.YOURDOMAIN.dev')
  assert.equal(onlyConnector(settings, 'ldap').config.bindPW?.reveal(), 'from-the-chart')
  const real = await brokerOf(chart, { env: { LDAP_PW: 'from-the-process' } })
  assert.equal(onlyConnector(real, 'ldap').config.bindPW?.reveal(), 'from-the-process')
  const read = await loadBroker(chart.replace('replicaCount', 'replicaCuont'))
  assert.ok(read.kind === 'problems')
  assert.match(read.problems.map(inBrief).join('\n'), /the chart has no such value, did you mean "replicaCount"/)
})

/** The keys after the list as the document has them: six blanks further in. */
const asPublished = values
  .split('\n')
  .map((line, index) => (index >= 30 && line !== '' ? `      ${line}` : line))
  .join('\n')

test('the document as it was published is refused with the line, and shown as it has to be', async () => {
  const read = await loadBroker(asPublished)
  assert.ok(read.kind === 'problems')
  assert.equal(
    printProblems(read.problems),
    `/etc/dex/dex.yaml:31:7: expected "issuer" as far to the left as "connectors", got it inside of that list
  31 |       issuer: http://dex.YOURDOMAIN.dev
     |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  hint: take 6 blanks away from lines 31 to 46, so that they read:
            type: ldap
    issuer: http://dex.YOURDOMAIN.dev
    logger:
      level: debug
    oauth2:
      responseTypes:
      - code
      skipApprovalScreen: false
    …
`,
  )
})

test('the way out leads out: what the hint says makes the document load', async () => {
  const mended = asPublished
    .split('\n')
    .map((line, index) => (index >= 30 && index <= 45 ? line.slice(6) : line))
    .join('\n')
  assert.equal((await brokerOf(mended)).staticClients[0]?.id, 'pom')
})

test("Auth0's connector loads as JSON, with its version", () => {
  const read = readConnectorFile(seed('oidc-dex-connector.json'), { name: 'oidc-dex-connector.json' })
  assert.ok(read.kind === 'ok')
  const [connector, ...more] = read.connectors
  assert.deepEqual(more, [])
  assert.deepEqual([connector?.id, connector?.type, connector?.name, connector?.version], ['auth0', 'oidc', 'Auth0', 1])
  assert.equal(connector?.config?.['issuer'], 'https://dev-k34x5yjn.us.auth0.com/')
  const { settings } = connector ?? {}
  assert.ok(settings?.type === 'oidc')
  assert.deepEqual(settings.config.forwardedLoginParams, ['login_hint'])
  assert.equal(settings.config.insecureSkipIssuerCallbackDomainCheck, false)
  assert.deepEqual(
    read.warnings.map(({ line, path }) => [line, path]),
    [
      [11, 'config.insecureEnableGroups'],
      [12, 'config.insecureSkipEmailVerified'],
    ],
  )
})

test("Auth0's connector as YAML is refused for its comma, and the line is shown as it was meant", () => {
  const text = seed('oidc-dex-connector.yaml')
  const read = readConnectorFile(text, { name: 'oidc-dex-connector.yaml' })
  assert.ok(read.kind === 'problems')
  assert.deepEqual(read.problems.map(inBrief), [
    '12:46 config.insecureSkipIssuerCallbackDomainCheck expected true or false, got "false," [YAML has no commas at the ends of lines; write insecureSkipIssuerCallbackDomainCheck: false]',
  ])
  const mended = readConnectorFile(text.replace('false,', 'false'), { name: 'oidc-dex-connector.yaml' })
  assert.equal(mended.kind, 'ok')
})

test('the Secret as it was published is refused with both slips, its lines mended, and nothing secret shown', () => {
  const text = seed('upstream-idps-secret.yaml').replace('"clientSecret": "xxx"', '"clientSecret": "hunter2"')
  const read = readConnectorFile(text, { name: 'secret.yaml' })
  assert.ok(read.kind === 'problems')
  const printed = printProblems(read.problems)
  assert.match(printed, /secret\.yaml:2:1: upstream-idps: expected "upstream-idps" inside of "stringData"/)
  assert.match(printed, /stringData:\n {6}upstream-idps: \|/)
  assert.match(printed, /secret\.yaml:4:5: expected "id" under the first key of its item, got it under the dash/)
  assert.match(printed, /lines 4 to 12, so that they read:\n {8}- type: github\n {10}id: github\n {10}name: GitHub/)
  assert.doesNotMatch(printed, /hunter2/)
})

test('the Secret as it was meant loads, with JSON inside of a text inside of the file', () => {
  const lines = seed('upstream-idps-secret.yaml').split('\n')
  const meant = lines.map((line, index) =>
    index === 0 ? line : index >= 3 && line !== '' ? `    ${line}` : `  ${line}`,
  )
  const read = readConnectorFile(meant.join('\n'), { name: 'secret.yaml' })
  assert.ok(read.kind === 'ok', JSON.stringify(read))
  assert.deepEqual(
    read.connectors.map(({ id, type, place }) => [id, type, place.line]),
    [['github', 'github', 3]],
  )
  assert.equal(read.connectors[0]?.config?.['loadAllGroups'], true)
  const wrong = readConnectorFile(meant.join('\n').replace('"loadAllGroups": true', '"loadAllGroups": 1'), {
    name: 'secret.yaml',
  })
  assert.ok(wrong.kind === 'problems')
  assert.match(
    wrong.problems.map(inBrief).join('\n'),
    /^11:\d+ stringData\.upstream-idps\[0\]\.config\.loadAllGroups expected true or false, got 1/,
  )
})

test('every connector that a real Dex was asked with is read', () => {
  const connectors: Record<string, { config: Record<string, never> }> = JSON.parse(
    readFileSync(new URL('../vectors/dex/connectors.json', import.meta.url), 'utf8'),
  )
  assert.ok(Object.keys(connectors).length >= 10)
  const refused = Object.entries(connectors).flatMap(([id, { config }]) => {
    const read = readConnectorConfig({ id, type: 'ldap', name: id, config })
    return read.kind === 'ok' ? [] : read.problems.map((problem) => `${id}: ${inBrief(problem)}`)
  })
  assert.deepEqual(refused, [])
})
