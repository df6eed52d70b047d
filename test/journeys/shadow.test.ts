import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogLine } from '#test/actors/proxy.ts'
import { people, startWorld } from './world.ts'

const disagrees = ({ message }: LogLine) => message === 'shadow policy disagrees'

test('rules on trial let nobody in and keep nobody out; where they disagree is logged with both sides', async () => {
  await using world = await startWorld({
    routes: ({ port, upstream: to }) => [
      {
        name: 'tried',
        from: `https://tried.corp.test:${port}`,
        to,
        allowed_groups: ['devops'],
        shadow_policy: { allow: { or: [{ groups: 'finance' }] } },
      },
    ],
  })
  const alice = await world.signedIn('alice')
  const bob = await world.signedIn('bob')
  const carol = await world.signedIn('carol')
  assert.equal((await alice.open(world.url('tried', '/a'))).status, 200)
  assert.equal((await bob.open(world.url('tried', '/b'))).status, 403)
  assert.equal((await carol.open(world.url('tried', '/c'))).status, 200)

  await world.proxy.logged((line) => disagrees(line) && line['path'] === '/b', 'the disagreement on bob')
  const [first, second, ...more] = world.proxy.log().filter((line) => disagrees(line))
  assert.deepEqual(more, [])
  const { time: _, 'request-id': __, 'route-id': ___, user: ____, compared: _____, ...told } = first ?? assert.fail()
  assert.deepEqual(told, {
    level: 'warn',
    service: 'policy',
    route: 'tried',
    method: 'GET',
    host: `tried.corp.test:${world.proxy.port}`,
    path: '/a',
    email: people.alice.email,
    live: { decision: 'allow', allow: true, 'allow-why': ['claim-ok'], deny: false, 'deny-why': [] },
    shadow: { decision: 'deny', allow: false, 'allow-why': ['groups-unauthorized'], deny: false, 'deny-why': [] },
    disagreed: 1,
    message: 'shadow policy disagrees',
  })
  assert.equal(second?.['email'], people.bob.email)
  assert.equal((second?.['shadow'] as LogLine | undefined)?.['decision'], 'allow')
})

test('many disagreements are counted, and only some of them logged', async () => {
  await using world = await startWorld({
    routes: ({ port, upstream: to }) => [
      {
        name: 'tried',
        from: `https://tried.corp.test:${port}`,
        to,
        allow_public_unauthenticated_access: true,
        shadow_policy: { deny: { or: [{ accept: true }] } },
      },
    ],
  })
  const stranger = world.browser()
  for (let times = 0; times < 30; times++) assert.equal((await stranger.fetch(world.url('tried'))).status, 200)
  const decisions = () => world.proxy.log().filter(({ service }) => service === 'authorize')
  await world.proxy.logged(() => decisions().length === 30, 'all decisions')
  const lines = world.proxy.log().filter((line) => disagrees(line))
  assert.ok(lines.length >= 10 && lines.length <= 20, `${lines.length} lines`)
  assert.equal(lines.at(-1)?.['disagreed'], lines.at(-1)?.['compared'])
})

test('a claim that only the shadow names is in the session, so that the trial is fair', async () => {
  await using world = await startWorld({
    idp: { users: [{ ...people.alice, iss_region: 'eu', huge: 'x'.repeat(30_000) }] },
    routes: ({ port, upstream: to }) => [
      {
        name: 'tried',
        from: `https://tried.corp.test:${port}`,
        to,
        allow_any_authenticated_user: true,
        shadow_policy: { allow: { or: [{ 'claim/iss_region': 'eu' }] } },
      },
    ],
  })
  const alice = await world.signedIn('alice', 'tried')
  assert.equal((await alice.open(world.url('tried'))).status, 200)
  await world.proxy.logged(
    (line) => line['service'] === 'authorize' && line['email'] === people.alice.email,
    'a decision on alice',
  )
  assert.deepEqual(
    world.proxy.log().filter((line) => disagrees(line) && line['email'] === people.alice.email),
    [],
  )
})
