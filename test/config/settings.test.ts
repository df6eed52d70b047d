import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HEAD, KEY, load, problemsOf, settingsOf } from './loading.ts'

test('a configuration without settings has the defaults, and keys made at random', async () => {
  const [one, two] = [await settingsOf('{}'), await settingsOf('{}')]
  assert.deepEqual(one.address, { host: '', port: 443 })
  assert.equal(one.cookie_expire, 14 * 3600 * 1000)
  assert.equal(Buffer.from(one.shared_secret.reveal(), 'base64').length, 32)
  assert.notEqual(one.shared_secret.reveal(), two.shared_secret.reveal())
  assert.notEqual(one.shared_secret.reveal(), one.cookie_secret.reveal())
})

test('settings cannot be changed', async () => {
  const settings = await settingsOf(`${HEAD}routes:\n  - {from: "https://a", to: "http://a", allowed_users: [x]}\n`)
  assert.ok(Object.isFrozen(settings))
  assert.ok(Object.isFrozen(settings.routes[0]?.to))
  assert.ok(Object.isFrozen(settings.routes[0]?.allowed_users))
})

test('entries of policy come before those of routes, and each route knows where it was written', async () => {
  const settings = await settingsOf(`${HEAD}routes:
  - {from: "https://new", to: "http://a", allowed_users: [x]}
policy:
  - from: https://old
    to: http://a
    policy:
      - allow:
          or:
            - email: x
`)
  assert.deepEqual(
    settings.routes.map(({ from, source }) => [from, source.path, source.place.line]),
    [
      ['https://old', 'policy[0]', 12],
      ['https://new', 'routes[0]', 10],
    ],
  )
  assert.deepEqual(settings.routes[0]?.source.locate(['policy', 0, 'allow', 'or', 0]), {
    origin: 'file',
    file: 'gate.yaml',
    line: 17,
    column: 15,
  })
})

test('a later file wins for each top-level key', async () => {
  const settings = await settingsOf(`${HEAD}cookie_name: _one\nlog_level: warn\n`, {
    files: ['gate.yaml', 'two.json'],
    beside: { 'two.json': '{\n\t"cookie_name": "_two"\n}' },
  })
  assert.equal(settings.cookie_name, '_two')
  assert.equal(settings.log_level, 'warn')
})

test('secrets come from files, relative to the working directory or else to the configuration', async () => {
  const settings = await settingsOf('insecure_server: true\nshared_secret_file: here\ncookie_secret_file: there\n', {
    files: ['deep/config.yaml'],
    beside: {
      'deep/config.yaml': 'shared_secret_file: here\ncookie_secret_file: there\n',
      here: `${KEY}\n`,
      'deep/there': KEY,
      'deep/here': 'not this one',
    },
  })
  assert.equal(settings.shared_secret.reveal(), KEY)
  assert.equal(settings.cookie_secret.reveal(), KEY)
})

test('every file that was read is watched, and those that are missing', async () => {
  const configuration = await load('shared_secret_file: a\ncookie_secret_file: gone\ncookie_name: "${file:b}"\n', {
    beside: { a: KEY, b: 'name' },
  })
  assert.deepEqual([...configuration.watched].sort(), ['/gate/a', '/gate/b', '/gate/gate.yaml', '/gate/gone'])
  assert.deepEqual([...configuration.fingerprints.keys()].sort(), [
    '/gate/a',
    '/gate/b',
    '/gate/gate.yaml',
    '/gate/gone',
  ])
})

test('a value and its file at once are a contradiction, unless the environment decides', async () => {
  const text = `shared_secret: ${KEY}\nshared_secret_file: a\n`
  assert.match(
    (await problemsOf(text, { beside: { a: KEY } }))[0]?.message ?? '',
    /both "shared_secret" and "shared_secret_file"/,
  )
  const other = Buffer.alloc(32, 7).toString('base64')
  const settings = await settingsOf('insecure_server: true\nshared_secret_file: a\n', { env: { SHARED_SECRET: other } })
  assert.equal(settings.shared_secret.reveal(), other)
})

test('lists, maps and numbers are read from text as well', async () => {
  const settings = await settingsOf(`insecure_server: "true"
xff_num_trusted_hops: "2"
idp_scopes: openid,email  groups
idp_request_params: '{"prompt":"login"}'
jwt_claims_headers: email groups
`)
  assert.equal(settings.insecure_server, true)
  assert.equal(settings.xff_num_trusted_hops, 2)
  assert.deepEqual(settings.idp_scopes, ['openid', 'email', 'groups'])
  assert.deepEqual(settings.idp_request_params, { prompt: 'login' })
  assert.deepEqual(settings.jwt_claims_headers, {
    'X-Pomerium-Claim-Email': 'email',
    'X-Pomerium-Claim-Groups': 'groups',
  })
})

test('text settings keep numbers as they were written; claims keep their types and names their case', async () => {
  const settings = await settingsOf(`${HEAD}cookie_name: 0123
routes:
  - from: https://a
    to: http://a
    set_request_headers: {X-Version: 1.10}
    allowed_idp_claims: {Level: [1, "1", true], realm_access: {Roles: admin}}
`)
  assert.equal(settings.cookie_name, '0123')
  assert.deepEqual(settings.routes[0]?.set_request_headers, { 'X-Version': '1.10' })
  assert.deepEqual(settings.routes[0]?.allowed_idp_claims, { Level: [1, '1', true], 'realm_access.Roles': ['admin'] })
})

test('top-level and route keys are read in any case', async () => {
  const settings = await settingsOf(
    `${HEAD}COOKIE_NAME: x\nRoutes:\n  - {From: "https://a", TO: "http://a", Allowed_Users: [x]}\n`,
  )
  assert.equal(settings.cookie_name, 'x')
  assert.deepEqual(settings.routes[0]?.allowed_users, ['x'])
})

test('anchors, aliases and merge keys work, and x- keys are for them', async () => {
  const settings = await settingsOf(`${HEAD}x-app: &app
  to: http://a
  allowed_users: &people [ada]
routes:
  - {<<: *app, from: "https://a"}
  - {<<: *app, from: "https://b", to: "http://b", allowed_domains: *people}
`)
  assert.deepEqual(
    settings.routes.map(({ to }) => to?.[0]?.url),
    ['http://a', 'http://b'],
  )
  assert.deepEqual(settings.routes[1]?.allowed_domains, ['ada'])
})

test('response headers: the defaults, HSTS only with certificates, and disable', async () => {
  const plain = await settingsOf('insecure_server: true\n')
  assert.deepEqual(plain.set_response_headers, { 'X-Frame-Options': 'SAMEORIGIN', 'X-XSS-Protection': '1; mode=block' })
  const text = 'insecure_server: true\nset_response_headers: '
  assert.deepEqual((await settingsOf(`${text}{disable: true}\n`)).set_response_headers, {})
  assert.deepEqual((await settingsOf(`${text}{X-Mine: a}\n`)).set_response_headers, { 'X-Mine': 'a' })
})
