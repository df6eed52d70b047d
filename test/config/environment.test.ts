import assert from 'node:assert/strict'
import { test } from 'node:test'
import { variableOf } from '#src/config/environment.ts'
import { printProblems } from '#src/config/print-problems.ts'
import { settingsSchema } from '#src/config/schema.ts'
import { brief, HEAD, KEY, load, problemsOf, settingsOf } from './loading.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

test('a variable beats the file, and an empty one does not', async () => {
  const settings = await settingsOf('insecure_server: true\ncookie_name: file\nlog_level: warn\n', {
    env: { COOKIE_NAME: 'env', LOG_LEVEL: '' },
  })
  assert.equal(settings.cookie_name, 'env')
  assert.equal(settings.log_level, 'warn')
})

test('everything can come from the environment, without any file', async () => {
  const settings = await settingsOf('', {
    files: [],
    env: {
      INSECURE_SERVER: 'true',
      COOKIE_EXPIRE: '1h',
      IDP_SCOPES: 'openid,email',
      SHARED_SECRET: KEY,
      XFF_NUM_TRUSTED_HOPS: '1',
    },
  })
  assert.equal(settings.cookie_expire, 3600_000)
  assert.deepEqual(settings.idp_scopes, ['openid', 'email'])
  assert.equal(settings.xff_num_trusted_hops, 1)
})

test('every setting has a variable of its own', () => {
  const names = Object.keys(settingsSchema.shape).map(variableOf)
  assert.equal(new Set(names).size, names.length)
  assert.equal(variableOf('set_response_headers'), 'HEADERS')
  assert.equal(variableOf('idp_client_secret'), 'IDP_CLIENT_SECRET')
})

test('ROUTES and POLICY are base64 of YAML or JSON, and take the place of the file', async () => {
  const one = base64('- {from: "https://a", to: "http://a", allowed_users: [x]}')
  const two = base64(JSON.stringify([{ from: 'https://b', to: 'http://b', allowed_users: ['x'] }]))
  const settings = await settingsOf(`${HEAD}routes:\n  - {from: "https://c", to: "http://c", allowed_users: [x]}\n`, {
    env: { ROUTES: one, POLICY: two },
  })
  assert.deepEqual(
    settings.routes.map(({ from }) => from),
    ['https://b', 'https://a'],
  )
})

test('a problem in a variable names it, with the position inside of what it holds', async () => {
  const env = { COOKIE_EXPIRE: 'soon', ROUTES: base64('- from: https://a\n  too: http://a\n') }
  const problems = await problemsOf('insecure_server: true\n', { env })
  assert.equal(
    printProblems(problems),
    `environment COOKIE_EXPIRE: cookie_expire: expected a duration such as 30s, got "soon"
environment ROUTES:1:3: routes[0].to: "to" is missing
  1 | - from: https://a
    |   ^^^^^^^^^^^^^^^
  hint: say where requests go: to: http://app:8080
environment ROUTES:2:3: routes[0].too: unknown key, did you mean "to"?
  2 |   too: ********
    |   ^^^
`,
  )
})

test('ROUTES that is no base64 is a problem', async () => {
  assert.match(brief(await problemsOf('{}', { env: { ROUTES: '- from: x' } })).join(), /base64/)
})

test('HEADERS is JSON or NAME:VALUE pairs, and wins over the file', async () => {
  const text = 'insecure_server: true\nset_response_headers: {X-F: f}\n'
  assert.deepEqual((await settingsOf(text, { env: { HEADERS: 'X-E:e,X-G:g:h' } })).set_response_headers, {
    'X-E': 'e',
    'X-G': 'g:h',
  })
  assert.deepEqual((await settingsOf(text, { env: { HEADERS: '{"X-J":"j"}' } })).set_response_headers, { 'X-J': 'j' })
})

test('a variable for something unsupported is refused by name, also the nested ones', async () => {
  const problems = await problemsOf('insecure_server: true\n', {
    env: { AUTOCERT: 'true', DOWNSTREAM_MTLS_CA: 'eA==' },
  })
  assert.deepEqual(
    problems.map(({ message, file }) => [file, message]),
    [
      ['AUTOCERT', '"autocert" is not supported yet'],
      ['DOWNSTREAM_MTLS_CA', '"downstream_mtls" is not supported yet'],
    ],
  )
})

test('variables that every program may meet do not stop us', async () => {
  const configuration = await load('insecure_server: true\n', {
    env: { DEBUG: '*', OTEL_TRACES_EXPORTER: 'otlp', PATH: '/bin', HOME: '/', SERVICE: 'x' },
  })
  assert.equal(configuration.kind, 'ok')
  assert.deepEqual(
    configuration.warnings.map(({ file }) => file),
    ['OTEL_TRACES_EXPORTER'],
  )
})

test('HEADERS in the short form: a part without a colon is refused, since a value was cut at its comma', async () => {
  const good = await settingsOf('insecure_server: true\n', { env: { HEADERS: 'X-A:b:c, X-D: e f' } })
  assert.deepEqual(good.set_response_headers, { 'X-A': 'b:c', 'X-D': 'e f' })
  const [problem, ...more] = await problemsOf('insecure_server: true\n', {
    env: { HEADERS: 'Cache-Control:private, no-store' },
  })
  assert.match(problem?.message ?? '', /^expected NAME:VALUE,NAME:VALUE, .* got a part without a colon$/)
  assert.equal(problem?.file, 'HEADERS')
  assert.deepEqual(more, [])
})
