import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startUpstream } from '#test/actors/upstream.ts'
import { openClient, publicRoute, startPlain } from './plain.ts'

/** Loaded into the process under test: two signals that go wrong there. */
const faults = `data:text/javascript,${encodeURIComponent(`
process.on('SIGUSR2', () => void Promise.reject(new Error('a rejection that nobody awaits')))
process.on('SIGWINCH', () => { throw new Error('an exception that nobody catches') })
`)}`

test('a rejection that nobody awaits is logged, and everybody goes on', async () => {
  await using upstream = await startUpstream()
  await using proxy = await startPlain([publicRoute('pub', upstream.url)], { nodeArgs: ['--import', faults] })
  using client = openClient(proxy)
  const slow = client.ask('pub', '/?do=slow&ms=500')
  proxy.signal('SIGUSR2')
  const line = await proxy.logged(
    ({ message }) => String(message).startsWith('a promise was rejected'),
    'the rejection',
  )
  assert.equal(line['level'], 'error')
  assert.match(JSON.stringify(line), /a rejection that nobody awaits/)
  assert.equal((await slow).status, 200)
  assert.equal((await client.ask('pub')).status, 200)
  assert.equal(await proxy.health('/readyz'), 200)
})

test('an exception that nobody catches is logged; requests under way finish, and the process ends with 1', async () => {
  await using upstream = await startUpstream()
  await using proxy = await startPlain([publicRoute('pub', upstream.url)], { nodeArgs: ['--import', faults] })
  using client = openClient(proxy)
  const slow = client.ask('pub', '/?do=slow&ms=500')
  for (let tries = 0; tries < 100 && upstream.requests.length === 0; tries++) await client.ask('pub', '/?do=slow&ms=10')
  proxy.signal('SIGWINCH')
  assert.equal((await slow).status, 200)
  assert.equal(await proxy.ended, 1)
  assert.match(proxy.output(), /"message":"an exception that nobody has caught/)
  assert.match(proxy.output(), /an exception that nobody catches/)
})
