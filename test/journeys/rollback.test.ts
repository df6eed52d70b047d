import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freePort } from '#test/actors/program.ts'
import type { Config } from '#test/actors/proxy.ts'
import { startWorld, type World } from './world.ts'

const limits = { window: '60s', deny_rate_increase: '50%', minimum_requests: 10 }

/** The same routes, `pub` changed. */
function withPub(world: World, change: Config): Config {
  const routes = world.config['routes'] as Config[]
  return { ...world.config, routes: routes.map((route) => (route['name'] === 'pub' ? { ...route, ...change } : route)) }
}

const closed = {
  allow_public_unauthenticated_access: false,
  policy: { allow: { or: [{ accept: true }] }, deny: { or: [{ accept: true }] } },
}

async function ask(world: World, times: number): Promise<number[]> {
  const stranger = world.browser()
  const statuses: number[] = []
  for (let time = 0; time < times; time++) statuses.push((await stranger.fetch(world.url('pub'))).status)
  return statuses
}

async function reload(world: World, config: Config): Promise<void> {
  const count = () => world.proxy.log().filter(({ message }) => message === 'configuration in force').length
  const before = count()
  world.proxy.write(config)
  await world.proxy.logged(() => count() > before, 'a configuration in force')
}

const told = (world: World, begin: string) =>
  world.proxy.logged(({ message }) => String(message).startsWith(begin), `"${begin}…"`)

test('a configuration that denies what was allowed is taken back, told loudly, and not taken again until it changes', async () => {
  await using world = await startWorld({ settings: { config_rollback: limits } })
  assert.deepEqual(new Set(await ask(world, 12)), new Set([200]))
  await reload(world, withPub(world, closed))
  await ask(world, 12)
  const line = await told(world, 'configuration rolled back')
  assert.equal(line['message'], 'configuration rolled back: denials jumped')
  assert.equal(line['level'], 'error')
  assert.equal(line['denied-before'], 0)
  assert.equal(line['denied-after'], 1)
  assert.deepEqual(await ask(world, 3), [200, 200, 200])

  world.proxy.signal('SIGHUP')
  await told(world, 'configuration refused: it was rolled back and has not changed since')
  assert.deepEqual(await ask(world, 1), [200])

  await reload(world, withPub(world, { description: 'mended' }))
  assert.deepEqual(await ask(world, 1), [200])
})

test('a configuration under which applications fail is taken back, too', async () => {
  await using world = await startWorld({ settings: { config_rollback: limits } })
  await ask(world, 12)
  await reload(world, withPub(world, { to: `http://127.0.0.1:${await freePort()}` }))
  const failed = await ask(world, 12)
  assert.ok(failed.some((status) => status >= 500))
  assert.equal(
    (await told(world, 'configuration rolled back'))['message'],
    'configuration rolled back: failures jumped',
  )
  assert.deepEqual(await ask(world, 1), [200])
})

test('without the setting, from few requests, and where as much was denied before, nothing is taken back', async () => {
  const short = { ...limits, window: '1s' }
  await using plain = await startWorld()
  await ask(plain, 12)
  await reload(plain, withPub(plain, closed))
  assert.deepEqual(new Set(await ask(plain, 12)), new Set([403]))

  await using few = await startWorld({ settings: { config_rollback: { ...short, minimum_requests: 100 } } })
  await ask(few, 12)
  await reload(few, withPub(few, closed))
  await ask(few, 12)
  await told(few, 'configuration kept')
  assert.deepEqual(await ask(few, 1), [403])

  await using same = await startWorld({ settings: { config_rollback: short } })
  await reload(same, withPub(same, closed))
  await told(same, 'configuration kept')
  await ask(same, 12)
  await reload(same, withPub(same, { ...closed, description: 'another' }))
  await ask(same, 12)
  await same.proxy.logged(
    () => same.proxy.log().filter(({ message }) => message === 'configuration kept').length > 1,
    'the second configuration kept',
  )
  for (const world of [plain, few, same])
    assert.ok(!world.proxy.log().some(({ message }) => String(message).includes('rolled back')))
})
