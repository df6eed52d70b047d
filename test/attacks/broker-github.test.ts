import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { startFakeGithub } from '#test/actors/fake-github.ts'
import { allScopes, openAt, signIn } from '#test/broker/connectors/github-cases.ts'

const invalid = { code: 'CONNECTOR_ANSWER_INVALID' }

/** A server that notes what it is sent. */
async function startThief() {
  const got: (string | undefined)[] = []
  const server = createServer((request, response) => {
    got.push(request.headers.authorization)
    response.writeHead(200, { 'content-type': 'application/json' }).end('[]')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    got,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

test('a next page or a redirect that leads elsewhere never gets the user’s token', async () => {
  await using thief = await startThief()
  await using github = await startFakeGithub()
  const connector = await openAt(github, { config: { loadAllGroups: true } })
  const { host } = new URL(thief.url)
  for (const target of [
    `${thief.url}/user/teams?page=2`,
    `//${host}/user/teams`,
    `http://x:y@${github.host}/api/v3/user/teams?page=2`,
    `http://${github.host}@${host}/api/v3/user/teams`,
    `https://${github.host}/api/v3/user/teams?page=2`,
    `${github.web}/login/oauth/authorize`,
    `${github.api}/../../evil`,
    '/user/teams?page=2',
    'javascript:alert(1)',
    '',
  ]) {
    github.lie = (path, query) =>
      path === '/user/teams' && !query.has('page')
        ? { headers: { link: `<${target}>; rel="next"` }, body: [] }
        : undefined
    await assert.rejects(signIn(connector, github), invalid, target)
  }
  for (const path of ['/user', '/user/teams', '/user/emails'])
    for (const status of [301, 302, 307, 308]) {
      github.lie = (asked) => (asked === path ? { status, headers: { location: `${thief.url}/user` } } : undefined)
      await assert.rejects(signIn(connector, github), invalid, `${status} ${path}`)
    }
  assert.deepEqual(thief.got, [])
  await connector.close()
})

test('a membership that another origin vouches for is none', async () => {
  await using thief = await startThief()
  await using github = await startFakeGithub()
  const connector = await openAt(github, { config: { orgs: [{ name: 'acme' }] } })
  for (const reply of [
    { status: 302, headers: { location: `${thief.url}/` } },
    { status: 200, body: {} },
    { status: 201, body: {} },
    { status: 304 },
  ]) {
    github.lie = (path) => (path.startsWith('/orgs/') ? reply : undefined)
    await assert.rejects(signIn(connector, github), { code: /^(?:CONNECTOR_ANSWER_INVALID|ACCOUNT_NOT_ALLOWED)$/ })
  }
  assert.deepEqual(thief.got, [])
  await connector.close()
})

test('pages without end, and pages that point at themselves, are not followed for ever', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github, { config: { loadAllGroups: true } })
  let pages = 0
  github.lie = (path) =>
    path === '/user/orgs'
      ? { headers: { link: `<${github.api}/user/orgs?page=${++pages}>; rel="next"` }, body: [] }
      : undefined
  await assert.rejects(signIn(connector, github), invalid)
  assert.equal(pages, 50)
  const self = `${github.api}/user/orgs?per_page=100`
  github.lie = (path) => (path === '/user/orgs' ? { headers: { link: `<${self}>; rel=next` }, body: [] } : undefined)
  await assert.rejects(signIn(connector, github), { ...invalid, message: /same page/ })
  await connector.close()
})

test('answers that are huge, deep, of another shape or no JSON sign in nobody', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github, { config: { loadAllGroups: true } })
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  for (const [path, body] of [
    ['/user', 'x'.repeat(3_000_000)],
    ['/user', JSON.stringify({ id: 1, login: 'x'.repeat(2_500_000) })],
    ['/user', deep],
    ['/user', '[]'],
    ['/user', '<html>'],
    ['/user', '{"id":"583231","login":"octocat"}'],
    ['/user', '{"id":1.5,"login":"octocat"}'],
    ['/user', '{"id":-1,"login":"octocat"}'],
    ['/user', '{"id":0,"login":"octocat"}'],
    ['/user', '{"id":1,"login":""}'],
    ['/user', '{"id":1,"login":{"toString":"x"}}'],
    ['/user/emails', '{}'],
    ['/user/emails', '[{"email":"a@corp.test","primary":"true","verified":"true"}]'],
    ['/user/teams', `[${'{"name":"a","slug":"a","organization":{"login":"a"}},'.repeat(2000).slice(0, -1)}]`],
    ['/user/orgs', '[{"login":null}]'],
  ] as const) {
    github.lie = (asked) => (asked === path ? { body } : undefined)
    await assert.rejects(signIn(connector, github), invalid, `${path} ${body.slice(0, 60)}`)
  }
  await connector.close()
})

test('an address counts only when it is verified, and its domain only to the last letter', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github, { config: { preferredEmailDomain: 'corp.test' } })
  const home = { email: 'eve@home.test', primary: true, verified: true }
  for (const email of [
    'ceo@corp.test.evil.test',
    'ceo@xcorp.test',
    'ceo@corp.test@evil.test',
    'ceo@corp.test ',
    'ceo@corp.test.',
  ]) {
    github.user.emails = [{ email, primary: false, verified: true }, home]
    assert.equal((await signIn(connector, github)).email, 'eve@home.test', email)
  }
  github.user.email = 'ceo@corp.test'
  github.user.emails = [{ email: 'ceo@corp.test', primary: false, verified: false }, home]
  assert.equal((await signIn(connector, github)).email, 'eve@home.test')
  github.user.emails = [{ email: 'ceo@corp.test', primary: true, verified: false }]
  await assert.rejects(signIn(connector, github), { code: 'ACCOUNT_EMAIL_UNVERIFIED' })
  await connector.close()
})

test('an answer of another sign-in, another issuer, twice the same parameter, or a posted one is refused unredeemed', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github)
  const changes: readonly ((answer: URLSearchParams) => void)[] = [
    (answer) => answer.set('state', 'state-2'),
    (answer) => answer.delete('state'),
    (answer) => answer.append('state', 'state-1'),
    (answer) => answer.append('code', 'x'),
    (answer) => answer.delete('code'),
    (answer) => answer.set('code', ''),
    (answer) => answer.set('code', 'a\r\nb'),
    (answer) => answer.set('code', 'x'.repeat(5000)),
    (answer) => answer.set('iss', 'https://evil.test'),
    (answer) => answer.set('iss', 'none'),
  ]
  for (const change of changes) {
    const alter = (answer: URLSearchParams) => {
      change(answer)
      return answer
    }
    await assert.rejects(signIn(connector, github, { alter }), invalid, change.toString())
  }
  const options = { scopes: allScopes, signal: new AbortController().signal }
  const { send, secrets } = await connector.start({ ...options, state: 's', parameters: new URLSearchParams() })
  const answer = github.agree(send.by === 'redirect' ? send.url : '')
  await assert.rejects(connector.finish({ ...options, answer, by: 'POST', state: 's', secrets }), invalid)
  for (const lost of ['', '{}', 'null', '{"verifier":1}'])
    await assert.rejects(connector.finish({ ...options, answer, by: 'GET', state: 's', secrets: lost }), invalid)
  assert.deepEqual(github.forms, [])
  await connector.close()
})

test('an error in the answer is believed only with the state, and its text is made harmless for the log', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github)
  const refused = (error: string, state = 'state-1') =>
    signIn(connector, github, {
      alter: () => new URLSearchParams({ error, error_description: 'a\nb\u202e'.repeat(300), state }),
    })
  await assert.rejects(refused('access_denied'), (error: Error & { code: string }) => {
    assert.equal(error.code, 'CONNECTOR_REFUSED')
    assert.match(error.message, /^[\x20-\x7e]{1,200}$/)
    return true
  })
  await assert.rejects(refused('redirect_uri_mismatch'), { code: 'CONNECTOR_MISCONFIGURED' })
  await assert.rejects(refused('temporarily_unavailable'), { code: 'CONNECTOR_UNREACHABLE' })
  await assert.rejects(refused('access_denied', 'other'), invalid)
  await connector.close()
})

test('neither the client’s secret nor a token shows in what is thrown', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github, { config: { loadAllGroups: true } })
  const identity = await signIn(connector, github)
  const { accessToken } = JSON.parse(identity.connectorData ?? '') as { accessToken: string }
  const told: string[] = []
  for (const status of [401, 403, 404, 418, 500]) {
    github.lie = (path) => (path === '/user' ? { status, body: { message: accessToken } } : undefined)
    await connector.refresh?.(identity, { scopes: allScopes, signal: new AbortController().signal }).catch((error) => {
      told.push(`${error.stack} ${JSON.stringify(error)}`)
    })
  }
  assert.equal(told.length, 5)
  assert.ok(!told.join().includes(accessToken))
  await connector.close()
})
