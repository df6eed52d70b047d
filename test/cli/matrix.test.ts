import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { chromium } from 'playwright-core'
import { type MatrixOptions, matrix } from '#src/cli/matrix.ts'
import { findProgram, skipWithout } from '#test/actors/program.ts'
import { after, loggedLines, noon } from './gates.ts'
import { folderOf, ran } from './running.ts'

const people = `- {email: bob@corp.test, groups: [finance]}
- {email: alice@corp.test, groups: [devops]}
- who: {email: mallory@corp.test, groups: []}
- nobody
`
const some = `${after}  - from: https://api.corp.test
    name: api
    to: http://127.0.0.1:1
    policy:
      allow: {and: [{groups: finance}, {http_method: GET}]}
      deny: {or: [{http_path: /secret}]}
  - from: https://open.corp.test
    name: open
    to: http://127.0.0.1:1
    policy:
      allow: {or: [{accept: true}]}
      deny: {or: [{http_method: DELETE}]}
`

function run(options: Partial<MatrixOptions> = {}, more: Readonly<Record<string, string>> = {}) {
  const cwd = folderOf({ 'gate.yaml': some, 'people.yaml': people, 'decisions.log': loggedLines(), ...more })
  const usual = { config: ['gate.yaml'], subjects: 'people.yaml', env: {}, cwd, now: noon }
  return { cwd, ran: ran((io) => matrix({ ...usual, ...options }, io)) }
}

test('everybody has a block: what they may, what not, and by which rule', async () => {
  assert.deepEqual(await run().ran, {
    code: 0,
    err: '',
    out: `anybody, without signing in
  -  hello  no
  -  wiki   no
  -  api    no
  ~  open   sometimes: not with the method DELETE: a rule for everybody (gate.yaml:37:20)

alice@corp.test  devops
  -  hello  no
  +  wiki   yes: an address at corp.test (gate.yaml:23:15)
  -  api    no
  ~  open   sometimes: not with the method DELETE: a rule for everybody (gate.yaml:37:20)

bob@corp.test  finance
  +  hello  yes: the group finance (gate.yaml:16:9)
  +  wiki   yes: an address at corp.test (gate.yaml:23:15)
  ~  api    sometimes: the group finance and the method GET (gate.yaml:31:21)
  ~  open   sometimes: not with the method DELETE: a rule for everybody (gate.yaml:37:20)

mallory@corp.test
  -  hello  no
  -  wiki   no: kept out by the user mallory@corp.test (gate.yaml:26:15)
  -  api    no
  ~  open   sometimes: not with the method DELETE: a rule for everybody (gate.yaml:37:20)
`,
  })
})

test('everybody of a decision log is in the review, once', async () => {
  const { out } = await run({ subjects: undefined, logs: ['decisions.log', 'decisions.log'], format: 'json' }).ran
  const review = JSON.parse(out)
  assert.deepEqual(
    review.people.map(({ who }: { who: string }) => who),
    ['anybody, without signing in', 'alice@corp.test', 'bob@corp.test', 'mallory@corp.test'],
  )
  assert.deepEqual(review.people[2].routes[0], {
    route: 'hello',
    access: 'yes',
    rules: [{ action: 'allow', words: 'the group finance', place: 'gate.yaml:16:9' }],
    conditions: [],
  })
})

test('CSV has a line for each person, and no cell that a spreadsheet would run', async () => {
  const evil = `- {email: "=cmd|' /C calc'!A0", groups: ["@SUM(1)"]}\n- {email: "+1 \\"quoted\\", comma", groups: []}\n- {email: "\\t=1", groups: []}\n`
  const { out } = await run({ format: 'csv' }, { 'people.yaml': evil }).ran
  const lines = out.split('\r\n')
  assert.equal(lines[0], '"who","groups","hello","wiki","api","open"')
  assert.ok(
    lines.some((line) => line.startsWith(`"'=cmd|' /C calc'!A0","'@SUM(1)",`)),
    out,
  )
  assert.ok(
    lines.some((line) => line.startsWith(`"'+1 ""quoted"", comma","",`)),
    out,
  )
  assert.doesNotMatch(out, /(?:^|,|\n)"\s*[=+@-]/)
})

test('the page is whole in itself, private, and escapes every name', async () => {
  const { cwd, ran: done } = run(
    { html: 'review.html' },
    { 'people.yaml': `- {email: "<script>alert(1)</script>", groups: ["\\"><img src=x onerror=alert(1)>"]}\n` },
  )
  assert.deepEqual(await done, { code: 0, err: '', out: 'review.html: 1 person by 4 routes\n' })
  const path = join(cwd, 'review.html')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const page = readFileSync(path, 'utf8')
  assert.doesNotMatch(page, /<script|<img|<link|src="|url\(|@import/)
  assert.match(page, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/)
})

test('the page in Chromium: nothing is loaded or run, heads stay in view, and it fits a phone and paper', {
  skip: skipWithout('chromium'),
}, async () => {
  const routes = Array.from(
    { length: 12 },
    (_, index) =>
      `  - {from: "https://s${index}.corp.test", name: "service ${index}", to: "http://a", allowed_groups: [devops]}\n`,
  )
  const { cwd, ran: done } = run({ html: 'review.html' }, { 'gate.yaml': some + routes.join('') })
  await done
  const executablePath = findProgram('chromium') ?? 'chromium'
  await using browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
  for (const [width, media] of [
    [1300, 'screen'],
    [360, 'screen'],
    [1040, 'print'],
  ] as const) {
    const page = await browser.newPage({ viewport: { width, height: 700 } })
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    const said: string[] = []
    page.on('console', (message) => said.push(message.text()))
    await page.goto(`file://${join(cwd, 'review.html')}`)
    await page.emulateMedia({ media })
    assert.deepEqual([asked.length, said], [1, []])
    const wide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
    assert.ok(wide <= 0, `${width} px, ${media}: ${wide} px too wide`)
    if (media === 'print') continue
    const [frame, name] = await page.evaluate<[number, number]>(`
      document.querySelector('.scroll').scrollTo(400, 0);
      ['.scroll', 'tbody th'].map((one) => document.querySelector(one).getBoundingClientRect().left)`)
    assert.ok(Math.abs(frame - name) < 3, 'the names have scrolled away')
  }
})

test('what is wrong with the list of people is told at its place', async () => {
  const { code, err } = await run({}, { 'people.yaml': '- {email: a@b.test, group: [x]}\n- 3\n' }).ran
  assert.equal(code, 1)
  assert.match(err, /^people\.yaml:1:\d+: group: unknown key/m)
  assert.match(err, /^people\.yaml:2:3: .*expected nobody, or a map of email/m)
  assert.equal((await run({ subjects: 'none.yaml' }).ran).code, 1)
  const none = await run({ subjects: undefined }).ran
  assert.deepEqual([none.code, none.err.split('\n')[0]], [1, 'cannot review: expected a configuration and people'])
})
