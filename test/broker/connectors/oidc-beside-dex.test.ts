/** The same claims and settings to a real Dex and to ours: the same person comes out, except where it says why not. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openOidcConnector } from '#src/broker/connectors/oidc.ts'
import { oidcSettings } from '#src/config/dex/connectors/oidc.ts'
import { type Dex, startDex } from '#test/actors/dex.ts'
import { type LyingIdp, startLyingIdp } from '#test/actors/lying-idp.ts'
import { freePort, skipWithout } from '#test/actors/program.ts'
import { differingIds } from '#test/vectors/read-vectors.ts'
import { dexToken, type Told, throughDex } from './dex-visit.ts'
import { begin, end, settingsOf, testTools } from './upstream-visit.ts'

type Json = Record<string, unknown>

interface Case {
  readonly settings?: Json
  /** Laid over Ada's claims; undefined removes one. */
  readonly claims?: Json
  readonly userInfo?: Json
}

const groups = { insecureEnableGroups: true }

const cases: Readonly<Record<string, Case>> = {
  'nothing set': {},
  'scopes without email': {
    settings: { scopes: ['profile'] },
    claims: { email: undefined, email_verified: undefined },
  },
  'no e-mail': { claims: { email: undefined } },
  'e-mail not verified': { claims: { email_verified: false } },
  'email_verified missing': { claims: { email_verified: undefined } },
  'email_verified missing, and skipped': {
    settings: { insecureSkipEmailVerified: true },
    claims: { email_verified: undefined },
  },
  'email_verified false, and skipped': {
    settings: { insecureSkipEmailVerified: true },
    claims: { email_verified: false },
  },
  'email_verified a text': { claims: { email_verified: 'true' } },
  'email_verified a text, and skipped': {
    settings: { insecureSkipEmailVerified: true },
    claims: { email_verified: 'false' },
  },
  'no name': { claims: { name: undefined } },
  'an empty name': { claims: { name: '' } },
  'name by another claim': { settings: { userNameKey: 'nick' }, claims: { nick: 'ada1' } },
  'name by a claim that is not there': { settings: { userNameKey: 'nick' } },
  'id by another claim': { settings: { userIDKey: 'oid' }, claims: { oid: 'o-1' } },
  'id by a claim that is not there': { settings: { userIDKey: 'oid' } },
  'id by a number': { settings: { userIDKey: 'oid' }, claims: { oid: 17 } },
  preferred_username: { claims: { preferred_username: 'ada' } },
  'mapped where the standard is missing': {
    settings: { claimMapping: { preferred_username: 'nick', email: 'mail', groups: 'roles' }, ...groups },
    claims: { email: undefined, groups: undefined, nick: 'ada1', mail: 'a@other.test', roles: ['r1', 'r2'] },
  },
  'mapped where the standard is there': {
    settings: { claimMapping: { preferred_username: 'nick', email: 'mail', groups: 'roles' }, ...groups },
    claims: { preferred_username: 'ada', nick: 'ada1', mail: 'a@other.test', roles: ['r1', 'r2'] },
  },
  'mapped over the standard': {
    settings: {
      claimMapping: { preferred_username: 'nick', email: 'mail', groups: 'roles' },
      overrideClaimMapping: true,
      ...groups,
    },
    claims: { preferred_username: 'ada', nick: 'ada1', mail: 'a@other.test', roles: ['r1', 'r2'] },
  },
  'mapped over the standard by what is not there': {
    settings: { claimMapping: { preferred_username: 'nick', email: 'mail' }, overrideClaimMapping: true },
    claims: { preferred_username: 'ada' },
  },
  'groups not enabled': {},
  'groups as texts': { settings: groups, claims: { groups: ['a', 'b'] } },
  'groups as objects': { settings: groups, claims: { groups: [{ name: 'a', id: 1 }, 'b'] } },
  'one group as a text': { settings: groups, claims: { groups: 'a' } },
  'groups as numbers': { settings: groups, claims: { groups: ['a', 7] } },
  'no groups': { settings: groups, claims: { groups: undefined } },
  'one mapped group as a text': {
    settings: { claimMapping: { groups: 'role' }, ...groups },
    claims: { groups: undefined, role: 'r' },
  },
  'a blank group': {
    settings: groups,
    claims: { groups: ['', ' ', 'a'] },
  },
  allowed: { settings: { allowedGroups: ['b', 'c'], ...groups }, claims: { groups: ['a', 'b'] } },
  'not allowed': { settings: { allowedGroups: ['c'], ...groups }, claims: { groups: ['a', 'b'] } },
  'not allowed in that case': { settings: { allowedGroups: ['A'], ...groups }, claims: { groups: ['a'] } },
  'allowed, but groups not enabled': {
    settings: { allowedGroups: ['b'] },
    claims: { groups: ['a'] },
  },
  filtered: {
    settings: { claimModifications: { filterGroupClaims: { groupsFilter: '^dev' } }, ...groups },
    claims: { groups: ['dev-a', 'ops', 'x-dev'] },
  },
  'filtered within': {
    settings: { claimModifications: { filterGroupClaims: { groupsFilter: 'p' } }, ...groups },
    claims: { groups: ['dev', 'ops', { name: 'sport' }] },
  },
  'filtered, one text': {
    settings: { claimModifications: { filterGroupClaims: { groupsFilter: '^dev' } }, ...groups },
    claims: { groups: 'ops' },
  },
  'filtered, then allowed, then renamed': {
    settings: {
      claimModifications: {
        filterGroupClaims: { groupsFilter: 'dev' },
        modifyGroupNames: { prefix: 'up:', suffix: '@corp' },
      },
      allowedGroups: ['dev', 'ops'],
      ...groups,
    },
    claims: { groups: ['dev', 'ops', 'devops'] },
  },
  'a group out of claims': {
    settings: {
      claimModifications: { newGroupFromClaims: [{ claims: ['org', 'team'], delimiter: '-', prefix: 'gh' }] },
    },
    claims: { org: 'cor-p', team: 'dev', groups: ['a'] },
  },
  'a group out of claims, delimiter cleared': {
    settings: {
      claimModifications: {
        newGroupFromClaims: [{ claims: ['org', 'team'], delimiter: '-', clearDelimiter: true, prefix: 'g-h' }],
      },
      ...groups,
    },
    claims: { org: 'cor-p', team: 'd-e-v', groups: ['a'] },
  },
  'a group out of claims without prefix': {
    settings: { claimModifications: { newGroupFromClaims: [{ claims: ['org'], delimiter: ':' }] } },
    claims: { org: 'corp' },
  },
  'groups out of claims, some missing': {
    settings: {
      claimModifications: {
        modifyGroupNames: { prefix: 'up:' },
        newGroupFromClaims: [
          { claims: ['org', 'absent', 'number'], delimiter: ':', prefix: 'p' },
          { claims: ['absent'], delimiter: ':', prefix: 'q' },
        ],
      },
      ...groups,
    },
    claims: { org: 'corp', number: 7, groups: ['a'] },
  },
  'userinfo over the token': {
    settings: { getUserInfo: true, ...groups },
    userInfo: { name: 'Ada L.', groups: ['u'] },
  },
  'userinfo about somebody else': {
    settings: { getUserInfo: true },
    userInfo: { sub: 'sub-eve' },
  },
}

const skip = skipWithout('dex')
let idp: LyingIdp
let dex: Dex

before(async () => {
  if (skip) return
  idp = await startLyingIdp()
  idp.lie = {
    metadata: { code_challenge_methods_supported: ['S256'], authorization_response_iss_parameter_supported: undefined },
  }
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}/dex`
  dex = await startDex({
    port,
    configuration: throughDex(
      issuer,
      Object.values(cases).map(({ settings }, index) => ({
        type: 'oidc',
        id: `case-${index}`,
        name: `Case ${index}`,
        config: { ...basic(`${issuer}/callback`), ...settings },
      })),
    ),
  })
})

after(async () => {
  await dex?.stop()
  await idp?.[Symbol.asyncDispose]()
})

function basic(redirectURI: string): Json {
  return { issuer: idp.issuer, clientID: 'pom', clientSecret: 'pomerium', redirectURI }
}

async function byOurs(settings: Json): Promise<Told | undefined> {
  const tools = testTools()
  const connector = openOidcConnector(settingsOf(oidcSettings, { ...basic(tools.callbackUrl), ...settings }), tools)
  try {
    const visit = await begin(connector)
    const { userId, name, preferredUsername, email, emailVerified, groups } = await end(
      connector,
      visit,
      idp.authorize(visit.url.href),
    )
    return { userId, name, preferredUsername, email, emailVerified, groups }
  } catch (error) {
    assert.match(String((error as { code?: string }).code), /^(?:ACCOUNT|CONNECTOR)_/)
    return undefined
  } finally {
    await connector.close()
  }
}

const differing = differingIds('dex-oidc')
const outcomes = { in: 0, out: 0 }

for (const [index, [name, { settings = {}, claims = {}, userInfo = {} }]] of Object.entries(cases).entries()) {
  test(`beside Dex: ${name}${differing.has(name) ? ' (differs on purpose)' : ''}`, { skip }, async () => {
    idp.lie = { ...idp.lie, claims, userInfo }
    const theirs = await dexToken({ issuer: dex.issuer, connectorId: `case-${index}`, idp })
    const ours = await byOurs(settings)
    outcomes[ours === undefined ? 'out' : 'in']++
    if (differing.has(name)) assert.notDeepEqual(ours, theirs)
    else assert.deepEqual(ours, theirs)
  })
}

test('the table lets people in and keeps people out, and each listed difference is one of its cases', { skip }, () => {
  assert.ok(outcomes.in > 25 && outcomes.out > 8, JSON.stringify(outcomes))
  assert.deepEqual(
    [...differing].filter((name) => !Object.hasOwn(cases, name)),
    [],
  )
})
