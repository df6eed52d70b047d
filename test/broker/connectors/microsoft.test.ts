import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMicrosoftConnector } from '#src/broker/connectors/microsoft.ts'
import { microsoftSettings } from '#src/config/dex/connectors/microsoft.ts'
import { type Entra, startEntra } from '#test/actors/entra.ts'
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
type Microsoft = ReturnType<typeof openMicrosoftConnector>

const tenant = 'corp.onmicrosoft.test'

function open(entra: Entra, change: Json = {}, tools = testTools({ id: 'ms' })): Microsoft {
  const raw = {
    clientID: 'app',
    clientSecret: 'secret',
    redirectURI: callbackUrl,
    tenant,
    apiURL: entra.url,
    graphURL: entra.url,
    ...change,
  }
  return openMicrosoftConnector(settingsOf(microsoftSettings, raw), tools)
}

async function signIn(connector: Microsoft, entra: Entra, scopes = anyScopes) {
  const visit = await begin(connector, { scopes })
  try {
    return await end(connector, visit, entra.authorize(visit.url.href))
  } finally {
    await connector.close()
  }
}

test('a Microsoft account signs in: the address is the user principal name', async () => {
  await using entra = await startEntra({ tenant })
  const connector = open(entra, { promptType: 'select_account', domainHint: 'corp.test' })
  const { url } = await begin(connector, { scopes: offline })
  assert.equal(url.pathname, `/${tenant}/oauth2/v2.0/authorize`)
  assert.deepEqual(
    ['scope', 'prompt', 'domain_hint', 'code_challenge_method'].map((name) => url.searchParams.get(name)),
    ['user.read directory.read.all offline_access', 'select_account', 'corp.test', 'S256'],
  )
  assert.deepEqual(await signIn(connector, entra), {
    userId: 'oid-ada',
    name: 'Ada',
    preferredUsername: '',
    email: 'Ada@Corp.test',
    emailVerified: true,
    groups: [],
  })
  const lower = open(entra, { emailToLowercase: true, preferredUsernameField: 'email' })
  const { email, preferredUsername } = await signIn(lower, entra)
  assert.deepEqual([email, preferredUsername], ['ada@corp.test', 'ada@corp.test'])
  entra.person = { ...entra.person, mailNickname: 'ada1' }
  assert.equal((await signIn(open(entra, { preferredUsernameField: 'mailNickname' }), entra)).preferredUsername, 'ada1')
})

test('groups come page by page, by name or by id, all or the security groups', async () => {
  await using entra = await startEntra({ tenant })
  entra.groups = { g1: 'Dev', g2: 'Ops', g3: null, g4: 'Mail', g5: 'All' }
  for (const id of ['g1', 'g5']) entra.security.add(id)
  assert.deepEqual((await signIn(open(entra), entra)).groups, ['Dev', 'Ops', 'Mail', 'All'])
  assert.deepEqual((await signIn(open(entra, { groupNameFormat: 'id' }), entra)).groups, ['g1', 'g2', 'g3', 'g4', 'g5'])
  assert.deepEqual((await signIn(open(entra, { onlySecurityGroups: true }), entra)).groups, ['Dev', 'All'])
  const asked = entra.asked.length
  assert.deepEqual((await signIn(open(entra), entra, { ...anyScopes, groups: false })).groups, [])
  assert.deepEqual(entra.asked.slice(asked), [
    `POST /${tenant}/oauth2/v2.0/token`,
    'GET /v1.0/me?%24select=id%2CdisplayName%2CuserPrincipalName',
  ])
})

test('required groups keep others out, also where the application asks for no groups', async () => {
  await using entra = await startEntra({ tenant })
  entra.groups = { g1: 'Dev', g2: 'Ops', g3: 'All' }
  const silent = { ...anyScopes, groups: false }
  assert.deepEqual((await signIn(open(entra, { groups: ['Ops'] }), entra, silent)).groups, ['Dev', 'Ops', 'All'])
  const strict = { groups: ['Ops', 'Nobody'], useGroupsAsWhitelist: true }
  assert.deepEqual((await signIn(open(entra, strict), entra)).groups, ['Ops'])
  for (const groups of [['ops'], ['g2'], ['Nobody']]) {
    const { code } = await refusal(signIn(open(entra, { groups }), entra, silent))
    assert.equal(code, 'ACCOUNT_NOT_ALLOWED')
  }
})

test('groups need a tenant: without one they are not asked for, and cannot be required', async () => {
  for (const kind of ['common', 'organizations', 'consumers']) {
    await using entra = await startEntra({ tenant: kind })
    entra.groups = { g1: 'Dev' }
    assert.deepEqual((await signIn(open(entra, { tenant: kind }), entra)).groups, [])
    const { code, message } = await refusal(open(entra, { tenant: kind, groups: ['Dev'] }).check(noHurry()))
    assert.deepEqual(
      [code, message],
      ['CONNECTOR_MISCONFIGURED', `cannot use connector ms: groups are those of one tenant, got tenant ${kind}`],
    )
  }
})

test('a refresh asks Graph again; a revoked account is out, and another one is not taken for it', async () => {
  await using entra = await startEntra({ tenant })
  entra.groups = { g1: 'Dev' }
  const connector = open(entra, { groups: ['Dev'] })
  const visit = await begin(connector, { scopes: offline })
  const refresh = (identity: Awaited<ReturnType<typeof end>>) =>
    connector.refresh?.(identity, { scopes: offline, signal: noHurry() }) ?? assert.fail()
  let identity = await end(connector, visit, entra.authorize(visit.url.href))
  entra.person = { ...entra.person, displayName: 'Ada L.' }
  identity = await refresh(identity)
  assert.equal(identity.name, 'Ada L.')
  entra.answer = { '/v1.0/me': { body: { ...entra.person, id: 'oid-eve' } } }
  assert.equal((await refusal(refresh(identity))).code, 'CONNECTOR_ANSWER_INVALID')
  entra.answer = {}
  assert.equal((await refusal(refresh(identity))).code, 'ACCOUNT_GONE', 'the token was used up by then')
  const again = await begin(connector, { scopes: offline })
  identity = await end(connector, again, entra.authorize(again.url.href))
  entra.groups = { g2: 'Ops' }
  assert.equal((await refusal(refresh(identity))).code, 'ACCOUNT_NOT_ALLOWED')
  entra.revoke()
  assert.equal((await refusal(refresh(identity))).code, 'ACCOUNT_GONE')
  await connector.close()
})

test('a workload proves itself by an assertion that is read each time', async () => {
  await using entra = await startEntra({ tenant })
  const files = ['signed.by.workload\n', 'signed.by.workload']
  const tools = testTools({ id: 'ms', readFile: async () => files.shift() ?? Promise.reject(new Error('gone')) })
  const connector = open(entra, { clientSecret: undefined, clientAssertion: '/token' }, tools)
  await connector.check(noHurry())
  assert.equal((await signIn(connector, entra)).userId, 'oid-ada')
  assert.equal(
    entra.forms.at(-1)?.get('client_assertion_type'),
    'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  )
  const { code, message } = await refusal(open(entra, { clientAssertion: '/token' }, tools).check(noHurry()))
  assert.deepEqual([code, message], ['CONNECTOR_MISCONFIGURED', 'cannot read clientAssertion of connector ms'])
  const sent = entra.forms.length
  for (const text of ['root:x:0:0:root:/root:/bin/bash\n', 'a.b', 'a.b.c\nmore', `a.b.${'c'.repeat(20_000)}`, '']) {
    const other = testTools({ id: 'ms', readFile: async () => text })
    const found = await refusal(open(entra, { clientAssertion: '/etc/passwd' }, other).check(noHurry()))
    assert.equal(found.code, 'CONNECTOR_MISCONFIGURED')
    assert.match(found.message, /expected a signed token, got something else/)
  }
  assert.equal(entra.forms.length, sent, 'a file of the machine has left it')
})

test('settings that cannot work are found before anybody signs in', async () => {
  await using entra = await startEntra({ tenant })
  for (const [change, found] of [
    [{ clientSecret: 'wrong' }, /does not take our secret/],
    [{ redirectURI: 'https://x.test/callback' }, /redirectURI/],
    [{ tenant: '../evil' }, /tenant must be an id or a domain/],
    [{ tenant: 'a tenant' }, /tenant must be an id or a domain/],
    [{ graphURL: 'file:///etc' }, /must be addresses/],
  ] as const) {
    const connector = open(entra, change)
    const { code, message } = await refusal(connector.check(noHurry()))
    assert.equal(code, 'CONNECTOR_MISCONFIGURED')
    assert.match(message, found)
    await connector.close()
  }
})

test('Graph that lies, wanders or cannot be asked lets nobody in', async () => {
  await using entra = await startEntra({ tenant })
  entra.groups = { g1: 'Dev' }
  const groupsPath = '/v1.0/me/getMemberGroups'
  for (const [path, answer, code] of [
    ['/v1.0/me', { status: 403 }, 'CONNECTOR_MISCONFIGURED'],
    ['/v1.0/me', { status: 503 }, 'CONNECTOR_UNREACHABLE'],
    ['/v1.0/me', { body: { userPrincipalName: 'ada@corp.test' } }, 'CONNECTOR_ANSWER_INVALID'],
    ['/v1.0/me', { body: { id: ' ' } }, 'CONNECTOR_ANSWER_INVALID'],
    ['/v1.0/me', { body: { id: 'oid-ada' } }, 'ACCOUNT_WITHOUT_EMAIL'],
    ['/v1.0/me', { body: [] }, 'CONNECTOR_ANSWER_INVALID'],
    [groupsPath, { status: 403 }, 'CONNECTOR_MISCONFIGURED'],
    [groupsPath, { status: 429 }, 'CONNECTOR_UNREACHABLE'],
    [groupsPath, { body: { value: {} } }, 'CONNECTOR_ANSWER_INVALID'],
    [groupsPath, { body: { value: [7] } }, 'CONNECTOR_ANSWER_INVALID'],
    [groupsPath, { body: { value: ['a'], '@odata.nextLink': 'https://evil.test/v1.0' } }, 'CONNECTOR_ANSWER_INVALID'],
    ['/v1.0/directoryObjects/getByIds', { body: { value: 'all' } }, 'CONNECTOR_ANSWER_INVALID'],
  ] as const) {
    entra.answer = { [path]: answer }
    assert.equal((await refusal(signIn(open(entra), entra))).code, code, `${path} ${JSON.stringify(answer)}`)
  }
  // Pages in a circle.
  entra.answer = {
    [groupsPath]: { body: { value: Array(1_000).fill('a'), '@odata.nextLink': `${entra.url}${groupsPath}` } },
  }
  assert.match((await refusal(signIn(open(entra), entra))).message, /more groups than there can be/)
})

test('an answer of another source is not redeemed here', async () => {
  await using entra = await startEntra({ tenant })
  const connector = open(entra)
  const visit = await begin(connector)
  const answer = entra.authorize(visit.url.href)
  answer.set('iss', 'https://evil.test')
  assert.equal((await refusal(end(connector, visit, answer))).code, 'CONNECTOR_ANSWER_INVALID')
  assert.deepEqual(entra.forms, [])
  answer.set('iss', `${entra.url}/${tenant}/v2.0`)
  assert.equal((await end(connector, visit, answer)).userId, 'oid-ada')
  await connector.close()
})

test('looking at the connector tells each step', async () => {
  await using entra = await startEntra({ tenant })
  const connector = open(entra)
  const steps = await Array.fromAsync(connector.diagnose({ user: undefined, signal: noHurry() }))
  assert.deepEqual(
    steps.map(({ name, outcome }) => `${name}: ${outcome}`),
    ['settings: ok', 'name resolution: ok', 'TLS: doubtful', 'client credentials: ok', 'sign-in address: ok'],
  )
  await connector.close()
})
