import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { githubSettings } from '#src/config/dex/connectors/github.ts'
import { makeCertificate } from '#test/actors/certificate.ts'
import { type FakeGithub, startFakeGithub } from '#test/actors/fake-github.ts'
import { temporaryFolder } from '#test/actors/program.ts'
import { allScopes, callbackUrl, openAt, signIn } from './github-cases.ts'

const ease = { scopes: allScopes, signal: new AbortController().signal }
const team = (org: string, name: string) => ({ name, slug: name.toLowerCase(), organization: { login: org } })

/** Paths of the API that were asked, without their queries. */
const pathsOf = ({ asked }: FakeGithub) =>
  asked.filter((line) => line.startsWith('GET')).map((line) => line.slice(4).split('?')[0])

test('the founding document’s GitHub secret signs in as it is, with every organization and team', async () => {
  const document = readFileSync(new URL('../../vectors/seeds/upstream-idps-secret.yaml', import.meta.url), 'utf8')
  const config = JSON.parse(/\{[^{}]*\}/.exec(document)?.[0] ?? '') as Record<string, unknown>
  await using github = await startFakeGithub()
  github.user.orgs = ['acme', 'lab']
  github.user.teams = [team('acme', 'Ops')]
  const connector = await openAt(github, { config, callback: 'https://pach.pachdemo.cloud/dex/callback' })
  await connector.check(ease.signal)
  assert.deepEqual(await signIn(connector, github, { scopes: { groups: true, offlineAccess: false } }), {
    userId: '583231',
    name: 'The Octocat',
    preferredUsername: 'octocat',
    email: 'octocat@corp.test',
    emailVerified: true,
    groups: ['acme', 'acme:Ops', 'lab'],
  })
  await connector.close()
})

test('the browser goes to GitHub with Dex’s parameters and a PKCE challenge; what comes back is redeemed with its verifier', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github)
  const begin = { ...ease, state: 'st&ate', parameters: new URLSearchParams({ login_hint: 'ada', scope: 'repo' }) }
  const { send } = await connector.start(begin)
  assert.equal(send.by, 'redirect')
  const url = new URL(send.url)
  assert.equal(url.origin + url.pathname, `${github.web}/login/oauth/authorize`)
  const { code_challenge: challenge, ...parameters } = Object.fromEntries(url.searchParams)
  assert.match(challenge ?? '', /^[\w-]{43}$/)
  assert.deepEqual(parameters, {
    client_id: 'xxx',
    redirect_uri: callbackUrl,
    response_type: 'code',
    scope: 'user:email read:org',
    state: 'st&ate',
    code_challenge_method: 'S256',
  })
  const narrow = await connector.start({ ...begin, scopes: { groups: false, offlineAccess: false } })
  assert.equal(narrow.send.by === 'redirect' && new URL(narrow.send.url).searchParams.get('scope'), 'user:email')
  await signIn(connector, github)
  assert.match(github.forms[0]?.get('code_verifier') ?? '', /^[\w-]{43}$/)
  for (const headers of github.headers.slice(1)) {
    assert.equal(headers['x-github-api-version'], '2022-11-28')
    assert.equal(headers['user-agent'], 'ostiary')
  }
  await connector.close()
})

test('a code that another sign-in began does not open: the verifier is another one', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github)
  const start = () => connector.start({ ...ease, state: 's', parameters: new URLSearchParams() })
  const [mine, theirs] = [await start(), await start()]
  const answer = github.agree(theirs.send.by === 'redirect' ? theirs.send.url : '')
  const arrival = { ...ease, answer, by: 'GET', state: 's', secrets: mine.secrets } as const
  await assert.rejects(connector.finish(arrival), { code: 'CONNECTOR_ANSWER_INVALID' })
  await connector.close()
})

test('a redirectURI that is not ours is refused before anybody leaves', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github, { config: { redirectURI: 'https://other.test/dex/callback' } })
  const begin = { ...ease, state: 's', parameters: new URLSearchParams() }
  const expected = { code: 'CONNECTOR_MISCONFIGURED', message: /expected redirectURI http:\/\/127/ }
  await assert.rejects(connector.start(begin), expected)
  await assert.rejects(connector.check(ease.signal), expected)
  await connector.close()
})

test('an Enterprise server is asked below /api/v3 with its own authority, at sign-in and refresh alike', async () => {
  using folder = temporaryFolder('github')
  const tls = await makeCertificate(folder.path, ['127.0.0.1'])
  await using github = await startFakeGithub({ tls })
  const config = { hostName: github.host, rootCA: '/ca.crt' }
  const connector = await openAt(github, { config, files: { '/ca.crt': tls.ca } })
  await connector.check(ease.signal)
  const identity = await signIn(connector, github)
  assert.equal((await connector.refresh?.(identity, ease))?.email, 'octocat@corp.test')
  await connector.close()

  const stranger = await openAt(github, { config: { hostName: github.host } })
  await assert.rejects(stranger.check(ease.signal), { code: 'CONNECTOR_UNREACHABLE', message: /SELF_SIGNED|UNABLE_TO/ })
  await stranger.close()
  await assert.rejects(openAt(github, { config }), { code: 'CONNECTOR_MISCONFIGURED', message: /ENOENT/ })
})

test('check tells a wrong secret and an unknown client from a service that is not there', async () => {
  const github = await startFakeGithub()
  const open = (config: Record<string, string>) => openAt(github, { config })
  for (const config of [{ clientSecret: 'wrong' }, { clientID: 'nobody' }]) {
    const connector = await open(config)
    await assert.rejects(connector.check(ease.signal), { code: 'CONNECTOR_MISCONFIGURED' })
    await connector.close()
  }
  const connector = await open({})
  await connector.check(ease.signal)
  github.lie = () => ({ status: 500, body: '<html>' })
  await assert.rejects(connector.check(ease.signal), { code: 'CONNECTOR_UNREACHABLE' })
  github.lie = () => ({ body: { access_token: 'x', token_type: 'bearer' } })
  await assert.rejects(connector.check(ease.signal), { code: 'CONNECTOR_MISCONFIGURED' })
  await github[Symbol.asyncDispose]()
  await assert.rejects(connector.check(ease.signal), { code: 'CONNECTOR_UNREACHABLE' })
  await connector.close()
})

test('a diagnosis ends at the address that the browser opens, or at the first thing that is wrong', async () => {
  await using github = await startFakeGithub()
  const walk = async (config: Record<string, unknown>) => {
    const connector = await openAt(github, { config })
    const steps = []
    for await (const step of connector.diagnose({ user: undefined, signal: ease.signal })) steps.push(step)
    await connector.close()
    return steps
  }
  const good = await walk({})
  assert.deepEqual(
    good.map(({ name, outcome }) => `${name} ${outcome}`),
    [
      'callback address ok',
      'name resolution ok',
      'TLS doubtful',
      'token endpoint ok',
      'authorization address ok',
      'user skipped',
    ],
  )
  assert.match(good[4]?.details?.[0] ?? '', /login\/oauth\/authorize\?.*code_challenge=/)
  const bad = await walk({ clientSecret: 'hidden-secret' })
  assert.deepEqual(
    bad.map(({ outcome }) => outcome),
    ['ok', 'ok', 'doubtful', 'failed'],
  )
  assert.ok(!JSON.stringify(bad).includes('hidden-secret'))
})

test('pages are followed to the last one', async () => {
  await using github = await startFakeGithub()
  github.pageSize = 3
  github.user.orgs = Array.from({ length: 10 }, (_, index) => `org${index}`)
  github.user.teams = github.user.orgs.map((org) => team(org, 'Ops'))
  const connector = await openAt(github, { config: { loadAllGroups: true } })
  assert.equal((await signIn(connector, github)).groups.length, 20)
  assert.equal(pathsOf(github).filter((path) => path === '/user/teams').length, 4)
  await connector.close()
})

test('who left the organization, or the team, is kept out at the next refresh', async () => {
  await using github = await startFakeGithub()
  Object.assign(github.user, { orgs: ['acme'], teams: [team('acme', 'Ops'), team('acme', 'All')] })
  const connector = await openAt(github, { config: { orgs: [{ name: 'acme', teams: ['Ops', 'All'] }] } })
  const identity = await signIn(connector, github)
  assert.deepEqual(identity.groups, ['acme:Ops', 'acme:All'])
  github.user.teams = [team('acme', 'All')]
  const fresh = await connector.refresh?.(identity, ease)
  assert.deepEqual([fresh?.groups, fresh?.userId], [['acme:All'], identity.userId])
  github.user.teams = []
  await assert.rejects(async () => connector.refresh?.(identity, ease), { code: 'ACCOUNT_NOT_ALLOWED' })
  github.user.orgs = []
  await assert.rejects(async () => connector.refresh?.(identity, ease), { code: 'ACCOUNT_NOT_ALLOWED' })
  await connector.close()
})

test('what the source needs to ask again is kept for offline access only', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github)
  const { connectorData } = await signIn(connector, github, { scopes: { groups: false, offlineAccess: false } })
  assert.equal(connectorData, undefined)
  const identity = await signIn(connector, github)
  assert.ok(identity.connectorData)
  const { connectorData: _, ...without } = identity
  await assert.rejects(async () => connector.refresh?.(without, ease), { code: 'ACCOUNT_GONE' })
  await assert.rejects(async () => connector.refresh?.({ ...identity, connectorData: '{' }, ease), {
    code: 'ACCOUNT_GONE',
  })
  await connector.close()
})

test('access that the user took back at GitHub ends the refresh; GitHub being away ends nothing', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github)
  const identity = await signIn(connector, github)
  github.lie = () => ({ status: 502 })
  await assert.rejects(async () => connector.refresh?.(identity, ease), { code: 'CONNECTOR_UNREACHABLE' })
  github.lie = () => undefined
  assert.ok(await connector.refresh?.(identity, ease))
  github.revokeAll()
  await assert.rejects(async () => connector.refresh?.(identity, ease), { code: 'ACCOUNT_GONE' })
  await connector.close()
})

test('a token that runs out is renewed once, and is not lost when GitHub fails right after', async () => {
  await using github = await startFakeGithub()
  github.expiresIn = 28_800
  let hours = 0
  const connector = await openAt(github, { now: () => Date.now() + hours * 3_600_000 })
  const identity = await signIn(connector, github)
  const again = await connector.refresh?.(identity, ease)
  assert.equal(again?.connectorData, identity.connectorData, 'it has not run out yet')
  hours = 8
  github.lie = (path) => (path === '/user' ? { status: 503 } : undefined)
  await assert.rejects(async () => connector.refresh?.(identity, ease), { code: 'CONNECTOR_UNREACHABLE' })
  github.lie = () => undefined
  const renewed = await connector.refresh?.(identity, ease)
  assert.notEqual(renewed?.connectorData, identity.connectorData)
  assert.equal(github.forms.filter((form) => form.get('grant_type') === 'refresh_token').length, 1)
  hours = 17
  assert.ok(renewed && (await connector.refresh?.(renewed, ease)))
  await connector.close()

  // Another process, or later: the first refresh token was used up.
  const other = await openAt(github, { now: () => Date.now() + hours * 3_600_000 })
  await assert.rejects(async () => other.refresh?.(identity, ease), { code: 'ACCOUNT_GONE' })
  await other.close()
})

test('a token that has become somebody else’s refreshes nobody', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github)
  const identity = await signIn(connector, github)
  github.user.id = 1
  await assert.rejects(async () => connector.refresh?.(identity, ease), { code: 'ACCOUNT_GONE' })
  await connector.close()
})

test('a user who grants less than was asked for is told so, and is not taken for a stranger', async () => {
  await using github = await startFakeGithub()
  Object.assign(github.user, { orgs: ['acme'], teams: [] })
  const connector = await openAt(github, { config: { orgs: [{ name: 'acme' }] } })
  github.grantScopes = () => ['user:email']
  await assert.rejects(signIn(connector, github), { code: 'CONNECTOR_REFUSED', message: /read:org/ })
  github.grantScopes = () => []
  await assert.rejects(signIn(connector, github), { code: 'CONNECTOR_REFUSED', message: /\[user:email\] is needed/ })
  await connector.close()
})

test('each status of GitHub’s means its own', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github, { config: { orgs: [{ name: 'acme' }] } })
  const reset = String(Math.ceil(Date.now() / 1000) + 120)
  for (const [status, headers, body, code, message] of [
    [403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }, {}, 'CONNECTOR_UNREACHABLE', /limit, 1\d\d s/],
    [403, { 'retry-after': '30' }, {}, 'CONNECTOR_UNREACHABLE', /rate limit, 30 s/],
    [429, {}, {}, 'CONNECTOR_UNREACHABLE', /rate limit, 60 s/],
    [403, {}, { message: 'You have exceeded a secondary rate limit' }, 'CONNECTOR_UNREACHABLE', /60 s/],
    [429, { 'retry-after': '999999999' }, {}, 'CONNECTOR_UNREACHABLE', /3600 s/],
    [429, { 'retry-after': '-5' }, {}, 'CONNECTOR_UNREACHABLE', /limit, 5 s/],
    [503, {}, '<html>', 'CONNECTOR_UNREACHABLE', /got 503/],
    [401, {}, {}, 'CONNECTOR_MISCONFIGURED', /got 401/],
    [403, {}, { message: 'Resource not accessible by integration' }, 'CONNECTOR_MISCONFIGURED', /may not ask/],
    [403, {}, { message: 'Sorry. Your account was suspended.' }, 'ACCOUNT_DISABLED', /suspended/],
    [418, {}, {}, 'CONNECTOR_ANSWER_INVALID', /got 418/],
  ] as const) {
    github.lie = (path) => (path === '/user' ? { status, headers, body } : undefined)
    await assert.rejects(signIn(connector, github), { code, message }, `${status} ${JSON.stringify(headers)}`)
  }
  github.lie = (path) =>
    path.startsWith('/orgs/') ? { status: 403, headers: { 'x-github-sso': 'required' } } : undefined
  await assert.rejects(signIn(connector, github), { code: 'ACCOUNT_NOT_ALLOWED' })
  await connector.close()
})

test('each refusal of the token endpoint means its own', async () => {
  await using github = await startFakeGithub()
  const connector = await openAt(github)
  for (const [reply, code] of [
    [{ body: { error: 'incorrect_client_credentials' } }, 'CONNECTOR_MISCONFIGURED'],
    [{ body: { error: 'redirect_uri_mismatch' } }, 'CONNECTOR_MISCONFIGURED'],
    [{ body: { error: 'unverified_user_email' } }, 'ACCOUNT_EMAIL_UNVERIFIED'],
    [{ body: { error: 'bad_verification_code' } }, 'CONNECTOR_ANSWER_INVALID'],
    [{ body: { error: 'something new' } }, 'CONNECTOR_ANSWER_INVALID'],
    [{ status: 503, body: { error: 'server_error' } }, 'CONNECTOR_UNREACHABLE'],
    [{ body: 'access_token=abc' }, 'CONNECTOR_ANSWER_INVALID'],
    [{ body: {} }, 'CONNECTOR_ANSWER_INVALID'],
    [{ body: { access_token: 'a\r\nb', token_type: 'bearer' } }, 'CONNECTOR_ANSWER_INVALID'],
    [{ body: { access_token: 'abc', token_type: 'mac' } }, 'CONNECTOR_ANSWER_INVALID'],
  ] as const) {
    github.lie = (path) => (path === '/login/oauth/access_token' ? reply : undefined)
    await assert.rejects(signIn(connector, github), { code }, JSON.stringify(reply))
  }
  await connector.close()
})

test('settings that contradict themselves, or would lead elsewhere, are refused', () => {
  const base = { clientID: 'a', clientSecret: 'b', redirectURI: 'c' }
  for (const more of [
    { org: 'a', orgs: [{ name: 'b' }] },
    { rootCA: '/ca.crt' },
    { hostName: 'https://github.corp.test' },
    { hostName: 'github.corp.test/x' },
    { hostName: 'user@github.corp.test' },
    { teamNameField: 'id' },
    { preferredEmailDomain: 'corp.*' },
    { preferredEmailDomain: 'co*p.test' },
    { orgs: [{ name: '' }] },
    { orgs: [{ name: '../user' }] },
    { org: 'a/b' },
    { loadAllGroups: 'true' },
  ])
    assert.ok(!githubSettings.safeParse({ ...base, ...more }).success, JSON.stringify(more))
  assert.ok(githubSettings.safeParse({ ...base, TEAMNAMEFIELD: 'slug', preferredEmailDomain: '*.corp.test' }).success)
})
