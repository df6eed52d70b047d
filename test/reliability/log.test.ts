import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { test } from 'node:test'
import { startUpstream } from '#test/actors/upstream.ts'
import { memoryOf, openClient, publicRoute, skipWithoutProc, startPlain } from './plain.ts'

test('a log that nobody reads stops no request, costs bounded memory, and is read on with what was dropped counted', {
  skip: skipWithoutProc,
}, async () => {
  await using upstream = await startUpstream((_, response) => void response.end('ok'))
  await using proxy = await startPlain([publicRoute('pub', upstream.url)], { stdout: 'held' })
  using client = openClient(proxy)
  const long = `/${'x'.repeat(900)}`
  const ask = async (count: number) => {
    for (let asked = 0; asked < count; asked += 16) {
      const replies = await Promise.all(Array.from({ length: 16 }, () => client.ask('pub', long)))
      for (const { status } of replies) assert.equal(status, 200)
    }
  }
  // Two lines of more than 1 KiB each: the pipe and all that may wait are full long before the end.
  await ask(2400)
  const before = memoryOf(proxy)
  await ask(1600)
  assert.ok(memoryOf(proxy) - before < 40, `from ${before} to ${memoryOf(proxy)} MiB`)
  assert.equal(await proxy.health('/readyz'), 200)

  proxy.readOn()
  const line = await proxy.logged(({ message }) => message === 'log lines dropped', 'the count of dropped lines')
  assert.ok(Number(line['dropped']) > 100, JSON.stringify(line))
})

test('a full disk under the log stops no request, and the process still ends', async () => {
  await using upstream = await startUpstream((_, response) => void response.end('ok'))
  const full = openSync('/dev/full', 'w')
  await using proxy = await startPlain([publicRoute('pub', upstream.url)], { stdout: full })
  closeSync(full)
  using client = openClient(proxy)
  for (let round = 0; round < 40; round++) {
    const replies = await Promise.all(Array.from({ length: 16 }, () => client.ask('pub')))
    for (const { status } of replies) assert.equal(status, 200)
  }
  proxy.signal('SIGTERM')
  assert.equal(await proxy.ended, 0)
})
