import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { printProblems } from '#src/config/print-problems.ts'
import { readConfiguration } from '#src/config/read-configuration.ts'
import { Secret } from '#src/crypto/secret.ts'
import { brief, HEAD, KEY, load, problemsOf } from '#test/config/loading.ts'

test('an alias bomb is refused and not followed', async () => {
  const levels = Array.from(
    { length: 20 },
    (_, level) => `a${level + 1}: &a${level + 1} [${Array(10).fill(`*a${level}`).join(', ')}]`,
  )
  const problems = await problemsOf(`a0: &a0 [x]\n${levels.join('\n')}\n`)
  assert.match(brief(problems).join(), /grows too large when its aliases are followed/)
})

test('an alias inside of its own anchor is refused', async () => {
  assert.match(brief(await problemsOf('routes: &r\n  - *r\n')).join(), /nested deeper than/)
})

test('a document nested without end is refused', async () => {
  for (const text of [
    '['.repeat(200_000),
    '{a: '.repeat(50_000),
    `${'['.repeat(500)}${']'.repeat(500)}`,
    `x: ${'{a: '.repeat(300)}1${'}'.repeat(300)}`,
  ]) {
    assert.ok((await problemsOf(text)).length > 0)
  }
})

test('a file without end is read to the limit only', async () => {
  const configuration = await readConfiguration({ files: ['/dev/zero'], env: {} })
  assert.match(configuration.kind === 'problems' ? brief(configuration.problems).join() : '', /larger than 32 MiB/)
})

test('a file that is no text is refused', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'ostiary-config-')), 'gate.yaml')
  writeFileSync(file, Buffer.from([0x61, 0x3a, 0xff, 0xfe]))
  const configuration = await readConfiguration({ files: [file], env: {} })
  assert.match(configuration.kind === 'problems' ? brief(configuration.problems).join() : '', /not UTF-8/)
})

test('names of the prototype are refused or are names like any other, and change no object', async () => {
  assert.match(brief(await problemsOf('__proto__: {polluted: true}\n')).join(), /a key that no configuration can have/)
  assert.match(
    brief(
      await problemsOf('{"__proto__": {"polluted": true}}', {
        files: ['g.json'],
        beside: { 'g.json': '{"__proto__": {"polluted": true}}' },
      }),
    ).join(),
    /no configuration can have/,
  )
  assert.match(brief(await problemsOf('constructor: 1\ntoString: 2\n')).join(), /constructor unknown key/)
  const inVariable = await problemsOf('{}', { env: { IDP_REQUEST_PARAMS: '{"__proto__": {"polluted": true}}' } })
  assert.match(brief(inVariable).join(), /expected a map/)
  const settings = await load(
    `${HEAD}routes:\n  - {from: "https://a", to: "http://a", allowed_idp_claims: {constructor: [x], hasOwnProperty: [y]}}\n`,
  )
  assert.ok(settings.kind === 'ok')
  assert.deepEqual(Object.keys(settings.settings.routes[0]?.allowed_idp_claims ?? {}), [
    'constructor',
    'hasOwnProperty',
  ])
  assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false)
})

test('a configuration of 10,000 lines of nothing known is answered in one go', async () => {
  const text = Array.from({ length: 10_000 }, (_, index) => `key_${index}: ${index}`).join('\n')
  assert.equal((await problemsOf(text)).length, 10_000)
})

const canary = 'Hunter2HunterHunter2Hunter'

/** Ways in which a secret stands in a configuration that is refused. */
const leaks: [string, string, Parameters<typeof load>[1]][] = [
  ['a secret that is no key', `shared_secret: ${canary}`, {}],
  ['a secret that is a list', `cookie_secret: [${canary}]`, {}],
  ['a misspelt secret', `shared_secrt: ${canary}`, {}],
  [
    'a secret beside a mistake, on one line',
    `{"idp_client_secret": "${canary}", "timeout_read": 30, "shared_secret": "${canary}"}`,
    {},
  ],
  ['a secret before a syntax error', `idp_client_secret: ${canary}\n  x: [`, {}],
  ['a secret in a broken quote', `idp_client_secret: "${canary}\nfoo: bar`, {}],
  [
    'a secret over several lines',
    `signing_key: |\n  -----BEGIN PRIVATE KEY-----\n  ${canary}\n  -----END PRIVATE KEY-----\n`,
    {},
  ],
  ['a secret in a folded text with an error inside', `signing_key: >\n  ${canary}\n bad: [`, {}],
  ['a secret from a variable, in a setting that is shown', 'timeout_read: ${V}', { env: { V: canary } }],
  ['a secret from a file, in a setting that is shown', 'address: ${file:v}', { beside: { v: canary } }],
  ['a secret of the environment', '{}', { env: { SHARED_SECRET: canary, SIGNING_KEY: `a\nb\n${canary}` } }],
  [
    'a secret file with the wrong content',
    'shared_secret_file: v\nsigning_key_file: v\ncertificate_file: v\ncertificate_key_file: v',
    { beside: { v: canary } },
  ],
  [
    'a request header',
    `routes: [{from: "https://a", too: x, set_request_headers: {Authorization: "Basic ${canary}", "X Y": "${canary}"}}]`,
    {},
  ],
  [
    'a password in an address',
    `idp_provider_url: https://u:${canary}@idp.test\nroutes: [{from: "https://a", to: "https://u:${canary}@a"}]`,
    {},
  ],
  ['the same key twice', `shared_secret: ${canary}\nshared_secret: ${canary}`, {}],
  ['the same key in two cases', `shared_secret: ${canary}\nSHARED_SECRET: ${canary}`, {}],
  [
    'values of the chart',
    `config: {rootDomain: a, sharedSecret: ${canary}, rootDomian: b}\nauthenticate: {idp: {clientSecret: ${canary}, clientSecrett: ${canary}}}`,
    {},
  ],
  [
    'routes as text in the chart',
    `config:\n  routes: |\n    - from: https://a\n      set_request_headers: {Authorization: ${canary}, "X Y": ${canary}}\n`,
    {},
  ],
  ['a variable of the chart', `config: {rootDomain: a}\nextraEnv: {SHARED_SECRET: ${canary}, COOKIE_SECRET: [x]}`, {}],
  [
    'a database address',
    `databroker_storage_type: postgres\ndatabroker_storage_connection_string: postgres://u:${canary}@db/x`,
    {},
  ],
  [
    'routes in a variable',
    '{}',
    {
      env: {
        ROUTES: Buffer.from(`- {from: "https://a", too: 1, set_request_headers: {A: ${canary}}}`).toString('base64'),
      },
    },
  ],
]

for (const [what, text, options] of leaks) {
  test(`no problem shows ${what}`, async () => {
    const configuration = await load(text, options)
    const problems = configuration.kind === 'problems' ? configuration.problems : []
    assert.ok(problems.length > 0, 'it was accepted')
    const everything = `${printProblems([...problems, ...configuration.warnings])}${JSON.stringify(configuration)}`
    assert.ok(!everything.includes('Hunter2'), everything)
  })
}

test('control characters of a file do not reach the terminal', async () => {
  const problems = await problemsOf('"\\e[31mkey": 1\ntimeout_read: "\\a\\e]0;x"\nx\u001b[2J: 1\n')
  assert.doesNotMatch(printProblems(problems), /[\u0000-\u0009\u000b-\u001f\u007f]/)
})

test('a secret is not printed by any of the ways in which values are printed', () => {
  const secret = new Secret(canary)
  for (const text of [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true, depth: 9 }),
    secret.toString(),
  ]) {
    assert.ok(!text.includes('Hunter'), text)
  }
  assert.equal(secret.reveal(), canary)
})

test('random keys are never equal to a key that could be known', async () => {
  const configuration = await load('insecure_server: true')
  assert.ok(configuration.kind === 'ok')
  assert.notEqual(configuration.settings.shared_secret.reveal(), KEY)
  assert.notEqual(configuration.settings.shared_secret.reveal(), configuration.settings.cookie_secret.reveal())
})
