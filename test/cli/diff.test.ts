import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DiffOptions, diff } from '#src/cli/diff.ts'
import { after, before, loggedLines, noon } from './gates.ts'
import { folderOf, ran } from './running.ts'

const cases = `- who: {email: carol@corp.test, groups: [devops, finance]}
  url: https://hello.corp.test/
  expect: allow
- who: {email: alice@corp.test, groups: [devops]}
  url: https://hello.corp.test/
  expect: allow
`
const files = { 'old.yaml': before, 'new.yaml': after, 'decisions.log': loggedLines() }

function run(options: Partial<DiffOptions> = {}, more: Readonly<Record<string, string>> = {}) {
  const cwd = folderOf({ ...files, ...more })
  return ran((io) => diff({ before: 'old.yaml', after: 'new.yaml', env: {}, cwd, now: noon, ...options }, io))
}

test('who loses and who gains is told by route, each with the rule that it turns on', async () => {
  assert.deepEqual(await run(), {
    code: 0,
    err: '',
    out: `hello  https://hello.corp.test/
  - loses  the group devops   allow → deny  was let in by the group devops (old.yaml:16:9)
  + gains  the group finance  deny → allow  is let in by the group finance (new.yaml:16:9)

wiki  https://wiki.corp.test/
  - loses  mallory@corp.test  allow → deny  is kept out by the user mallory@corp.test (new.yaml:26:15)

2 routes with a difference: 2 losses, 1 gain
2 routes compared, 9 questions asked of both
`,
  })
})

test('the same file twice is no difference, and fails on nothing', async () => {
  assert.deepEqual(await run({ after: 'old.yaml', failOn: ['loss', 'gain'] }), {
    code: 0,
    err: '',
    out: 'no difference between old.yaml and old.yaml\n2 routes compared, 0 questions asked of both\n',
  })
})

test('--fail-on exits 1 for its own kind of difference only', async () => {
  const onlyLoss = before.replace('            - domain: corp.test\n', '            - domain: nowhere.test\n')
  const lost = {
    'new.yaml': onlyLoss.replace('nowhere.test', 'corp.test\n        deny: {or: [{email: eve@corp.test}]}'),
  }
  assert.equal((await run({ failOn: ['loss'] }, lost)).code, 1)
  assert.equal((await run({ failOn: ['gain'] }, lost)).code, 0)
  assert.equal((await run({ failOn: ['gain', 'loss'] }, lost)).code, 1)
  assert.equal((await run({ failOn: [] }, lost)).code, 0)
})

test('people of the cases beside the configuration are named', async () => {
  const { out } = await run({}, { 'old.cases.yaml': cases })
  assert.match(out, /- loses {2}alice@corp\.test \(of the cases\) +allow → deny {2}was let in by the group devops/)
  assert.doesNotMatch(out, /carol/)
})

test('people and requests of a decision log are compared, too', async () => {
  const { out } = await run({ logs: ['decisions.log'] })
  assert.ok(
    out.endsWith(`
hello
  - loses  alice@corp.test  allow → deny  3 requests  such as request-1
  + gains  bob@corp.test    deny → allow  1 request   such as request-4

wiki
  - loses  mallory@corp.test  allow → deny  1 request  such as request-6

7 logged decisions taken again, 5 would change: 2 losses, 1 gain
`),
    out,
  )
})

test('Markdown is a table for each route, in which no name can become markup', async () => {
  const { out } = await run({ format: 'markdown' }, { 'new.yaml': after.replace('- finance', '- "<b>|x](http://e)"') })
  assert.match(out, /^### Access: 2 losses, 1 gain\n/)
  assert.match(out, /\| \*\*loses\*\* \| the group devops \| allow → deny \| was let in by the group devops/)
  assert.match(out, /the group &lt;b&gt;\\\|x\\\]\\\(http&#58;\/\/e\\\)/)
  assert.match(out, /mallory&#64;corp\.test/)
})

test('JSON tells the same to programs', async () => {
  const { out } = await run({ format: 'json', logs: ['decisions.log'] })
  const { routes, log, pairs } = JSON.parse(out)
  assert.equal(pairs, 2)
  assert.deepEqual(routes[0].before, { name: 'hello', place: 'old.yaml:12:5' })
  assert.deepEqual(routes[0].differences[0], {
    kind: 'loss',
    who: 'the group devops',
    request: '',
    from: 'values',
    before: 'allow',
    after: 'deny',
    rule: { side: 'before', action: 'allow', words: 'the group devops', place: 'old.yaml:16:9' },
  })
  assert.equal(log.changes[0].count, 3)
})

test('an edit of a named policy is a difference at every route that uses it', async () => {
  const named = (group: string) =>
    before.replace('allowed_groups:\n      - devops', 'policy: {use: staff}') +
    `policies:\n  staff:\n    allow:\n      or:\n        - groups: ${group}\n`
  const { out } = await run({}, { 'old.yaml': named('a'), 'new.yaml': named('b') })
  assert.match(
    out,
    /^hello .*\n {2}- loses {2}the group a {2}allow → deny {2}was let in by the group a \(old\.yaml:27:11\)\n/,
  )
  assert.match(out, /\+ gains {2}the group b/)
  assert.doesNotMatch(out, /^wiki/m)
})

test('an edit of records is a difference for those whose row it is, under rules that are the same', async () => {
  const text = before.replace(
    'allowed_groups:\n      - devops',
    'policy: {allow: {or: [{record: {type: staff, field: clearance, is: high}}]}}',
  )
  const records = (file: string) => `${text}records:\n  staff: {file: ${file}, key: user.email}\n`
  const { out } = await run(
    {},
    {
      'old.yaml': records('old-staff.yaml'),
      'new.yaml': records('new-staff.yaml'),
      'old-staff.yaml':
        'ada@corp.test: {clearance: high}\nbob@corp.test: {clearance: low}\neve@corp.test: {clearance: high}\n',
      'new-staff.yaml': 'ada@corp.test: {clearance: high}\nbob@corp.test: {clearance: high}\n',
    },
  )
  assert.match(out, /- loses {2}eve@corp\.test {2}allow → deny/)
  assert.match(out, /\+ gains {2}bob@corp\.test {2}deny → allow/)
  assert.doesNotMatch(out, /ada/)
})

test('what cannot be read is told, and exits 2', async () => {
  const broken = await run({}, { 'new.yaml': after.replace('allowed_groups', 'alowed_groups') })
  assert.equal(broken.code, 2)
  assert.match(broken.err, /new\.yaml:15:5.*allowed_groups/)
  assert.equal((await run({ after: 'none.yaml' })).code, 2)
  const noLog = await run({ logs: ['none.log'] })
  assert.equal(noLog.code, 2)
  assert.match(noLog.err, /cannot read log: .*none\.log/)
})
