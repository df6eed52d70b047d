import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { RunningProxy } from '#test/actors/proxy.ts'
import { startUpstream } from '#test/actors/upstream.ts'
import {
  descriptorsOf,
  load,
  memoryOf,
  openClient,
  plainConfig,
  publicRoute,
  type Reply,
  skipWithoutProc,
  startPlain,
} from './plain.ts'

/** Writes a configuration whose answers say `number`, and waits until they do. */
async function reloadTo(
  proxy: RunningProxy,
  { number, config, ask }: { number: number; config: object; ask: () => Promise<Reply> },
): Promise<void> {
  proxy.write({ ...config, set_response_headers: { 'x-generation': String(number) } })
  proxy.signal('SIGHUP')
  for (let tries = 0; tries < 500; tries++) {
    if ((await ask()).headers['x-generation'] === String(number)) return
    await pause(5)
  }
  throw new Error(`generation ${number} never came:\n${proxy.output().slice(-2000)}`)
}

test('300 reloads under load: no request fails, an open WebSocket lives on, memory and descriptors stay flat', {
  skip: skipWithoutProc,
}, async () => {
  await using upstream = await startUpstream((_, response) => void response.end('ok'))
  await using echo = await startUpstream()
  const routes = [
    publicRoute('pub', upstream.url),
    publicRoute('ws', echo.url, { allow_websockets: true }),
    ...Array.from({ length: 60 }, (_, at) =>
      publicRoute(`app-${at}`, upstream.url, { policy: [{ deny: { and: [{ http_path: `/${at}` }] } }] }),
    ),
  ]
  await using proxy = await startPlain(routes)
  using client = openClient(proxy, 4)
  using prober = openClient(proxy, 1)
  const ask = () => prober.ask('pub')
  const webSocket = new WebSocket(`ws://127.0.0.1:${proxy.port}/`, { headers: { host: 'ws.corp.test' } })
  await once(webSocket, 'open')
  const under = load(async () => {
    const reply = await client.ask('pub')
    await pause(5)
    return reply
  }, 4)
  const config = plainConfig(routes)
  for (let number = 1; number <= 100; number++) await reloadTo(proxy, { number, config, ask })
  const before = { memory: memoryOf(proxy), descriptors: descriptorsOf(proxy) }
  for (let number = 101; number <= 300; number++) await reloadTo(proxy, { number, config, ask })
  const after = { memory: memoryOf(proxy), descriptors: descriptorsOf(proxy) }
  const { 200: good = 0, ...others } = await under.end()
  assert.deepEqual(others, {})
  assert.ok(good > 300, String(good))
  const seen = JSON.stringify({ before, after })
  // A snapshot of 62 routes that stayed would be half a megabyte; less than that times 200, and more than the collector's mood.
  assert.ok(after.memory < before.memory + 80, seen)
  assert.ok(after.descriptors <= before.descriptors + 3, seen)

  webSocket.send('still there?')
  const [answer] = (await once(webSocket, 'message')) as [Buffer]
  assert.equal(answer.toString(), 'still there?')
  webSocket.terminate()
})

test('whatever becomes of the file, the last good configuration stays, and the first good one after it is taken', async () => {
  await using upstream = await startUpstream()
  const routes = [publicRoute('pub', upstream.url)]
  await using proxy = await startPlain(routes)
  using client = openClient(proxy)
  const ask = () => client.ask('pub')
  const config = plainConfig(routes)
  await reloadTo(proxy, { number: 1, config, ask })
  const fates: readonly (() => void)[] = [
    () => proxy.writeText(''),
    () => proxy.writeText('{"routes": ['),
    () => proxy.writeText('routes: [{from: https://pub.corp.test, to: http://127.0.0.1:1, alow: x}]'),
    () => proxy.writeText('\0\xff\xfe'),
    () => rmSync(proxy.configFile),
    () => {
      writeFileSync(proxy.configFile, 'secret: unreadable', { mode: 0o000 })
      chmodSync(proxy.configFile, 0o000)
    },
  ]
  for (const [at, fate] of fates.entries()) {
    fate()
    proxy.signal('SIGHUP')
    await pause(150)
    const { status, headers } = await ask()
    assert.deepEqual([status, headers['x-generation']], [200, '1'], `after ${at}`)
  }
  assert.ok(proxy.log().some(({ message }) => String(message).startsWith('configuration refused')))
  assert.equal(await proxy.health('/readyz'), 200)
  chmodSync(proxy.configFile, 0o644)
  await reloadTo(proxy, { number: 2, config, ask })
})

test('a file that changes a hundred times in a moment ends in the last version', async () => {
  await using upstream = await startUpstream()
  const routes = [publicRoute('pub', upstream.url)]
  await using proxy = await startPlain(routes)
  using client = openClient(proxy)
  const under = load(() => client.ask('pub'), 2)
  const config = plainConfig(routes)
  for (let number = 1; number <= 100; number++) {
    if (number % 3 === 0) proxy.writeText('{"routes": [')
    else proxy.write({ ...config, set_response_headers: { 'x-generation': String(number) } })
    await pause(number % 7)
  }
  // Nobody sends a signal: the watcher alone has to find it.
  for (let tries = 0; tries < 250 && (await client.ask('pub')).headers['x-generation'] !== '100'; tries++)
    await pause(20)
  assert.equal((await client.ask('pub')).headers['x-generation'], '100')
  const { 200: _, ...others } = await under.end()
  assert.deepEqual(others, {})
})

test('a thousand routes are served from the first to the last, and readiness waits for them', async () => {
  await using upstream = await startUpstream()
  const routes = Array.from({ length: 1000 }, (_, at) => publicRoute(`app-${at}`, upstream.url))
  await using proxy = await startPlain(routes)
  using client = openClient(proxy)
  for (const at of [0, 1, 500, 999]) assert.equal((await client.ask(`app-${at}`)).status, 200)
  assert.equal((await client.ask('app-1000')).status, 404)
})
