/** The `oauth` connector, alone and beside a real Dex: the same page about the user to both. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { openOauthConnector } from '#src/broker/connectors/oauth.ts'
import { oauthSettings } from '#src/config/dex/connectors/oauth.ts'
import { type Dex, startDex } from '#test/actors/dex.ts'
import { type LyingIdp, startLyingIdp } from '#test/actors/lying-idp.ts'
import { freePort, skipWithout } from '#test/actors/program.ts'
import { differingIds } from '#test/vectors/read-vectors.ts'
import { dexToken, type Told, throughDex } from './dex-visit.ts'
import { begin, callbackUrl, end, noHurry, refusal, settingsOf, testTools } from './upstream-visit.ts'

type Json = Record<string, unknown>

interface Case {
  readonly settings?: Json
  /** The page about the user. */
  readonly page: Json
  readonly accessToken?: string
}

const ada = { id: '1001', user_name: 'Ada', email: 'ada@corp.test', email_verified: true }
const jwt = `${encode({ alg: 'none' })}.${encode({ groups: ['root'] })}.x`

const cases: Readonly<Record<string, Case>> = {
  'nothing set': { page: ada },
  'no id': { page: { ...ada, id: undefined } },
  'id of another name': { settings: { userIDKey: 'sub' }, page: { ...ada, sub: 's-1' } },
  'a number as id': { page: { ...ada, id: 1001 } },
  'a number as id that is not exact': { page: { ...ada, id: 2 ** 60 } },
  'a number of seven digits as id': { page: { ...ada, id: 1234567 } },
  'a number of six digits as id': { page: { ...ada, id: 999999 } },
  'a round number as id': { page: { ...ada, id: 12000000 } },
  'a long number as id': { page: { ...ada, id: 9007199254740991 } },
  'a broken number as id': { page: { ...ada, id: 1.5 } },
  'a negative number as id': { page: { ...ada, id: -3000000 } },
  'true as id': { page: { ...ada, id: true } },
  'an empty id': { page: { ...ada, id: '' } },
  'null as id': { page: { ...ada, id: null } },
  'nothing but an id': { page: { id: '1001' } },
  'not verified': { page: { ...ada, email_verified: false } },
  'verified as a text': { page: { ...ada, email_verified: 'true' } },
  'verification not told': { page: { ...ada, email_verified: undefined } },
  preferred_username: { page: { ...ada, preferred_username: 'ada' } },
  'all names mapped': {
    settings: {
      userIDKey: 'uid',
      claimMapping: {
        userNameKey: 'full',
        preferredUsernameKey: 'nick',
        groupsKey: 'roles',
        emailKey: 'mail',
        emailVerifiedKey: 'proved',
      },
    },
    page: { uid: 'u', full: 'Ada L.', nick: 'ada', roles: ['r'], mail: 'a@b.test', proved: true, groups: ['no'] },
  },
  'groups as texts': { page: { ...ada, groups: ['a', 'b'] } },
  'groups as one text': { page: { ...ada, groups: 'a' } },
  'groups as objects': { page: { ...ada, groups: [{ name: 'a' }, 'b'] } },
  'a blank group': { page: { ...ada, groups: ['', 'a'] } },
  'the same group twice': { page: { ...ada, groups: ['a', 'b', 'a'] } },
  'groups as numbers': { page: { ...ada, groups: ['a', 7] } },
  'groups of an access token': { page: ada, accessToken: jwt },
}

const skip = skipWithout('dex')
const differing = differingIds('dex-oauth')
let idp: LyingIdp
let dex: Dex | undefined

before(async () => {
  idp = await startLyingIdp()
  if (skip) return
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}/dex`
  dex = await startDex({
    port,
    configuration: throughDex(
      issuer,
      Object.values(cases).map(({ settings }, index) => ({
        type: 'oauth',
        id: `case-${index}`,
        name: `Case ${index}`,
        config: { ...basic(`${issuer}/callback`), ...settings },
      })),
    ),
  })
})

after(async () => {
  await dex?.stop()
  await idp[Symbol.asyncDispose]()
})

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function basic(redirectURI: string): Json {
  return {
    clientID: 'pom',
    clientSecret: 'pomerium',
    redirectURI,
    authorizationURL: `${idp.issuer}/authorize`,
    tokenURL: `${idp.issuer}/token`,
    userInfoURL: `${idp.issuer}/userinfo`,
  }
}

const json =
  (body: unknown, status = 200) =>
  (response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

function open(change: Json = {}, tools = testTools({ id: 'oauth' })) {
  return openOauthConnector(settingsOf(oauthSettings, { ...basic(callbackUrl), ...change }), tools)
}

async function byOurs(settings: Json): Promise<Told | undefined> {
  const connector = open(settings)
  try {
    const visit = await begin(connector)
    const { connectorData: _, ...told } = await end(connector, visit, idp.authorize(visit.url.href))
    return told
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'ACCOUNT_INCOMPLETE')
    return undefined
  } finally {
    await connector.close()
  }
}

for (const [index, [name, { settings = {}, page, accessToken = 'opaque' }]] of Object.entries(cases).entries()) {
  test(`beside Dex: ${name}${differing.has(name) ? ' (differs on purpose)' : ''}`, { skip }, async () => {
    // The provider's own `/token` wants PKCE, which Dex does not use here.
    idp.lie = {
      answer: { '/token': json({ access_token: accessToken, token_type: 'Bearer' }), '/userinfo': json(page) },
    }
    const theirs = await dexToken({ issuer: dex?.issuer ?? '', connectorId: `case-${index}`, idp })
    const ours = await byOurs(settings)
    if (differing.has(name)) assert.notDeepEqual(sorted(ours), sorted(theirs))
    else assert.deepEqual(sorted(ours), sorted(theirs))
  })
}

/** Dex gives groups in an order of chance. */
function sorted(told: Told | undefined): Told | undefined {
  return told && { ...told, groups: (told.groups as string[]).toSorted() }
}

test('each listed difference is one of the cases', () => {
  assert.deepEqual(
    [...differing].filter((name) => !Object.hasOwn(cases, name)),
    [],
  )
})

test('somebody signs in with PKCE and state, and cannot be asked again', async () => {
  idp.lie = {}
  idp.person = { ...idp.person, id: '1001', user_name: 'Ada' }
  const connector = open({ scopes: ['read', 'email'] })
  await connector.check(noHurry())
  const visit = await begin(connector, { parameters: { login_hint: 'x', scope: 'admin' } })
  assert.deepEqual([...visit.url.searchParams.keys()].sort(), [
    'client_id',
    'code_challenge',
    'code_challenge_method',
    'redirect_uri',
    'response_type',
    'scope',
    'state',
  ])
  assert.equal(visit.url.searchParams.get('scope'), 'read email')
  const identity = await end(connector, visit, idp.authorize(visit.url.href))
  assert.deepEqual([identity.userId, identity.connectorData], ['1001', undefined])
  assert.deepEqual([connector.refresh, connector.readToken, connector.freshness], [undefined, undefined, 'sign-in'])
  await connector.close()
})

test('groups of an access token are not believed, and the operator is told once', async () => {
  idp.lie = { answer: { '/token': json({ access_token: jwt, token_type: 'Bearer' }), '/userinfo': json(ada) } }
  const tools = testTools({ id: 'oauth' })
  const connector = open({}, tools)
  for (let time = 0; time < 2; time++) {
    const visit = await begin(connector)
    assert.deepEqual((await end(connector, visit, idp.authorize(visit.url.href))).groups, [])
  }
  assert.deepEqual(tools.warnings, [
    'connector oauth has no groups on its userInfoURL; those of its access tokens are not believed',
  ])
  await connector.close()
})

test('the secret goes the way that the source takes it', async () => {
  for (const way of ['basic', 'post'] as const) {
    await using source = await startLyingIdp()
    source.person = { ...source.person, id: '1001' }
    const takes = () => {
      const header = source.authorizations.at(-1)
      const isBasic = header === `Basic ${btoa('pom:pomerium')}`
      return way === 'basic' ? isBasic : source.forms.at(-1)?.get('client_secret') === 'pomerium'
    }
    const connector = open({
      authorizationURL: `${source.issuer}/authorize`,
      tokenURL: `${source.issuer}/token`,
      userInfoURL: `${source.issuer}/userinfo`,
    })
    const grant = json({ access_token: 'a', token_type: 'Bearer' })
    source.lie = {
      answer: {
        '/token': (response) =>
          takes()
            ? source.forms.at(-1)?.get('code')?.startsWith('code_')
              ? grant(response)
              : json({ error: 'invalid_grant' }, 400)(response)
            : json({ error: 'invalid_client' }, 401)(response),
        '/userinfo': json(ada),
      },
    }
    const visit = await begin(connector)
    assert.equal((await end(connector, visit, source.authorize(visit.url.href))).userId, '1001')
    const asked = source.forms.length
    const again = await begin(connector)
    await end(connector, again, source.authorize(again.url.href))
    assert.equal(source.forms.length, asked + 1, 'found out once')
    source.lie = { answer: { '/token': json({ error: 'invalid_client' }, 401) } }
    assert.equal((await refusal(connector.check(noHurry()))).code, 'CONNECTOR_MISCONFIGURED')
    await connector.close()
  }
})

test('a page that lies, wanders or cannot be read lets nobody in', async () => {
  const grant = json({ access_token: 'a', token_type: 'Bearer' })
  for (const [answer, code] of [
    [json(ada, 401), 'CONNECTOR_ANSWER_INVALID'],
    [json(ada, 503), 'CONNECTOR_UNREACHABLE'],
    [json([ada]), 'CONNECTOR_ANSWER_INVALID'],
    [(response: ServerResponse) => void response.end('<html>'), 'CONNECTOR_ANSWER_INVALID'],
    [(response: ServerResponse) => void response.end(Buffer.alloc(10 * 1024 * 1024)), 'CONNECTOR_ANSWER_INVALID'],
    [
      (response: ServerResponse) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      'CONNECTOR_ANSWER_INVALID',
    ],
    [json({ ...ada, id: ' ' }), 'ACCOUNT_INCOMPLETE'],
    [json({ ...ada, email: 'ada@corp.test\n' }), 'ACCOUNT_INCOMPLETE'],
  ] as const) {
    idp.lie = { answer: { '/token': grant, '/userinfo': answer } }
    const connector = open()
    const visit = await begin(connector)
    assert.equal((await refusal(end(connector, visit, idp.authorize(visit.url.href)))).code, code)
    await connector.close()
  }
})

test('settings that cannot work are found before anybody signs in', async () => {
  for (const [change, found] of [
    [{ redirectURI: 'https://x.test/callback' }, /redirectURI/],
    [{ tokenURL: 'nowhere' }, /tokenURL/],
    [{ userInfoURL: 'file:///etc/passwd' }, /userInfoURL/],
    [{ authorizationURL: 'javascript:alert(1)' }, /authorizationURL/],
  ] as const) {
    const connector = open(change)
    for (const attempt of [connector.check(noHurry()), begin(connector)]) {
      const { code, message } = await refusal(attempt)
      assert.equal(code, 'CONNECTOR_MISCONFIGURED')
      assert.match(message, found)
    }
    const steps = await Array.fromAsync(connector.diagnose({ user: undefined, signal: noHurry() }))
    assert.deepEqual([steps.length, steps[0]?.outcome], [1, 'failed'])
    await connector.close()
  }
})
