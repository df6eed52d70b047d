import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { inspect } from 'node:util'
import type { Refresh } from '#src/identity/refresh.ts'
import type { Identity, RelyingParty } from '#src/identity/relying-party.ts'
import { type Lies, type LyingIdp, startLyingIdp } from '#test/actors/lying-idp.ts'
import { partyOf, signIn } from './conversations.ts'

interface SignedIn extends AsyncDisposable {
  readonly idp: LyingIdp
  readonly party: RelyingParty
  readonly identity: Identity
  /** Asks again, as after the sign-in or after `last`. */
  again(last?: Refresh): Promise<Refresh>
}

/** Somebody has signed in while the provider told these lies. A refreshed ID token bears no nonce, as most do. */
async function startSignedIn(lies: Lies = {}): Promise<SignedIn> {
  const idp = await startLyingIdp()
  idp.lie = lies
  const party = partyOf(idp)
  const identity = await signIn(party, idp)
  idp.lie = refreshing({ ...(lies.metadata && { metadata: lies.metadata }) })
  return {
    idp,
    party,
    identity,
    again(last) {
      const { refreshToken } = last ? tokenOf(last) : (identity.grant ?? assert.fail('no refresh token'))
      const claims = last?.kind === 'fresh' ? last.claims : identity.claims
      return party.refresh({ refreshToken, claims })
    },
    [Symbol.asyncDispose]: () => idp[Symbol.asyncDispose](),
  }
}

function refreshing(lies: Lies = {}): Lies {
  return { ...lies, claims: { nonce: undefined, ...lies.claims } }
}

function refusing(status: number, error: string): Lies {
  return {
    answer: {
      '/token': (response) =>
        void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error })),
    },
  }
}

function tokenOf(last: Refresh) {
  return last.kind === 'fresh' ? last.grant : last.kind === 'failed' ? last : assert.fail('refused')
}

function claimsOf(answer: Refresh) {
  assert.equal(answer.kind, 'fresh', JSON.stringify(answer))
  return answer.kind === 'fresh' ? answer.claims : assert.fail()
}

test('a sign-in without a refresh token grants nothing', async () => {
  await using world = await startSignedIn({ tokenAnswer: { refresh_token: undefined } })
  assert.equal(world.identity.grant, undefined)
})

test('a refresh replaces the claims whole: a group that is not named any more is gone', async () => {
  await using world = await startSignedIn()
  const { groups: _groups, ...person } = world.idp.person
  world.idp.person = { ...person, name: 'Ada L.', department: 'eng' }
  const answer = await world.again()
  const claims = claimsOf(answer)
  assert.deepEqual(claims['groups'], [])
  assert.equal(claims['name'], 'Ada L.')
  assert.equal(claims['department'], 'eng')
  world.idp.person = { ...person, groups: ['devops', 'root'] }
  const next = claimsOf(await world.again(answer))
  assert.equal(next['department'], undefined)
  assert.deepEqual(next['groups'], ['devops', 'root'])
})

test('each token is used once, and its successor the next time', async () => {
  await using world = await startSignedIn()
  const first = await world.again()
  const second = await world.again(first)
  const third = await world.again(second)
  assert.equal(third.kind, 'fresh')
  const sent = world.idp.forms.slice(1).map((form) => form.get('refresh_token'))
  assert.equal(new Set(sent).size, 3)
  assert.equal(world.idp.forms[1]?.get('client_id'), null, 'the client proves itself by Basic')
})

test('a provider that keeps the same token is asked with it again', async () => {
  await using world = await startSignedIn()
  world.idp.lie = refreshing({ tokenAnswer: { refresh_token: undefined } })
  const first = await world.again()
  assert.equal(first.kind === 'fresh' && first.grant.refreshToken, world.identity.grant?.refreshToken)
})

test('the word holds until the ID token ends', async () => {
  await using world = await startSignedIn()
  const exp = Math.floor(Date.now() / 1000) + 500
  world.idp.lie = refreshing({ claims: { exp } })
  const answer = await world.again()
  assert.equal(answer.kind === 'fresh' && answer.grant.endsAt, exp * 1000)
})

test('a nonce may be missing, and otherwise is the one of the sign-in, however often it was missing (Core §12.2)', async () => {
  await using world = await startSignedIn()
  const without = await world.again()
  claimsOf(without)
  world.idp.lie = { claims: { nonce: world.identity.claims['nonce'] } }
  const withIt = await world.again(without)
  claimsOf(withIt)
  world.idp.lie = { claims: { nonce: 'another' } }
  const other = await world.again(withIt)
  assert.equal(other.kind === 'failed' && other.error.code, 'TOKEN_INVALID')
})

for (const [what, lie] of Object.entries<Lies>({
  'another issuer': { claims: { iss: 'https://evil.test' } },
  'another audience': { claims: { aud: 'somebody-else' } },
  'another authorized party': { claims: { azp: 'somebody-else' } },
  'an end that has passed': { claims: { exp: Math.floor(Date.now() / 1000) - 300 } },
  'an age of an hour': { claims: { iat: Math.floor(Date.now() / 1000) - 3600 } },
  'the hash of another access token': { claims: { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' } },
  'a signature by a stranger': { signature: 'stranger' },
  'a changed body': { signature: 'broken' },
  'no signature': { signature: 'none' },
  'a signature with the client secret': { signature: 'hs256' },
  'userinfo about somebody else': { userInfo: { sub: 'sub-root' } },
})) {
  test(`an answer with ${what} teaches nothing, and its refresh token is kept`, async () => {
    await using world = await startSignedIn()
    world.idp.lie = refreshing(lie)
    const answer = await world.again()
    assert.equal(answer.kind === 'failed' && answer.error.code, 'TOKEN_INVALID', JSON.stringify(answer))
    assert.equal(answer.kind === 'failed' && answer.isAway, false)
    world.idp.lie = refreshing()
    assert.equal((await world.again(answer)).kind, 'fresh', 'the token before it is used up')
  })
}

test('an answer about another subject is the end of this one', async () => {
  await using world = await startSignedIn()
  world.idp.person = { ...world.idp.person, sub: 'sub-root' }
  const answer = await world.again()
  assert.deepEqual(answer, { kind: 'refused', why: 'the answer is about another subject', isUnknown: false })
})

for (const [status, error, isUnknown] of [
  [400, 'invalid_grant', false],
  [403, 'invalid_grant', false],
  [400, 'interaction_required', false],
  [403, 'access_denied', false],
  [400, 'invalid_request', true],
] as const) {
  test(`${status} ${error} is a refusal`, async () => {
    await using world = await startSignedIn()
    world.idp.lie = refusing(status, error)
    assert.deepEqual(await world.again(), { kind: 'refused', why: `the provider answered ${error}`, isUnknown })
  })
}

for (const [status, error, code, isAway] of [
  [401, 'invalid_client', 'PROVIDER_INVALID', false],
  [401, 'invalid_grant', 'CALLBACK_INVALID', false],
  [400, 'unauthorized_client', 'PROVIDER_INVALID', false],
  [400, 'invalid_scope', 'PROVIDER_INVALID', false],
  [403, 'invalid_request', 'PROVIDER_INVALID', false],
  [500, 'invalid_request', 'PROVIDER_UNREACHABLE', false],
  [502, 'invalid_grant', 'PROVIDER_UNREACHABLE', true],
  [503, 'server_error', 'PROVIDER_UNREACHABLE', true],
] as const) {
  test(`${status} ${error} is a failure, and no refusal`, async () => {
    await using world = await startSignedIn()
    world.idp.lie = refusing(status, error)
    const answer = await world.again()
    assert.equal(answer.kind, 'failed')
    assert.equal(answer.kind === 'failed' && answer.error.code, code)
    assert.equal(answer.kind === 'failed' && answer.isAway, isAway)
    assert.equal(answer.kind === 'failed' && answer.refreshToken, world.identity.grant?.refreshToken)
  })
}

test('userinfo that fails after a good token answer is a failure, with the new token kept', async () => {
  await using world = await startSignedIn()
  world.idp.lie = refreshing({ fail: { '/userinfo': 500 } })
  const answer = await world.again()
  assert.equal(answer.kind === 'failed' && answer.error.code, 'PROVIDER_UNREACHABLE')
  world.idp.lie = refreshing()
  assert.equal((await world.again(answer)).kind, 'fresh')
})

test('a provider that is gone is away', async () => {
  await using world = await startSignedIn()
  await world.idp[Symbol.asyncDispose]()
  const answer = await world.again()
  assert.equal(answer.kind === 'failed' && answer.error.code, 'PROVIDER_UNREACHABLE')
  assert.equal(answer.kind === 'failed' && answer.isAway, true)
})

test('without an ID token userinfo says who it is, and nothing of the former one stays that is about the person', async () => {
  await using world = await startSignedIn({ claims: { level: 'boss' } })
  assert.equal(world.identity.claims['level'], 'boss')
  world.idp.lie = { tokenAnswer: { id_token: undefined, expires_in: 100 }, userInfo: { groups: ['interns'] } }
  const before = Date.now()
  const answer = await world.again()
  const claims = claimsOf(answer)
  assert.deepEqual(claims['groups'], ['interns'])
  assert.equal(claims['level'], undefined)
  assert.equal(claims['iss'], world.idp.issuer)
  const endsAt = answer.kind === 'fresh' ? answer.grant.endsAt : 0
  assert.ok(endsAt >= before + 100_000 && endsAt < before + 110_000)
})

test('with neither ID token nor userinfo nothing is said, and what was said holds on', async () => {
  await using world = await startSignedIn({ metadata: { userinfo_endpoint: undefined } })
  world.idp.lie = refreshing({ metadata: { userinfo_endpoint: undefined }, tokenAnswer: { id_token: undefined } })
  assert.deepEqual(claimsOf(await world.again()), world.identity.claims)
})

test('a token is given back where the provider takes it, and what fails there makes no noise', async () => {
  const taken: string[] = []
  const server = createServer(async (request, response) => {
    taken.push(await text(request))
    response.writeHead(taken.length === 1 ? 200 : 500, { connection: 'close' }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/revoke`
  await using world = await startSignedIn({ metadata: { revocation_endpoint: endpoint } })
  const { refreshToken } = world.identity.grant ?? assert.fail()
  await world.party.revoke(refreshToken)
  const sent = new URLSearchParams(taken[0])
  assert.equal(sent.get('token'), refreshToken.reveal())
  assert.equal(sent.get('token_type_hint'), 'refresh_token')
  await world.party.revoke(refreshToken)
  assert.equal(taken.length, 2)
  await new Promise((resolve) => server.close(resolve))
  await world.party.revoke(refreshToken)

  await using without = await startSignedIn()
  await without.party.revoke(refreshToken)
  assert.equal(taken.length, 2)
})

test('nothing that could be printed shows a token', async () => {
  for (const lies of [
    refreshing(),
    refusing(400, 'rt_nonsense'),
    refusing(400, 'invalid_grant'),
    { signature: 'broken' as const },
  ]) {
    await using world = await startSignedIn()
    world.idp.lie = lies
    const answer = await world.again()
    const printed = [JSON.stringify(answer), inspect(answer, { depth: 9, showHidden: true })].join('\n')
    const secrets = [world.identity.grant, 'grant' in answer ? answer.grant : answer].map((holder) =>
      holder && 'refreshToken' in holder ? holder.refreshToken.reveal() : 'rt_none',
    )
    for (const secret of secrets) assert.ok(!printed.includes(secret), printed)
    assert.doesNotMatch(printed, /at_[0-9a-f]{6}|eyJ/)
  }
})
