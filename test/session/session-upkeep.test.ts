import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#src/crypto/secret.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'
import type { Asking, Refresh } from '#src/identity/refresh.ts'
import { makeSession } from '#src/session/payload.ts'
import { RevokedSessions } from '#src/session/revoked-sessions.ts'
import type { Claims, Session } from '#src/session/session.ts'
import { SessionUpkeep, type UpkeepOptions } from '#src/session/session-upkeep.ts'

const start = 1_800_000_000_000
const hour = 3_600_000

/** A provider whose answers wait until the test gives them. */
function setUp(options: Partial<UpkeepOptions> & { interval?: number } = {}) {
  const clock = { now: start }
  const asked: (Asking & { answer(refresh: Refresh): Promise<void> })[] = []
  const givenBack: string[] = []
  const lines: string[] = []
  const changes: string[] = []
  const provider = {
    id: 'provider',
    refresh: (asking: Asking) => {
      const { promise, resolve } = Promise.withResolvers<Refresh>()
      // What was asked, not what the line holds later.
      asked.push({ ...asking, answer: (refresh) => settle(() => resolve(refresh)) })
      return promise
    },
    revoke: async (token: Secret) => void givenBack.push(token.reveal()),
  }
  const revoked = new RevokedSessions()
  const { interval = 0, ...more } = options
  const keeper = new SessionUpkeep({ revoked, clock: () => clock.now, random: () => 0.5, patience: 50, ...more })
  keeper.onChanged((id) => changes.push(id))
  const log = {
    event: (level: string, message: string, fields?: object) =>
      void lines.push(JSON.stringify({ level, message, ...fields })),
  }
  const upkeep = keeper.under({ provider, interval, shape: (session) => session, log })
  return {
    clock,
    asked,
    givenBack,
    lines,
    changes,
    revoked,
    keeper,
    upkeep,
    /** Signs somebody in with a token that lasts for an hour. */
    signIn(
      id: string,
      { claims = ada, life = hour, token = `rt-${id}` }: { claims?: Claims; life?: number; token?: string } = {},
    ): Session {
      const grant = { refreshToken: new Secret(token), endsAt: clock.now + life }
      return upkeep.begin(sessionOf(id, claims), { claims, grant }, clock.now)
    },
    now: (session: Session) => upkeep.current(session, clock.now),
    advance: (span: number) => {
      clock.now += span
    },
    fresh: (claims: Claims, token = 'rt-next', life = hour): Refresh => ({
      kind: 'fresh',
      claims,
      grant: { refreshToken: new Secret(token), endsAt: clock.now + life },
    }),
  }
}

const ada = { sub: 'u-1', email: 'ada@corp.test', groups: ['devops'] }

function sessionOf(id: string, claims: Claims): Session {
  return makeSession({ id, userId: 'u-1', claims, issuedAt: start, expiresAt: start + 14 * hour })
}

async function settle(act: () => void): Promise<void> {
  act()
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

function failed({ token = 'rt-1', isAway = false } = {}): Refresh {
  const error = new ProxyError('PROVIDER_UNREACHABLE', 'cannot refresh the session: it failed')
  return { kind: 'failed', error, refreshToken: new Secret(token), isAway }
}

const refused = (isUnknown = false): Refresh => ({
  kind: 'refused',
  why: 'the provider answered invalid_grant',
  isUnknown,
})

function atOnce(value: Session | undefined | Promise<Session | undefined>): Session | undefined {
  assert.ok(!(value instanceof Promise), 'had to wait')
  return value
}

test('until four fifths of the life have passed nobody is asked, and the session is the cookie’s own', () => {
  const world = setUp()
  const session = world.signIn('s-1')
  world.advance(0.75 * hour)
  assert.equal(world.now(session), session)
  assert.equal(world.asked.length, 0)
})

test('a session without a refresh token is left alone for ever', () => {
  const world = setUp()
  const session = sessionOf('s-1', ada)
  world.upkeep.begin(session, { claims: ada, grant: undefined }, start)
  world.advance(13 * hour)
  assert.equal(world.now(session), session)
  assert.equal(world.keeper.size, 0)
})

test('when it is due, requests go on at once and one question is asked for all of them', async () => {
  const world = setUp()
  const session = world.signIn('s-1')
  world.advance(0.85 * hour)
  for (let i = 0; i < 50; i++) assert.equal(atOnce(world.now(session)), session)
  await settle(() => {})
  assert.equal(world.asked.length, 1)
  assert.equal(world.asked[0]?.refreshToken.reveal(), 'rt-s-1')
  await world.asked[0]?.answer(world.fresh({ ...ada, groups: [] }))
  const now = atOnce(world.now(session))
  assert.deepEqual(now?.flatClaims.get('groups'), [])
  assert.equal(now?.id, 's-1')
  assert.equal(now?.expiresAt, session.expiresAt)
  assert.equal(atOnce(world.now(session)), now, 'the same object, so that its signed assertion is kept')
  assert.deepEqual(world.changes, ['s-1'])
  assert.equal(world.asked.length, 1)
})

test('what has not changed changes nothing but how long it is fresh', async () => {
  const world = setUp()
  const session = world.signIn('s-1')
  world.advance(0.85 * hour)
  void world.now(session)
  await settle(() => {})
  await world.asked[0]?.answer(world.fresh({ groups: ['devops'], email: 'ada@corp.test', sub: 'u-1' }))
  const now = atOnce(world.now(session))
  assert.deepEqual(now?.claims, session.claims)
  assert.equal((now?.freshUntil ?? 0) - (session.freshUntil ?? 0), 0.85 * hour)
  assert.deepEqual(world.changes, [])
  assert.match(
    world.lines.join('\n'),
    /"message":"session refreshed","service":"identity","session-id":"s-1","changed":false/,
  )
})

test('the token of the answer is what is asked with next', async () => {
  const world = setUp()
  const session = world.signIn('s-1')
  for (const [turn, token] of ['rt-s-1', 'rt-b', 'rt-c'].entries()) {
    world.advance(0.85 * hour)
    void world.now(session)
    await settle(() => {})
    assert.equal(world.asked[turn]?.refreshToken.reveal(), token)
    await world.asked[turn]?.answer(world.fresh(ada, turn === 0 ? 'rt-b' : 'rt-c'))
  }
})

test('session_refresh_interval asks earlier than the token’s life would', async () => {
  const world = setUp({ interval: 0.1 * hour })
  const session = world.signIn('s-1')
  world.advance(0.09 * hour)
  void world.now(session)
  await settle(() => {})
  assert.equal(world.asked.length, 0)
  world.advance(0.02 * hour)
  void world.now(session)
  await settle(() => {})
  assert.equal(world.asked.length, 1)
})

test('a request whose token has ended waits for the answer, and is judged by it', async () => {
  const world = setUp()
  const session = world.signIn('s-1')
  world.advance(2 * hour)
  const waiting = [world.now(session), world.now(session)]
  assert.ok(waiting.every((one) => one instanceof Promise))
  await settle(() => {})
  assert.equal(world.asked.length, 1)
  await world.asked[0]?.answer(world.fresh({ ...ada, groups: ['interns'] }))
  for (const one of waiting) assert.deepEqual((await one)?.claims['groups'], ['interns'])
})

test('it waits so long and no longer, and is nobody then', async () => {
  const world = setUp()
  const session = world.signIn('s-1')
  world.advance(2 * hour)
  assert.equal(await world.now(session), undefined)
  await world.asked[0]?.answer(world.fresh(ada))
  assert.deepEqual(atOnce(world.now(session))?.claims, session.claims)
})

test('while the provider fails the session goes on to the end of its token, with growing pauses between tries, and no further', async () => {
  const world = setUp()
  const session = world.signIn('s-1')
  world.advance(0.85 * hour)
  const moments: number[] = []
  while (world.clock.now < start + hour) {
    assert.equal(atOnce(world.now(session)), session)
    await settle(() => {})
    const last = world.asked.at(-1)
    if (world.asked.length > moments.length) {
      moments.push(world.clock.now)
      await last?.answer(failed({ token: 'rt-s-1' }))
    }
    world.advance(1000)
  }
  const pauses = moments.slice(1).map((moment, at) => (moment - (moments[at] ?? 0)) / 1000)
  assert.deepEqual(pauses.slice(0, 6), [5, 10, 20, 40, 60, 60])
  const last = world.now(session)
  await settle(() => {})
  await world.asked.at(-1)?.answer(failed())
  assert.equal(await last, undefined, 'nobody, after a last try')
  assert.deepEqual(world.changes, ['s-1'], 'what it holds open is judged')
  assert.equal(atOnce(world.now(session)), undefined, 'a pause is no reason to go on')
  assert.equal(world.upkeep.isCutOff('s-1', world.clock.now), false, 'the provider is there and fails')
  world.advance(5_000)
  const waiting = world.now(session)
  await settle(() => {})
  await world.asked.at(-1)?.answer(failed({ isAway: true }))
  assert.equal(await waiting, undefined)
  assert.equal(world.upkeep.isCutOff('s-1', world.clock.now), true)
  world.advance(5_000)
  const again = world.now(session)
  await settle(() => {})
  await world.asked.at(-1)?.answer(world.fresh(ada))
  assert.deepEqual((await again)?.claims, session.claims, 'back with the provider')
  assert.equal(world.upkeep.isCutOff('s-1', world.clock.now), false)
})

test('a failure whose answer brought another token is followed by a question with that one', async () => {
  const world = setUp()
  const session = world.signIn('s-1')
  world.advance(0.85 * hour)
  void world.now(session)
  await settle(() => {})
  await world.asked[0]?.answer(failed({ token: 'rt-rotated' }))
  world.advance(10_000)
  void world.now(session)
  await settle(() => {})
  assert.equal(world.asked[1]?.refreshToken.reveal(), 'rt-rotated')
})

test('a provider that throws is asked again after a pause, not by each request', async () => {
  const world = setUp()
  const session = world.signIn('s-1')
  world.advance(0.85 * hour)
  const { lines, clock } = world
  let calls = 0
  const upkeep = world.keeper.under({
    provider: {
      id: 'provider',
      refresh: () => {
        calls++
        return Promise.reject(new Error('a mistake of ours'))
      },
      revoke: async () => {},
    },
    interval: 0,
    shape: (one) => one,
    log: { event: (_, message) => void lines.push(message) },
  })
  for (let i = 0; i < 5; i++) {
    assert.equal(upkeep.current(session, clock.now), session)
    await settle(() => {})
  }
  assert.equal(calls, 1)
  assert.deepEqual(lines, ['session refresh failed'])
})

test('a refusal ends the session, and nothing is given back', async () => {
  const world = setUp()
  const session = world.signIn('s-1')
  world.advance(0.85 * hour)
  void world.now(session)
  await settle(() => {})
  await world.asked[0]?.answer(refused())
  assert.ok(world.revoked.isRevoked(session))
  assert.equal(world.keeper.size, 0)
  assert.deepEqual(world.givenBack, [])
  assert.match(world.lines.join('\n'), /session refresh refused, session ended.*"s-1"/)
})

test('who waits for an answer that is a refusal is nobody', async () => {
  const world = setUp()
  const session = world.signIn('s-1')
  world.advance(2 * hour)
  const waiting = world.now(session)
  await settle(() => {})
  await world.asked[0]?.answer(refused())
  assert.equal(await waiting, undefined)
})

test('how somebody signed in is not changed by a refresh', async () => {
  const world = setUp()
  const plain = world.signIn('s-1', { claims: { ...ada, auth_time: 5 } })
  const strong = world.signIn('s-2', { claims: { ...ada, acr: 'mfa', amr: ['otp'], auth_time: 7 } })
  world.advance(0.85 * hour)
  for (const session of [plain, strong]) void world.now(session)
  await settle(() => {})
  await world.asked[0]?.answer(world.fresh({ ...ada, name: 'Ada', acr: 'mfa', auth_time: 99 }))
  await world.asked[1]?.answer(world.fresh({ ...ada, name: 'Ada' }))
  assert.deepEqual(atOnce(world.now(plain))?.claims, { ...ada, name: 'Ada', auth_time: 5 })
  assert.deepEqual(atOnce(world.now(strong))?.claims, { ...ada, name: 'Ada', acr: 'mfa', amr: ['otp'], auth_time: 7 })
})

test('one token for each user (Dex): the older session goes on with the token of the newer sign-in', async () => {
  const world = setUp()
  const older = world.signIn('s-1', { claims: { ...ada, acr: 'plain' } })
  world.advance(0.5 * hour)
  const newer = world.signIn('s-2', { claims: { ...ada, groups: ['devops', 'new'], acr: 'mfa' } })
  world.advance(0.35 * hour)
  void world.now(older)
  await settle(() => {})
  await world.asked[0]?.answer(refused(true))
  assert.deepEqual(atOnce(world.now(older))?.claims, { ...ada, groups: ['devops', 'new'], acr: 'plain' })
  assert.deepEqual(world.changes, ['s-1'])
  world.advance(0.5 * hour)
  for (const session of [older, newer]) void world.now(session)
  await settle(() => {})
  assert.equal(world.asked.length, 2, 'one question for both')
  assert.equal(world.asked[1]?.refreshToken.reveal(), 'rt-s-2')
  await world.asked[1]?.answer(world.fresh({ ...ada, groups: [] }))
  for (const session of [older, newer]) assert.deepEqual(atOnce(world.now(session))?.claims['groups'], [])

  world.revoked.revoke(older, world.clock.now)
  await settle(() => {})
  assert.deepEqual(world.givenBack, [], 'the other one lives on it')
  world.advance(0.85 * hour)
  void world.now(newer)
  await settle(() => {})
  await world.asked[2]?.answer(refused(true))
  assert.ok(world.revoked.isRevoked(newer), 'no newer one is there')
})

test('a token for each session: what the provider ended for one, the sign-in of another does not bring back', async () => {
  const world = setUp()
  const laptop = world.signIn('s-1')
  const desktop = world.signIn('s-2')
  world.advance(0.85 * hour)
  void world.now(laptop)
  await settle(() => {})
  await world.asked[0]?.answer(refused())
  assert.ok(world.revoked.isRevoked(laptop))
  assert.ok(!world.revoked.isRevoked(desktop))
})

test('an unknown token is never replaced by that of an older sign-in, nor of somebody else', async () => {
  const world = setUp()
  world.signIn('s-1')
  world.signIn('s-0', { claims: { ...ada, sub: 'u-2' } })
  const newest = world.signIn('s-2')
  world.signIn('s-3', { claims: { ...ada, sub: 'u-2' } })
  world.advance(0.85 * hour)
  void world.now(newest)
  await settle(() => {})
  await world.asked[0]?.answer(refused(true))
  assert.ok(world.revoked.isRevoked(newest))
})

test('signing out gives the token back, and while it is being asked with, its successor', async () => {
  const world = setUp()
  const one = world.signIn('s-1')
  world.revoked.revoke(one, world.clock.now)
  await settle(() => {})
  assert.deepEqual(world.givenBack, ['rt-s-1'])

  const two = world.signIn('s-2')
  world.advance(0.85 * hour)
  void world.now(two)
  await settle(() => {})
  world.revoked.revoke(two, world.clock.now)
  await settle(() => {})
  assert.deepEqual(world.givenBack, ['rt-s-1'])
  await world.asked[0]?.answer(world.fresh(ada, 'rt-late'))
  await settle(() => {})
  assert.deepEqual(world.givenBack, ['rt-s-1', 'rt-late'])
})

test('a person’s other session keeps its grant when one signs out', async () => {
  const world = setUp()
  const one = world.signIn('s-1')
  world.signIn('s-2')
  world.revoked.revoke(one, world.clock.now)
  await settle(() => {})
  assert.deepEqual(world.givenBack, [])
})

test('so many questions at once and no more', async () => {
  const world = setUp({ atOnce: 3 })
  const sessions = Array.from({ length: 10 }, (_, at) =>
    world.signIn(`s-${at}`, { claims: { ...ada, sub: `u-${at}` } }),
  )
  world.advance(0.85 * hour)
  for (const session of sessions) void world.now(session)
  await settle(() => {})
  assert.equal(world.asked.length, 3)
  await world.asked[0]?.answer(world.fresh(ada))
  assert.equal(world.asked.length, 4)
  for (let at = 1; at < 10; at++) await world.asked[at]?.answer(at % 2 ? failed() : refused())
  assert.equal(world.asked.length, 10)
})

test('the memory is bounded: the oldest leaves for its cookie, and ends where its cookie says more than what holds', async () => {
  const world = setUp({ limit: 2 })
  const [one, two] = [world.signIn('s-1'), world.signIn('s-2')]
  world.advance(0.85 * hour)
  void world.now(two)
  await settle(() => {})
  await world.asked[0]?.answer(world.fresh({ ...ada, groups: [] }))
  world.signIn('s-3')
  assert.equal(world.keeper.size, 2)
  assert.equal(world.now(one), one)
  assert.ok(!world.revoked.isRevoked(one))
  world.signIn('s-4')
  assert.equal(world.keeper.size, 2)
  assert.ok(world.revoked.isRevoked(two), 'its cookie would bring the group back')
})

test('sessions that have expired make room first', () => {
  const world = setUp({ limit: 2 })
  world.signIn('s-1')
  world.advance(15 * hour)
  world.signIn('s-2')
  assert.equal(world.keeper.size, 1)
})

test('what another process has sealed is taken as it is while it is fresh, then only for what cannot be sent away', () => {
  const [one, other] = [setUp({ interval: hour }), setUp({ interval: hour })]
  const session = one.signIn('s-1', { life: 9 * hour })
  const plain = sessionOf('s-2', ada)
  const steps = [
    { at: 0.99 * hour, isDue: false, isThere: true },
    { at: 1.01 * hour, isDue: true, isThere: true },
    { at: 1.99 * hour, isDue: true, isThere: true },
    { at: 2.01 * hour, isDue: true, isThere: false },
  ]
  for (const { at, isDue, isThere } of steps) {
    const now = start + at
    assert.equal(other.upkeep.isDue(session, now), isDue, `${at}`)
    assert.equal(atOnce(other.upkeep.current(session, now)) !== undefined, isThere, `${at}`)
    // Who has the token asks, and sends nobody round.
    assert.equal(one.upkeep.isDue(session, now), false)
    // Where there was never anything to ask with, nothing has changed.
    assert.equal(other.upkeep.isDue(plain, now), false)
    assert.equal(other.upkeep.current(plain, now), plain)
  }
})

test('without an interval it ends elsewhere with the token, and seconds after the sign-in nobody is sent round', () => {
  const [one, other] = [setUp(), setUp()]
  const session = one.signIn('s-1')
  assert.equal(other.upkeep.current(session, start + 0.99 * hour), session)
  assert.equal(other.upkeep.current(session, start + hour), undefined)
  const short = setUp({ interval: 1000 }).signIn('s-2')
  assert.equal(other.upkeep.isDue(short, start + 9_000), false)
  assert.equal(other.upkeep.isDue(short, start + 10_000), true)
})
