import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openGoogleConnector } from '#src/broker/connectors/google.ts'
import { googleSettings } from '#src/config/dex/connectors/google.ts'
import { type LyingIdp, startLyingIdp } from '#test/actors/lying-idp.ts'
import { startWorkspace, type Workspace } from '#test/actors/workspace.ts'
import {
  anyScopes,
  begin,
  callbackUrl,
  end,
  noHurry,
  offline,
  refusal,
  settingsOf,
  testTools,
} from './upstream-visit.ts'

type Json = Record<string, unknown>

interface World extends AsyncDisposable {
  readonly idp: LyingIdp
  readonly workspace: Workspace
  open(change?: Json, file?: string): ReturnType<typeof openGoogleConnector>
}

const withGroups = { serviceAccountFilePath: '/etc/account.json', domainToAdminEmail: { '*': 'admin@corp.test' } }

async function startWorld(): Promise<World> {
  const [idp, workspace] = [await startLyingIdp(), await startWorkspace()]
  idp.person = { sub: '1001', email: 'ada@corp.test', email_verified: true, name: 'Ada', hd: 'corp.test' }
  return {
    idp,
    workspace,
    open: (change = {}, file = workspace.keyFile) =>
      openGoogleConnector(
        settingsOf(googleSettings, {
          clientID: 'pom',
          clientSecret: 'pomerium',
          redirectURI: callbackUrl,
          ...change,
        }),
        testTools({ id: 'google', readFile: async () => file }),
        { endpoints: { issuer: idp.issuer, directory: workspace.url } },
      ),
    async [Symbol.asyncDispose]() {
      await idp[Symbol.asyncDispose]()
      await workspace[Symbol.asyncDispose]()
    },
  }
}

async function signIn(connector: ReturnType<typeof openGoogleConnector>, idp: LyingIdp, scopes = anyScopes) {
  const visit = await begin(connector, { scopes })
  try {
    return await end(connector, visit, idp.authorize(visit.url.href))
  } finally {
    await connector.close()
  }
}

test('a Google account signs in, and an application that wants a refresh token gets Google to give one', async () => {
  await using world = await startWorld()
  const connector = world.open()
  const { url } = await begin(connector, { scopes: offline })
  assert.deepEqual(
    ['scope', 'access_type', 'prompt', 'hd', 'login_hint'].map((name) => url.searchParams.get(name)),
    ['openid profile email', 'offline', 'consent', null, null],
  )
  assert.deepEqual(await signIn(connector, world.idp), {
    userId: '1001',
    name: 'Ada',
    preferredUsername: '',
    email: 'ada@corp.test',
    emailVerified: true,
    groups: [],
  })
})

test('only accounts of the hosted domains, by the claim hd and not by the address', async () => {
  await using world = await startWorld()
  const { idp } = world
  const one = world.open({ hostedDomains: ['corp.test'] })
  assert.equal((await begin(one)).url.searchParams.get('hd'), 'corp.test')
  assert.equal((await signIn(one, idp)).userId, '1001')
  const two = world.open({ hostedDomains: ['other.test', 'corp.test'] })
  assert.equal((await begin(two)).url.searchParams.get('hd'), '*')
  assert.equal((await signIn(two, idp)).userId, '1001')
  for (const hd of [undefined, 'evil.test', '', ['corp.test'], 'CORP.TEST.evil.test']) {
    idp.person = { ...idp.person, hd }
    const { code } = await refusal(signIn(world.open({ hostedDomains: ['corp.test'] }), idp))
    assert.equal(code, 'ACCOUNT_NOT_ALLOWED')
  }
})

test('groups come page by page, on behalf of the administrator of the domain', async () => {
  await using world = await startWorld()
  const { idp, workspace } = world
  workspace.groups['ada@corp.test'] = ['a@corp.test', 'b@corp.test', 'c@corp.test']
  workspace.admins.add('boss@corp.test')
  const connector = world.open({
    ...withGroups,
    domainToAdminEmail: { '*': 'admin@corp.test', 'Corp.test': 'boss@corp.test' },
  })
  await connector.check(noHurry())
  assert.deepEqual((await signIn(connector, idp)).groups, ['a@corp.test', 'b@corp.test', 'c@corp.test'])
  assert.deepEqual(workspace.lookups, ['ada@corp.test 0', 'ada@corp.test 2'])
  // One token for each administrator, however often it is used.
  assert.deepEqual(
    workspace.assertions.map(({ sub }) => sub),
    ['admin@corp.test', 'boss@corp.test'],
  )
  const unasked = world.open(withGroups)
  assert.deepEqual((await signIn(unasked, idp, { ...anyScopes, groups: false })).groups, [])
})

test('groups of groups count where they should, also in a circle', async () => {
  await using world = await startWorld()
  const { idp, workspace } = world
  workspace.groups['ada@corp.test'] = ['team@corp.test']
  workspace.groups['team@corp.test'] = ['all@corp.test']
  workspace.groups['all@corp.test'] = ['team@corp.test', 'ada@corp.test']
  assert.deepEqual((await signIn(world.open(withGroups), idp)).groups, ['team@corp.test'])
  const deep = world.open({ ...withGroups, adminEmail: 'admin@corp.test', fetchTransitiveGroupMembership: true })
  assert.deepEqual((await signIn(deep, idp)).groups, ['team@corp.test', 'all@corp.test', 'ada@corp.test'])
})

test('required groups keep others out, also where the application asks for no groups', async () => {
  await using world = await startWorld()
  const { idp, workspace } = world
  const settings = { ...withGroups, groups: ['ops@corp.test'] }
  const silent = { ...anyScopes, groups: false }
  workspace.groups['ada@corp.test'] = ['dev@corp.test', 'ops@corp.test']
  assert.deepEqual((await signIn(world.open(settings), idp, silent)).groups, ['ops@corp.test'])
  workspace.groups['ada@corp.test'] = ['dev@corp.test']
  assert.equal((await refusal(signIn(world.open(settings), idp, silent))).code, 'ACCOUNT_NOT_ALLOWED')
  // Somebody of no Workspace is in no group.
  delete workspace.groups['ada@corp.test']
  assert.equal((await refusal(signIn(world.open(settings), idp))).code, 'ACCOUNT_NOT_ALLOWED')
  assert.deepEqual((await signIn(world.open(withGroups), idp)).groups, [])
})

test('groups hang on an address that is proved, and not on a private account with an address of the domain', async () => {
  await using world = await startWorld()
  const { idp, workspace } = world
  workspace.groups['ada@corp.test'] = ['ops@corp.test']
  const named = { ...withGroups, domainToAdminEmail: { 'corp.test': 'admin@corp.test' } }
  assert.deepEqual((await signIn(world.open(named), idp)).groups, ['ops@corp.test'])
  const { hd: _, ...privately } = idp.person
  for (const person of [
    privately,
    { ...idp.person, email_verified: false },
    { ...idp.person, email_verified: 'true' },
  ]) {
    idp.person = person
    assert.deepEqual((await signIn(world.open(named), idp)).groups, [])
    const { code } = await refusal(signIn(world.open({ ...named, groups: ['ops@corp.test'] }), idp))
    assert.equal(code, 'ACCOUNT_NOT_ALLOWED')
  }
  idp.person = { ...privately, hd: 'else.test', email: 'ada@else.test', email_verified: true }
  assert.match((await refusal(signIn(world.open(named), idp))).message, /no administrator/)
})

test('a refresh asks for the groups again', async () => {
  await using world = await startWorld()
  const { idp, workspace } = world
  workspace.groups['ada@corp.test'] = ['ops@corp.test']
  const settings = { ...withGroups, scopes: ['profile', 'email', 'offline_access'], groups: ['ops@corp.test'] }
  const connector = world.open(settings)
  const visit = await begin(connector, { scopes: offline })
  const identity = await end(connector, visit, idp.authorize(visit.url.href))
  const again = await connector.refresh?.(identity, { scopes: offline, signal: noHurry() })
  assert.deepEqual(again?.groups, ['ops@corp.test'])
  workspace.groups['ada@corp.test'] = []
  const out = await refusal(connector.refresh?.(again, { scopes: offline, signal: noHurry() }) ?? assert.fail())
  assert.equal(out.code, 'ACCOUNT_NOT_ALLOWED')
  await connector.close()
})

test('a directory that cannot be asked lets nobody in unseen', async () => {
  await using world = await startWorld()
  const { idp, workspace } = world
  for (const [status, code] of [
    [403, 'CONNECTOR_MISCONFIGURED'],
    [500, 'CONNECTOR_UNREACHABLE'],
    [429, 'CONNECTOR_UNREACHABLE'],
    [400, 'CONNECTOR_ANSWER_INVALID'],
  ] as const) {
    workspace.fail = status
    assert.equal((await refusal(signIn(world.open(withGroups), idp))).code, code)
  }
  workspace.fail = undefined
  for (const answer of ['{"groups":{}}', '{"groups":[{"name":"x"}]}', '{"groups":[null]}']) {
    workspace.answer = answer
    assert.equal((await refusal(signIn(world.open(withGroups), idp))).code, 'CONNECTOR_ANSWER_INVALID')
  }
  // Pages without end.
  workspace.answer = '{"groups":[{"email":"a@corp.test"}],"nextPageToken":"again"}'
  assert.match((await refusal(signIn(world.open(withGroups), idp))).message, /more groups than can be looked at/)
})

test('settings that cannot work are found before anybody signs in, and tell no key', async () => {
  await using world = await startWorld()
  const { workspace } = world
  const key = JSON.parse(workspace.keyFile) as Json
  const cases: [Json, string, RegExp][] = [
    [{ redirectURI: 'https://dex.corp.test/callback' }, workspace.keyFile, /redirectURI/],
    [{ groups: ['a@corp.test'] }, workspace.keyFile, /got neither/],
    [{ serviceAccountFilePath: '/x' }, workspace.keyFile, /one without the other/],
    [{ adminEmail: 'admin@corp.test' }, workspace.keyFile, /one without the other/],
    [withGroups, 'no JSON', /serviceAccountFilePath/],
    [
      withGroups,
      JSON.stringify({ ...key, private_key: '-----BEGIN PRIVATE KEY-----\nSECRET\n' }),
      /not as it must be$/,
    ],
    [withGroups, JSON.stringify({ ...key, client_email: 'thief@project.iam.test' }), /400 invalid_grant/],
    [
      { ...withGroups, adminEmail: '', domainToAdminEmail: { '*': 'nobody@corp.test' } },
      workspace.keyFile,
      /401 unauthorized_client/,
    ],
  ]
  for (const [change, file, found] of cases) {
    const connector = world.open(change, file)
    const { code, message } = await refusal(connector.check(noHurry()))
    assert.equal(code, 'CONNECTOR_MISCONFIGURED')
    assert.match(message, found)
    assert.doesNotMatch(message, /SECRET|BEGIN/)
    await connector.close()
  }
})

test('looking at the connector shows the groups of somebody', async () => {
  await using world = await startWorld()
  world.workspace.groups['bob@corp.test'] = ['ops@corp.test']
  const connector = world.open(withGroups)
  const steps = await Array.fromAsync(connector.diagnose({ user: 'bob@corp.test', signal: noHurry() }))
  assert.deepEqual(steps.at(-1), {
    name: 'groups',
    outcome: 'ok',
    found: 'bob@corp.test is in 1',
    details: ['ops@corp.test'],
  })
  const none = world.open()
  assert.equal(
    (await Array.fromAsync(none.diagnose({ user: undefined, signal: noHurry() }))).at(-1)?.outcome,
    'skipped',
  )
  await Promise.all([connector.close(), none.close()])
})
