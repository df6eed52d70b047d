import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Rollback } from '#src/cli/serve/rollback.ts'
import type { Settings } from '#src/config/schema.ts'
import { Traffic, TrafficHistory } from '#src/observe/traffic.ts'
import { HEAD, settingsOf } from '#test/config/loading.ts'

const noon = Date.UTC(2026, 0, 1, 12)

/** Named by its cookie, so that one can tell which was put in force. */
async function named(name: string, more = ''): Promise<Settings> {
  return await settingsOf(`${HEAD}cookie_name: ${name}\n${more}`)
}

const setting = 'config_rollback: {window: 10m, deny_rate_increase: 30%, minimum_requests: 10}\n'

/** A rollback on a clock that tests move. */
function watched(context: TestContext) {
  context.mock.timers.enable({ apis: ['setInterval', 'Date'], now: noon })
  const history = new TrafficHistory()
  const restored: string[] = []
  const events: string[] = []
  const rollback = new Rollback({
    last: (window, now) => history.last(window, now),
    restore: (settings) => void restored.push(settings.cookie_name ?? ''),
    log: () => ({ event: (level, message) => void events.push(`${level} ${message}`) }),
    now: Date.now,
  })
  const serve = (traffic: Traffic, allowed: number, denied: number) => {
    for (let time = 0; time < allowed; time++) traffic.decision('allow', Date.now())
    for (let time = 0; time < denied; time++) traffic.decision('deny', Date.now())
  }
  return { rollback, history, restored, events, serve, tick: (ms: number) => context.mock.timers.tick(ms) }
}

const files = (text: string) => new Map([['/gate.yaml', text]])

test('a second reload before the first was found good goes back to what was good before both', async (context) => {
  const [good, one, two] = [await named('good', setting), await named('one', setting), await named('two', setting)]
  const { rollback, history, restored, events, serve, tick } = watched(context)
  serve(new Traffic(history), 20, 1)
  const [first, second] = [new Traffic(history), new Traffic(history)]
  rollback.begin({ before: good, after: one, traffic: first, fingerprints: files('one') })
  serve(first, 1, 5)
  tick(2000)
  assert.deepEqual(restored, [], 'too few requests to tell')
  rollback.begin({ before: one, after: two, traffic: second, fingerprints: files('two') })
  serve(second, 2, 20)
  tick(2000)
  assert.deepEqual(restored, ['good'])
  assert.deepEqual(events, ['error configuration rolled back: denials jumped'])
  assert.ok(rollback.isRefused(files('two')))
  assert.ok(!rollback.isRefused(files('three')))
})

test('an edit that leaves the setting out is watched all the same', async (context) => {
  const { rollback, history, restored, serve, tick } = watched(context)
  serve(new Traffic(history), 20, 0)
  const traffic = new Traffic(history)
  rollback.begin({
    before: await named('good', setting),
    after: await named('bad'),
    traffic,
    fingerprints: files('bad'),
  })
  serve(traffic, 5, 15)
  tick(1000)
  assert.deepEqual(restored, ['good'])
})

test('after its window a configuration is good, whatever comes', async (context) => {
  const { rollback, history, restored, events, serve, tick } = watched(context)
  serve(new Traffic(history), 20, 0)
  const traffic = new Traffic(history)
  rollback.begin({
    before: await named('good', setting),
    after: await named('new', setting),
    traffic,
    fingerprints: files('new'),
  })
  serve(traffic, 20, 2)
  tick(10 * 60_000)
  assert.deepEqual(events, ['info configuration kept'])
  serve(traffic, 0, 500)
  tick(60_000)
  assert.deepEqual(restored, [])
})

test('who is sent to sign in is neither let in nor denied', () => {
  const history = new TrafficHistory()
  const traffic = new Traffic(history)
  traffic.decision('sign-in', noon)
  traffic.decision('deny', noon)
  assert.deepEqual(history.last(1000, noon), { decided: 1, denied: 1, answered: 0, failed: 0 })
})

test('the history knows the last seconds and forgets those of an hour ago', () => {
  const history = new TrafficHistory()
  history.add('answered', noon)
  history.add('answered', noon + 5000)
  history.add('failed', noon + 5000)
  assert.deepEqual(history.last(3000, noon + 5000), { decided: 0, denied: 0, answered: 1, failed: 1 })
  assert.equal(history.last(6000, noon + 5000).answered, 2)
  history.add('answered', noon + 3_600_000)
  assert.equal(history.last(3_600_000, noon + 3_600_000).answered, 2, 'the second of an hour ago was written over')
})
