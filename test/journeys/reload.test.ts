import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { LogLine } from '#test/actors/proxy.ts'
import { echoOf, startWorld, type World } from './world.ts'

const isTaken = (line: LogLine) => line['message'] === 'configuration in force'
const isRefused = (line: LogLine) => String(line['message']).startsWith('configuration refused')

const countOf = (world: World, which: (line: LogLine) => boolean) => world.proxy.log().filter(which).length

/** The usual configuration with the header `x-generation: N` on every answer, and one more route. */
function generation(world: World, number: number) {
  const routes = (world.config['routes'] as { name: string }[]).map((route) =>
    route.name === 'pub' ? { ...route, set_request_headers: { 'x-one': `${number}`, 'x-two': `${number}` } } : route,
  )
  return { ...world.config, routes }
}

test('a good edit is in force without a restart, and sessions live on', async () => {
  await using world = await startWorld()
  const bob = await world.signedIn('bob', 'any')
  assert.equal((await bob.open(world.url('hello'))).status, 403)
  world.proxy.write(JSON.parse(JSON.stringify(world.config).replaceAll('devops', 'finance')))
  await world.proxy.logged(isTaken, 'the reload')
  assert.equal((await bob.open(world.url('hello'))).status, 200)
})

test('SIGHUP reads the configuration again', async () => {
  await using world = await startWorld()
  world.proxy.signal('SIGHUP')
  await world.proxy.logged(isTaken, 'the reload')
  assert.equal((await world.browser().open(world.url('pub'))).status, 200)
})

for (const [what, textOf] of [
  ['an empty file', () => ''],
  ['half a file', (text: string) => text.slice(0, text.length / 2)],
  ['a misspelt key', (text: string) => text.replace('"allowed_groups"', '"alowed_groups"')],
  ['a wrong type', (text: string) => text.replace('"pass_identity_headers":true', '"pass_identity_headers":"perhaps"')],
  ['something that is no configuration', () => '- just\n- a list\n'],
] as const) {
  test(`${what} changes nothing and is reported`, async () => {
    await using world = await startWorld()
    const browser = await world.signedIn('alice', 'hello')
    world.proxy.writeText(textOf(readFileSync(world.proxy.configFile, 'utf8')))
    const line = await world.proxy.logged(isRefused, 'the refusal')
    assert.match(JSON.stringify(line), /ostiary\.json/)
    assert.doesNotMatch(JSON.stringify(line), new RegExp(String(world.config['shared_secret'])))
    assert.equal((await browser.open(world.url('hello'))).status, 200)
    assert.equal((await world.browser().open(world.url('pub'))).status, 200)

    world.proxy.write(world.config)
    await world.proxy.logged(isTaken, 'the way back')
  })
}

test('requests under load see one generation or the other, and none is lost', async () => {
  await using world = await startWorld()
  world.proxy.write(generation(world, 0))
  await world.proxy.logged(isTaken)
  const browser = world.browser()
  let done = false
  const seen = new Set<string>()
  const failures: string[] = []
  const client = async () => {
    while (!done) {
      try {
        const reply = await browser.fetch(world.url('pub'))
        const { headers } = echoOf(reply)
        if (headers['x-one'] !== headers['x-two']) failures.push(`${headers['x-one']} and ${headers['x-two']} in one`)
        seen.add(String(headers['x-one']))
      } catch (error) {
        failures.push(String(error))
      }
    }
  }
  const clients = Array.from({ length: 4 }, client)
  for (let number = 1; number <= 6; number++) {
    // In between, what an editor leaves while it writes.
    world.proxy.writeText('{ "routes": [')
    await pause(60)
    const before = countOf(world, isTaken)
    world.proxy.write(generation(world, number))
    for (const until = Date.now() + 5_000; countOf(world, isTaken) === before && Date.now() < until; ) await pause(20)
  }
  done = true
  await Promise.all(clients)
  assert.deepEqual(failures, [])
  assert.ok(seen.has('6'), [...seen].join())
  assert.ok(seen.size >= 3, `only ${[...seen].join()} was seen`)
})

test('a secret that changes in its own file is taken up', async () => {
  await using world = await startWorld()

  const file = `${world.proxy.configFile}.secret`
  writeFileSync(file, String(world.config['cookie_secret']))
  const { cookie_secret: _, ...rest } = world.config
  world.proxy.write({ ...rest, cookie_secret_file: file })
  await world.proxy.logged(isTaken)
  const before = countOf(world, isTaken)
  writeFileSync(file, Buffer.alloc(32, 7).toString('base64'))
  for (const until = Date.now() + 10_000; countOf(world, isTaken) === before && Date.now() < until; ) await pause(20)
  assert.equal(countOf(world, isTaken), before + 1)
})

test('a new shared_secret ends no session while the old one is among previous_shared_secrets, and all without it', async () => {
  await using world = await startWorld()
  const alice = await world.signedIn('alice', 'any')
  const rotated = { ...world.config, shared_secret: randomBytes(32).toString('base64') }
  world.proxy.write({ ...rotated, previous_shared_secrets: [world.config['shared_secret']] })
  await world.proxy.logged(isTaken, 'the new key')
  assert.equal((await alice.open(world.url('any'))).url, world.url('any'))
  assert.equal((await alice.fetch(world.url('any'))).status, 200)

  const bob = await world.signedIn('bob', 'any')
  world.proxy.write(rotated)
  while (countOf(world, isTaken) < 2) await pause(50)
  assert.equal((await alice.fetch(world.url('any'))).status, 401, 'the old key still opens')
  assert.equal((await bob.fetch(world.url('any'))).status, 200, 'what the new key sealed does not open')
})
