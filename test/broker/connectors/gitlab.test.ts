import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RedirectConnector, UpstreamIdentity } from '#src/broker/connectors/connector.ts'
import { openGitlabConnector } from '#src/broker/connectors/gitlab.ts'
import { gitlabSettings } from '#src/config/dex/connectors/gitlab.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { makeCertificate } from '#test/actors/certificate.ts'
import { startDex } from '#test/actors/dex.ts'
import { type FakeGitlab, type FakeGitlabUser, gitlabClient, startFakeGitlab } from '#test/actors/fake-gitlab.ts'
import { freePort, skipWithout, temporaryFolder } from '#test/actors/program.ts'
import { Verdicts } from '#test/conformance/verdicts.ts'
import { readVectors } from '#test/vectors/read-vectors.ts'
import { askDex } from './ask-dex.ts'

interface GitlabCase {
  readonly id: string
  readonly config: Readonly<Record<string, unknown>>
  readonly user: Partial<FakeGitlabUser>
  readonly dex: 'refused' | Readonly<Record<string, unknown>>
}

const cases = readVectors<GitlabCase>('dex/gitlab.jsonl')
const callbackUrl = 'http://127.0.0.1:5556/dex/callback'
const ease = { scopes: { groups: true, offlineAccess: true }, signal: new AbortController().signal }

async function openAt(
  gitlab: FakeGitlab,
  { config = {}, now = Date.now }: { config?: Readonly<Record<string, unknown>>; now?: () => number } = {},
): Promise<RedirectConnector> {
  const { id: clientID, secret: clientSecret } = gitlabClient
  const settings = { baseURL: `${gitlab.url}/`, clientID, clientSecret, redirectURI: callbackUrl, ...config }
  const tools = { id: 'gitlab', callbackUrl, readFile: async () => '', now, warn: () => {} }
  return openGitlabConnector(gitlabSettings.parse(settings), tools)
}

async function signIn(
  connector: RedirectConnector,
  gitlab: FakeGitlab,
  scopes = ease.scopes,
): Promise<UpstreamIdentity> {
  const options = { ...ease, scopes, state: 's' }
  const { send, secrets } = await connector.start({ ...options, parameters: new URLSearchParams() })
  const answer = gitlab.agree(send.by === 'redirect' ? send.url : '')
  return connector.finish({ ...options, answer, by: 'GET', secrets })
}

test('gitlab makes the same of everybody as a real Dex, except where the list says so', async (context: TestContext) => {
  await using gitlab = await startFakeGitlab()
  const honest = gitlab.user
  const verdicts = new Verdicts(['dex-connectors'])
  for (const { id, config, user, dex } of cases) {
    gitlab.user = { ...honest, ...user }
    const connector = await openAt(gitlab, { config })
    const seen = await signIn(connector, gitlab).then(
      ({ userId, name, preferredUsername, email, emailVerified, groups }) => ({
        user_id: userId,
        name,
        preferred_username: preferredUsername,
        email,
        email_verified: emailVerified,
        ...(groups.length > 0 && { groups }),
      }),
      (error: unknown) => {
        assert.ok(error instanceof ProxyError && error.code.startsWith('ACCOUNT_'), String(error))
        return 'refused'
      },
    )
    verdicts.compare(`gitlab/${id}`, { about: JSON.stringify(config), seen, expected: dex })
    await connector.close()
  }
  verdicts.end(context, { prefix: 'gitlab/', atLeast: 10 })
})

test('the answers kept of Dex for gitlab are what Dex answers', { skip: skipWithout('dex') }, async () => {
  await using gitlab = await startFakeGitlab()
  const honest = gitlab.user
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}/dex`
  const redirectURI = 'http://127.0.0.1:1/cb'
  const shared = { clientID: gitlabClient.id, clientSecret: gitlabClient.secret, redirectURI: `${issuer}/callback` }
  await using _dex = await startDex({
    port,
    configuration: {
      issuer,
      oauth2: { skipApprovalScreen: true },
      staticClients: [{ id: 'pom', name: 'pom', secret: 'pomerium', redirectURIs: [redirectURI] }],
      connectors: cases.map(({ id, config }) => ({
        type: 'gitlab',
        id,
        name: id,
        config: { baseURL: gitlab.url, ...shared, ...config },
      })),
    },
  })
  for (const { id, user, dex } of cases) {
    gitlab.user = { ...honest, ...user }
    assert.deepEqual(await askDex({ issuer, redirectURI, id, agree: gitlab.agree }), dex, id)
  }
})

test('without groups asked for, GitLab is asked for the user only', async () => {
  await using gitlab = await startFakeGitlab()
  gitlab.user.groups = ['acme']
  const connector = await openAt(gitlab)
  const identity = await signIn(connector, gitlab, { groups: false, offlineAccess: false })
  assert.deepEqual([identity.groups, identity.connectorData], [[], undefined])
  assert.deepEqual(gitlab.asked, ['POST /oauth/token', 'GET /api/v4/user'])
  await connector.close()
})

test('an authority of one’s own is trusted where it is given, and nowhere else', async () => {
  using folder = temporaryFolder('gitlab')
  const tls = await makeCertificate(folder.path, ['127.0.0.1'])
  await using gitlab = await startFakeGitlab({ tls })
  const connector = await openAt(gitlab, { config: { rootCAData: Buffer.from(tls.ca).toString('base64') } })
  await connector.check(ease.signal)
  assert.ok(await signIn(connector, gitlab))
  await connector.close()
  const stranger = await openAt(gitlab)
  await assert.rejects(stranger.check(ease.signal), { code: 'CONNECTOR_UNREACHABLE' })
  await stranger.close()
  const noCertificate = { rootCAData: Buffer.from('no certificate').toString('base64') }
  await assert.rejects(openAt(gitlab, { config: noCertificate }), { code: 'CONNECTOR_MISCONFIGURED' })
})

test('a refresh renews the token when it has run out, and sees what has changed', async () => {
  await using gitlab = await startFakeGitlab()
  gitlab.user.groups = ['acme', 'lab']
  let hours = 0
  const connector = await openAt(gitlab, {
    config: { groups: ['acme'] },
    now: () => Date.now() + hours * 3_600_000,
  })
  const identity = await signIn(connector, gitlab)
  assert.deepEqual(identity.groups, ['acme'])
  assert.equal((await connector.refresh?.(identity, ease))?.connectorData, identity.connectorData)
  hours = 2
  const renewed = await connector.refresh?.(identity, ease)
  assert.ok(renewed && renewed.connectorData !== identity.connectorData)
  gitlab.user.groups = ['lab']
  await assert.rejects(async () => connector.refresh?.(renewed, ease), { code: 'ACCOUNT_NOT_ALLOWED' })
  gitlab.user.groups = ['acme']
  gitlab.user.state = 'blocked'
  await assert.rejects(async () => connector.refresh?.(renewed, ease), { code: 'ACCOUNT_DISABLED' })
  gitlab.user.state = 'active'
  gitlab.user.id = 43
  await assert.rejects(async () => connector.refresh?.(renewed, ease), { code: 'ACCOUNT_GONE' })
  gitlab.revokeAll()
  await assert.rejects(async () => connector.refresh?.(renewed, ease), { code: 'ACCOUNT_GONE' })
  hours = 4
  await assert.rejects(async () => connector.refresh?.(renewed, ease), { code: 'ACCOUNT_GONE' })
  await connector.close()
})

test('check and diagnosis tell a wrong secret from a service that does not answer', async () => {
  const gitlab = await startFakeGitlab()
  const wrong = await openAt(gitlab, { config: { clientSecret: 'wrong' } })
  await assert.rejects(wrong.check(ease.signal), { code: 'CONNECTOR_MISCONFIGURED', message: /invalid_client/ })
  await wrong.close()
  const connector = await openAt(gitlab)
  await connector.check(ease.signal)
  const walk = async () => {
    const steps = []
    for await (const { name, outcome } of connector.diagnose({ user: undefined, signal: ease.signal }))
      steps.push(`${name} ${outcome}`)
    return steps
  }
  assert.deepEqual(await walk(), [
    'callback address ok',
    'name resolution ok',
    'TLS doubtful',
    'token endpoint ok',
    'authorization address ok',
    'user skipped',
  ])
  await gitlab[Symbol.asyncDispose]()
  await assert.rejects(connector.check(ease.signal), { code: 'CONNECTOR_UNREACHABLE' })
  assert.deepEqual(await walk(), ['callback address ok', 'name resolution ok', 'TLS doubtful', 'token endpoint failed'])
  await connector.close()
})

test('answers that GitLab would not give sign in nobody', async () => {
  await using gitlab = await startFakeGitlab()
  const connector = await openAt(gitlab)
  for (const [path, reply, code] of [
    ['/api/v4/user', { body: '<html>' }, 'CONNECTOR_ANSWER_INVALID'],
    ['/api/v4/user', { body: { id: 0, username: 'ada', email: 'a@b.test' } }, 'CONNECTOR_ANSWER_INVALID'],
    ['/api/v4/user', { body: { id: '42', username: 'ada', email: 'a@b.test' } }, 'CONNECTOR_ANSWER_INVALID'],
    ['/api/v4/user', { body: 'x'.repeat(2_000_000) }, 'CONNECTOR_ANSWER_INVALID'],
    ['/api/v4/user', { status: 302, headers: { location: 'http://127.0.0.2:1/' } }, 'CONNECTOR_ANSWER_INVALID'],
    ['/api/v4/user', { status: 429, headers: { 'retry-after': '7' } }, 'CONNECTOR_UNREACHABLE'],
    ['/api/v4/user', { status: 403, body: { message: 'Your account has been blocked.' } }, 'ACCOUNT_DISABLED'],
    ['/oauth/userinfo', { body: { sub: '43', groups: ['root'] } }, 'CONNECTOR_ANSWER_INVALID'],
    ['/oauth/userinfo', { body: { sub: '42', groups: 'root' } }, 'CONNECTOR_ANSWER_INVALID'],
    ['/oauth/userinfo', { status: 403, body: { error: 'insufficient_scope' } }, 'CONNECTOR_MISCONFIGURED'],
    ['/oauth/token', { body: { access_token: 'x', token_type: 'mac' } }, 'CONNECTOR_ANSWER_INVALID'],
  ] as const) {
    gitlab.lie = (asked) => (asked === path ? reply : undefined)
    await assert.rejects(signIn(connector, gitlab), { code }, `${path} ${JSON.stringify(reply).slice(0, 80)}`)
  }
  await connector.close()
})

test('addresses that are none are refused', () => {
  const base = { clientID: 'a', clientSecret: 'b', redirectURI: 'c' }
  for (const baseURL of [
    'gitlab.corp.test',
    'ftp://gitlab.corp.test',
    'https://a:b@gitlab.corp.test',
    'https://x.test/?a',
  ])
    assert.ok(!gitlabSettings.safeParse({ ...base, baseURL }).success, baseURL)
  assert.equal(gitlabSettings.parse(base).baseURL, 'https://gitlab.com')
})
