/** How long what the broker gives out lasts: each setting of `expiry` and `sessions`, with short values. */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { BrokerSettings } from '#src/config/dex/broker-settings.ts'
import { milliseconds } from '#src/wire/units.ts'
import type { Page } from '#test/actors/browser.ts'
import {
  answerOf,
  authorizeUrl,
  claimsIn,
  client,
  post,
  redeem,
  refresh,
  signIn,
  startBroker,
  type World,
} from '#test/broker/world.ts'

type Expiry = BrokerSettings['expiry']
type RefreshTokens = Expiry['refreshTokens']

/** The clock of this process alone, which moves when it is told to; sockets and timers keep the real one. */
function startClock(): Disposable & { tick(milliseconds: number): void } {
  const real = Date.now()
  mock.timers.enable({ apis: ['Date'], now: real })
  return { tick: (more) => mock.timers.setTime(Date.now() + more), [Symbol.dispose]: () => mock.timers.reset() }
}

const minute = 60_000
const second = 1000

function expiry({
  refreshTokens,
  ...more
}: Partial<Omit<Expiry, 'refreshTokens'>> & { refreshTokens?: Partial<RefreshTokens> } = {}): Expiry {
  const zero = milliseconds(0)
  return {
    idTokens: milliseconds(10 * minute),
    authRequests: milliseconds(60 * minute),
    deviceRequests: milliseconds(5 * minute),
    signingKeys: milliseconds(360 * minute),
    ...more,
    refreshTokens: {
      disableRotation: false,
      reuseInterval: zero,
      validIfNotUsedFor: zero,
      absoluteLifetime: zero,
      ...refreshTokens,
    },
  }
}

const sessions = (absolute: number, idle: number) => ({
  absoluteLifetime: milliseconds(absolute),
  validIfNotUsedFor: milliseconds(idle),
  rememberMeCheckedByDefault: true,
})

const tokensOf = async (world: World) => redeem(world, await signIn(world.browser(), authorizeUrl(world.issuer)))
const userinfo = (world: World, token: unknown) =>
  fetch(`${world.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
const asksForPassword = (page: Page) => /type="password"/.test(page.body)

test('expiry.idTokens: ID token and access token end with it, expires_in says so, and userinfo and introspection agree', async () => {
  using clock = startClock()
  await using world = await startBroker({ settings: { expiry: expiry({ idTokens: milliseconds(2 * second) }) } })
  const { body } = await tokensOf(world)
  assert.ok(Number(body['expires_in']) <= 2 && Number(body['expires_in']) >= 1, String(body['expires_in']))
  for (const token of [body['id_token'], body['access_token']]) {
    const { iat, exp } = claimsIn(token)
    assert.equal(Number(exp) - Number(iat), 2)
  }
  assert.equal((await userinfo(world, body['access_token'])).status, 200)
  clock.tick(3 * second)
  assert.equal((await userinfo(world, body['access_token'])).status, 401)
  const seen = await post(`${world.issuer}/token/introspect`, { token: String(body['access_token']) })
  assert.equal(seen.body['active'], false)
  assert.equal((await refresh(world, body['refresh_token'])).status, 200, 'the refresh token ended with it')
})

test('expiry.refreshTokens.validIfNotUsedFor: each use counts anew, and disuse ends it', async () => {
  using clock = startClock()
  await using world = await startBroker({
    settings: { expiry: expiry({ refreshTokens: { validIfNotUsedFor: milliseconds(3 * second) } }) },
  })
  let token = (await tokensOf(world)).body['refresh_token']
  for (let use = 0; use < 2; use++) {
    clock.tick(1800)
    const answer = await refresh(world, token)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    token = answer.body['refresh_token']
  }
  clock.tick(4100)
  const late = await refresh(world, token)
  assert.deepEqual([late.status, late.body['error']], [400, 'invalid_grant'])
})

test('expiry.refreshTokens.absoluteLifetime: no use goes beyond it', async () => {
  using clock = startClock()
  await using world = await startBroker({
    settings: { expiry: expiry({ refreshTokens: { absoluteLifetime: milliseconds(4 * second) } }) },
  })
  let answer = await tokensOf(world)
  clock.tick(2500)
  answer = await refresh(world, answer.body['refresh_token'])
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  clock.tick(2700)
  const late = await refresh(world, answer.body['refresh_token'])
  assert.deepEqual([late.status, late.body['error']], [400, 'invalid_grant'])
})

test('expiry.refreshTokens.disableRotation: the token stays the same, and validIfNotUsedFor counts from its last use', async () => {
  using clock = startClock()
  await using world = await startBroker({
    settings: {
      expiry: expiry({ refreshTokens: { disableRotation: true, validIfNotUsedFor: milliseconds(3 * second) } }),
    },
  })
  const token = (await tokensOf(world)).body['refresh_token']
  for (let use = 0; use < 2; use++) {
    clock.tick(1800)
    const { status, body } = await refresh(world, token)
    assert.deepEqual([status, body['refresh_token']], [200, token])
  }
  clock.tick(4100)
  assert.equal((await refresh(world, token)).status, 400)
})

test('expiry.refreshTokens.reuseInterval: a lost answer is given again, a later replay ends the family', async () => {
  using clock = startClock()
  await using world = await startBroker({
    settings: { expiry: expiry({ refreshTokens: { reuseInterval: milliseconds(second) } }) },
  })
  const token = (await tokensOf(world)).body['refresh_token']
  const first = await refresh(world, token)
  const again = await refresh(world, token)
  assert.deepEqual([again.status, again.body['refresh_token']], [200, first.body['refresh_token']])
  clock.tick(2500)
  assert.equal((await refresh(world, token)).body['error'], 'invalid_grant')
  assert.equal((await refresh(world, first.body['refresh_token'])).body['error'], 'invalid_grant')
})

test('expiry.refreshTokens.reuseInterval: another client gets nothing of it, nor other scopes', async () => {
  await using world = await startBroker({
    clients: [client('app'), client('other')],
    settings: { expiry: expiry({ refreshTokens: { reuseInterval: milliseconds(3 * second) } }) },
  })
  const token = (await tokensOf(world)).body['refresh_token']
  assert.equal((await refresh(world, token)).status, 200)
  const other = await refresh(world, token, {}, { id: 'other', secret: 'other-secret' })
  assert.deepEqual([other.status, other.body['error']], [400, 'invalid_grant'])
  assert.equal((await refresh(world, token, { scope: 'openid' })).status, 400)
})

test('sessions.validIfNotUsedFor: whoever stays away signs in again, whoever comes back in time does not', async () => {
  using clock = startClock()
  await using world = await startBroker({ settings: { sessions: sessions(60 * minute, 3 * second) } })
  const browser = world.browser()
  await signIn(browser, authorizeUrl(world.issuer))
  clock.tick(1800)
  assert.ok(answerOf(await browser.open(authorizeUrl(world.issuer))).get('code'))
  clock.tick(1800)
  assert.ok(answerOf(await browser.open(authorizeUrl(world.issuer))).get('code'), 'a visit did not count')
  clock.tick(4100)
  assert.ok(asksForPassword(await browser.open(authorizeUrl(world.issuer))))
})

test('sessions.absoluteLifetime: visits do not make it longer', async () => {
  using clock = startClock()
  await using world = await startBroker({ settings: { sessions: sessions(4 * second, 60 * minute) } })
  const browser = world.browser()
  await signIn(browser, authorizeUrl(world.issuer))
  clock.tick(2500)
  assert.ok(answerOf(await browser.open(authorizeUrl(world.issuer))).get('code'))
  clock.tick(2700)
  assert.ok(asksForPassword(await browser.open(authorizeUrl(world.issuer))))
})

test('refreshTokenLifetime: a token that is bound to the session ends with it, one that stands alone does not', async () => {
  using clock = startClock()
  await using world = await startBroker({
    clients: [client('app', { refreshTokenLifetime: 'session' }), client('free')],
    settings: { sessions: sessions(60 * minute, 2 * second) },
  })
  const browser = world.browser()
  const bound = await redeem(world, await signIn(browser, authorizeUrl(world.issuer)))
  const who = { id: 'free', secret: 'free-secret' }
  const free = await redeem(world, await browser.open(authorizeUrl(world.issuer, { client_id: 'free' })), {}, who)
  assert.equal(free.status, 200, JSON.stringify(free.body))
  clock.tick(3 * second)
  assert.equal((await refresh(world, bound.body['refresh_token'])).body['error'], 'invalid_grant')
  assert.equal((await refresh(world, free.body['refresh_token'], {}, who)).status, 200)
})

test('expiry.deviceRequests: a device that waits too long hears expired_token (RFC 8628 §3.5)', async () => {
  using clock = startClock()
  await using world = await startBroker({ settings: { expiry: expiry({ deviceRequests: milliseconds(second) }) } })
  const asked = await post(`${world.issuer}/device/code`, { scope: 'openid' })
  assert.equal(asked.body['expires_in'], 1)
  clock.tick(2200)
  const late = await post(`${world.issuer}/token`, {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: String(asked.body['device_code']),
  })
  assert.deepEqual([late.status, late.body['error']], [400, 'expired_token'])
})

test('expiry.authRequests: a form that lay open too long signs nobody in', async () => {
  using clock = startClock()
  await using world = await startBroker({ settings: { expiry: expiry({ authRequests: milliseconds(second) }) } })
  const browser = world.browser()
  const form = await browser.open(authorizeUrl(world.issuer))
  clock.tick(2200)
  const late = await browser.submit(form, { login: 'alice@corp.test', password: 'open sesame' })
  assert.equal(answerOf(late).get('code'), null)
  assert.ok(late.status >= 400, String(late.status))
})
