import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printProblems } from '#src/config/print-problems.ts'
import { brokerOf, brokerProblems, loadBroker } from './dex-loading.ts'

const DEX = `issuer: https://dex.corp.test/dex
storage: {type: memory}
connectors:
  - {type: mockPassword, id: kilgore, name: Kilgore, config: {username: admin, password: hunter2}}
`
const github = (more = '') => `type: github
id: github
name: GitHub
${more}config: {clientID: a, clientSecret: gh-secret, redirectURI: "https://dex.corp.test/dex/callback"}
`
const secret = `apiVersion: v1
kind: Secret
stringData:
  upstream-idps: |
    - type: github
      id: github
      name: GitHub
      jsonConfig: '{"clientID": "a", "clientSecret": "gh-$X", "redirectURI": "https://dex.corp.test/dex/callback"}'
`

const files: readonly (readonly [what: string, text: string, secret: string])[] = [
  ['one connector', github('version: 3\n'), 'gh-secret'],
  ['a list', `- ${github().trimEnd().replaceAll('\n', '\n  ')}\n`, 'gh-secret'],
  ['the Secret of Pachyderm, whose $ are text', secret, 'gh-$X'],
  ['what is mounted of that Secret', secret.split('\n').slice(4).join('\n').replaceAll(/^ {4}/gm, ''), 'gh-$X'],
  ['the Secret as the cluster keeps it', dataOf(secret), 'gh-$X'],
]
for (const [what, text, shown] of files) {
  test(`a file that a configuration names for connectors may hold ${what}, and is watched`, async () => {
    const beside = { 'upstream-idps': text }
    const read = await loadBroker(`${DEX}connectorFiles: [upstream-idps]\n`, { beside })
    assert.ok(read.kind === 'ok', read.kind === 'problems' ? printProblems(read.problems) : '')
    assert.deepEqual(
      read.settings.connectors.map(({ id, type }) => [id, type]),
      [
        ['kilgore', 'mockPassword'],
        ['github', 'github'],
      ],
    )
    const [, connector] = read.settings.connectors
    assert.ok(connector?.type === 'github')
    assert.equal(connector.config.clientSecret.reveal(), shown)
    assert.ok(read.watched.includes('/etc/dex/upstream-idps'))
  })
}

test('nobody needs a connector in the configuration itself where a file brings one', async () => {
  const text = DEX.replace(/connectors:[\s\S]*/, 'connectorFiles: [/run/secrets/idps]\n')
  const settings = await brokerOf(text, { beside: { '/run/secrets/idps': github() } })
  assert.equal(settings.connectors.length, 1)
})

test('what is wrong in such a file is told with its place there, and nothing secret is shown', async () => {
  const naming = `${DEX}connectorFiles: [idps.yaml]\n`
  const of = (text: string) => brokerProblems(naming, { beside: { 'idps.yaml': text } })
  assert.match((await of(github().replace('clientID', 'clientId2'))).join('\n'), /4:10 config\.clientId2 unknown key/)
  assert.match(
    (await of('- {type: mockPassword, id: kilgore, name: K, config: {username: a, password: b}}\n')).join(),
    /^1:\d+ \[0\]\.id another connector has this id: "kilgore"/,
  )
  assert.match((await of('[]\n')).join(), /there is no connector in it/)
  assert.match(
    (await brokerProblems(naming)).join(),
    /connectorFiles\[0\] cannot read "idps\.yaml": there is no such file/,
  )
  const read = await loadBroker(naming, { beside: { 'idps.yaml': github().replace('clientSecret', 'clientSecrt') } })
  assert.ok(read.kind === 'problems')
  const printed = printProblems(read.problems)
  assert.match(printed, /idps\.yaml:4:\d+/)
  assert.doesNotMatch(printed, /gh-secret/)
})

/** With the text in base64. */
function dataOf(text: string): string {
  const inner = text.split('\n').slice(4).join('\n').replaceAll(/^ {4}/gm, '')
  return `kind: Secret\ndata:\n  upstream-idps: ${Buffer.from(inner).toString('base64')}\n`
}
