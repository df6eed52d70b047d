import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ReplayCommandOptions, replay } from '#src/cli/replay.ts'
import { after, before, loggedLines } from './gates.ts'
import { folderOf, ran } from './running.ts'

const files = { 'old.yaml': before, 'new.yaml': after, 'decisions.log': loggedLines() }

function run(options: Partial<ReplayCommandOptions> = {}, more: Readonly<Record<string, string>> = {}) {
  const cwd = folderOf({ ...files, ...more })
  return ran((io) => replay({ config: ['new.yaml'], logs: ['decisions.log'], env: {}, cwd, ...options }, io))
}

test('what would have been decided otherwise is listed by route and person, with a request to look at', async () => {
  assert.deepEqual(await run(), {
    code: 0,
    err: '',
    out: `hello
  - loses  alice@corp.test  allow → deny  3 requests  such as request-1
  + gains  bob@corp.test    deny → allow  1 request   such as request-4

wiki
  - loses  mallory@corp.test  allow → deny  1 request  such as request-6

7 logged decisions taken again, 5 would change: 2 losses, 1 gain
`,
  })
})

test('the configuration that decided them changes nothing', async () => {
  assert.deepEqual(await run({ config: ['old.yaml'] }), {
    code: 0,
    err: '',
    out: '7 logged decisions taken again: nothing would change\n',
  })
})

test('several logs are one, and the same request many times is counted each time', async () => {
  const { out } = await run({ logs: ['decisions.log', 'decisions.log', 'decisions.log'] })
  assert.match(out, /alice@corp\.test {2}allow → deny {2}9 requests/)
  assert.match(out, /21 logged decisions taken again, 15 would change/)
})

test('a route that is gone is told', async () => {
  const { out } = await run({}, { 'new.yaml': before.slice(0, before.indexOf('  - from: https://wiki')) })
  assert.match(out, /wiki, which is gone\n {2}- loses {2}mallory@corp\.test +allow → no-route/)
})

test('decisions on what was not written down are not guessed', async () => {
  const { out } = await run({}, { 'new.yaml': before.replace('- domain: corp.test', '- claim/team: red') })
  assert.match(out, /note: wiki: 2 decisions not taken again, since the log does not hold the claim team\n/)
  assert.doesNotMatch(out, /mallory/)
})

test('rules on the clock are decided for each request at its own moment', async () => {
  const clock = (hour: string) =>
    before.replace(
      'allowed_groups:\n      - devops',
      `policy: {allow: {and: [{claim/groups: devops}, {time_of_day: {timezone: UTC, before: "${hour}"}}]}}`,
    )
  // Two of the three requests come before the line between the two moments.
  const early = loggedLines()
  const late = early.replaceAll('T12:00:00.003Z', 'T12:30:00.003Z')
  const { out } = await run({}, { 'new.yaml': clock('12:15'), 'decisions.log': late })
  assert.match(out, /alice@corp\.test {2}allow → deny {2}1 request {2}such as request-3/)
  assert.match((await run({}, { 'new.yaml': clock('12:15') })).out, /nothing would change/)
})

test('lines of other logs are counted and skipped', async () => {
  const { out, code } = await run({}, { 'decisions.log': `{"service":"authorize"}\nnoise\n${loggedLines()}{"cut` })
  assert.equal(code, 0)
  assert.match(out, /7 logged decisions/)
  assert.match(out, /note: 3 lines of no decision\n$/)
})

test('--fail-on makes it a check, and JSON is for programs', async () => {
  assert.equal((await run({ failOn: ['loss'] })).code, 1)
  assert.equal((await run({ failOn: ['loss'], config: ['old.yaml'] })).code, 0)
  const { changes, decisions } = JSON.parse((await run({ json: true })).out)
  assert.equal(decisions, 7)
  assert.deepEqual(changes[0], {
    ...{ kind: 'loss', route: 'hello', routeAfter: 'hello', who: 'alice@corp.test' },
    ...{ before: 'allow', after: 'deny', count: 3, requestId: 'request-1' },
  })
})

test('what cannot be read is told, and exits 2', async () => {
  assert.equal((await run({ logs: [] })).code, 2)
  assert.equal((await run({ logs: ['none.log'] })).code, 2)
  assert.equal((await run({ config: ['none.yaml'] })).code, 2)
})
