import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type CheckOptions, check } from '#src/cli/check.ts'
import { checkRequestHeaders } from '#src/forward/request-headers.ts'
import { HEAD } from '#test/config/loading.ts'

const folder = mkdtempSync(join(tmpdir(), 'ostiary-check-'))

async function run(text: string, options: Partial<CheckOptions> = {}) {
  writeFileSync(join(folder, 'gate.yaml'), text)
  const out: string[] = []
  const err: string[] = []
  const io = { out: (more: string) => void out.push(more), err: (more: string) => void err.push(more) }
  const code = await check({ config: ['gate.yaml'], cwd: folder, env: {}, ...options }, io)
  return { code, out: out.join(''), err: err.join('') }
}

test('a good configuration exits 0 and lists the routes in the order they are tried', async () => {
  const { code, out, err } = await run(`${HEAD}routes:
  - {from: "https://*.apps.corp.test", to: "http://apps", allow_any_authenticated_user: true}
  - {from: "https://hello.corp.test:8443", to: ["http://a,1", "http://b,2"], name: hello, path: /x, allowed_groups: [devops], allowed_users: [ada@corp.test]}
  - {from: "https://pub.corp.test", to: "http://p", regex: "/[a-z]+", policy: {allow: {or: [{accept: true}]}}}
`)
  assert.equal(err, '')
  assert.equal(code, 0)
  assert.equal(
    out,
    `3 routes, in the order they are tried:
  1  hello.corp.test:8443  /x         -> http://a (1), http://b (2)  users ada@corp.test; groups devops "hello"
  2  pub.corp.test         ~ /[a-z]+  -> http://p                    the rules of its policy
  3  *.apps.corp.test      /*         -> http://apps                 whoever is signed in
`,
  )
})

test('problems exit 1 and list no routes', async () => {
  const { code, out, err } = await run(`${HEAD}timeout_read: 30\n`)
  assert.equal(code, 1)
  assert.equal(out, '')
  assert.match(err, /^gate\.yaml:9:15: timeout_read: expected/)
  assert.match(err, /1 problem: nothing would start\n$/)
})

test('warnings exit 0, and 1 with --strict', async () => {
  const text = `${HEAD}grpc_insecure: true\n`
  const soft = await run(text)
  assert.equal(soft.code, 0)
  assert.equal(soft.out, 'no routes\n')
  assert.match(
    soft.err,
    /^gate\.yaml:9:1: grpc_insecure: warning: "grpc_insecure" is ignored: everything runs in one process\n/,
  )
  const strict = await run(text, { strict: true })
  assert.equal(strict.code, 1)
  assert.match(strict.err, /1 warning, and --strict takes them for errors\n$/)
})

test('the environment and leniency count', async () => {
  assert.equal((await run(`${HEAD}`, { env: { COOKIE_EXPIRE: 'soon' } })).code, 1)
  assert.equal((await run(`${HEAD}nonsense: 1\n`)).code, 1)
  assert.equal((await run(`${HEAD}nonsense: 1\n`, { lenient: true })).code, 0)
})

test('a password in an address of an upstream is not printed', async () => {
  const { out, err } = await run(
    `${HEAD}routes:\n  - {from: "https://a", to: "http://u:hunter2@b", allowed_users: [x]}\n`,
  )
  assert.ok(!`${out}${err}`.includes('hunter2'))
})

test('offline, what decides nothing may be on another machine, and what decides may not', async () => {
  const missing =
    `${HEAD.replace('insecure_server: true\n', 'certificate_file: /no/cert\ncertificate_key_file: /no/key\n')}routes:
  - {from: "https://a.corp.test", to: "http://a", allowed_users: [ada@corp.test]}
`
      .replace(/shared_secret: .*/, 'shared_secret_file: /no/secret')
      .replace(/idp_client_secret: .*/, `idp_client_secret: ${'$'}{NOT_SET_HERE}`)
  assert.equal((await run(missing)).code, 1)
  const { code, out, err } = await run(missing, { offline: true, strict: true })
  assert.equal(err, '')
  assert.match(out, /^1 route, /)
  assert.equal(code, 0)
  const wrong = await run(missing.replace('allowed_users: [ada@corp.test]', 'policy: {allow: {xor: []}}'), {
    offline: true,
  })
  assert.match(wrong.err, /expected and, or, not or nor/)
  assert.equal(wrong.code, 1)
  const doubtful = await run(missing.replace('allowed_users', 'prefix: /admin, allowed_users'), {
    offline: true,
    strict: true,
  })
  assert.match(doubtful.err, /the prefix also matches/)
  assert.equal(doubtful.code, 1)
})

test('a header that would need a token is refused by name and place, and its value is not shown', async () => {
  const { code, err } = await run(
    `${HEAD}routes:
  - from: https://app.corp.test
    to: http://app
    allow_any_authenticated_user: true
    set_request_headers:
      X-Name: \${pomerium.request.headers["X-Name"]}
      Authorization: Bearer \${pomerium.id_token}
`,
    { checkHeaders: checkRequestHeaders },
  )
  assert.equal(code, 1)
  const line = HEAD.split('\n').length + 6
  assert.match(
    err,
    new RegExp(`^gate\\.yaml:${line}:7: routes\\[0\\]\\.set_request_headers\\.Authorization: .*id_token`),
  )
  assert.doesNotMatch(err, /Bearer|X-Name/)
})

const dex = `issuer: https://dex.corp.test/dex
storage: {type: memory}
enablePasswordDB: true
connectors: [{type: mockCallback, id: mock, name: Mock}]
staticClients:
  - {id: notes, name: Notes, secret: notes-secret, redirectURIs: ["https://notes.corp.test/callback"]}
  - {id: cli, name: A tool, public: true}
`
const brokerText = `broker https://dex.corp.test/dex
  connectors         mock (mockCallback)
  applications       notes, cli (public)
  users of the file  0
  keeps              memory
`

test('a broker without a proxy is checked alone, and told with who signs in and which applications ask it', async () => {
  writeFileSync(join(folder, 'dex.yaml'), dex)
  const { code, out, err } = await run('', { config: [], brokerFile: 'dex.yaml' })
  assert.equal(out, brokerText)
  assert.equal(code, 0)
  assert.doesNotMatch(err, /certificate|routes/)
  writeFileSync(join(folder, 'dex.yaml'), dex.replace('issuer', 'isuer'))
  const wrong = await run('', { config: [], brokerFile: 'dex.yaml' })
  assert.equal(wrong.code, 1)
  assert.equal(wrong.out, '')
  assert.match(wrong.err, /dex\.yaml:1:1: isuer: unknown key, did you mean "issuer"\?/)
})

test('connectors whose settings do not go together are warned of, each at its place, also beside a proxy', async () => {
  const ldap = (config: string) =>
    `  - {type: ldap, id: l, name: L, config: {host: l.corp.test, userSearch: {baseDN: dc=a, username: uid, idAttr: uid}, ${config}}}`
  const cases: readonly (readonly [config: string, words: RegExp])[] = [
    ['bindDN: "cn=a"', /bindDN needs bindPW, got none/],
    ['groupSearch: {baseDN: dc=a}', /userSearch needs emailAttr or emailSuffix/],
  ]
  for (const [config, words] of cases) {
    writeFileSync(join(folder, 'dex.yaml'), dex.replace(/^connectors:.*$/m, `connectors:\n${ldap(config)}`))
    const alone = await run('', { config: [], brokerFile: 'dex.yaml' })
    assert.match(alone.err, /^dex\.yaml:5:\d+: connectors\[0\]\.config: warning: /m)
    assert.match(alone.err, words)
    assert.equal(alone.code, 0)
    assert.equal((await run('', { config: [], brokerFile: 'dex.yaml', strict: true })).code, 1)
    const gate = `${HEAD.replace(/^idp_.*\n/gm, '')}idp_provider: oidc\n`
    assert.match((await run(gate, { brokerFile: 'dex.yaml' })).err, words)
    assert.doesNotMatch((await run(gate, { brokerFile: 'dex.yaml', offline: true })).err, words)
  }
})

test('beside a proxy the broker is told after the routes', async () => {
  writeFileSync(join(folder, 'dex.yaml'), dex)
  const own = HEAD.replace(/^idp_.*\n/gm, '')
  const { out, err } = await run(`${own}idp_provider: oidc\n`, { brokerFile: 'dex.yaml' })
  assert.equal(out, `no routes\n${brokerText}`, err)
})

test('a template is called one, and a slip is not told again and again', async () => {
  const template = await run('{{- if .Values.x }}\nissuer: {{ .Values.issuer }}\n{{- end }}\n')
  assert.match(template.err, /^gate\.yaml:1:1: this is a template, not YAML yet\n/)
  assert.match(template.err, /1 problem: nothing would start\n$/)
  const torn = await run(`routes: [\n${'a: ]{{[\n'.repeat(40)}`)
  assert.match(torn.err, /[123] problems?: nothing would start\n$/)
})
