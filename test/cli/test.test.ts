import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type TestOptions, test as testCommand } from '#src/cli/test.ts'
import { gate } from './gate.ts'
import { deskWith, transcript } from './transcript.ts'

const cases = `- name: devops may
  who: { email: alice@corp.test, groups: [devops] }
  url: https://hello.corp.test/
  expect: allow
  route: hello
- name: finance may not
  who: { email: bob@corp.test, groups: [finance] }
  url: https://hello.corp.test/
  expect: deny
  reasons: [claim-unauthorized]
- name: strangers sign in
  who: nobody
  method: POST
  url: https://wiki.corp.test/
  expect: sign-in
`

function run(files: Readonly<Record<string, string>>, options: Partial<TestOptions> = { config: ['gate.yaml'] }) {
  return transcript((io) => testCommand({ ...deskWith(files), ...options }, io))
}

test('ostiary test --config gate.yaml, all as expected', async () => {
  assert.equal(
    await run({ 'gate.yaml': gate, 'gate.cases.yaml': cases }),
    `gate.yaml
  ok  devops may         allow    hello
  ok  finance may not    deny     hello
  ok  strangers sign in  sign-in  wiki

3 cases, all as expected

rules no case exercises:
  gate.yaml:23:15  wiki  allow or domain {"is":"corp.test"}
  gate.yaml:27:15  wiki  deny or email {"is":"mallory@corp.test"}
exit 0
`,
  )
})

test('ostiary test gate.yaml, after devops lost its access', async () => {
  const files = { 'gate.yaml': gate.replace('- devops', '- platform'), 'gate.cases.yaml': cases }
  const text = await run(files, { files: ['gate.yaml'] })
  assert.equal(
    text.slice(0, text.indexOf('\nrules no')),
    `gate.yaml
  FAIL  devops may         deny     hello
  ok    finance may not    deny     hello
  ok    strangers sign in  sign-in  wiki

gate.cases.yaml:1:3: devops may
  GET https://hello.corp.test/ as alice@corp.test (devops)
  expected allow, got deny
  by route hello, gate.yaml:12:5
    allow                        false
      or                         false
        claim/groups "platform"  false  saw ["devops"]  gate.yaml:16:9

3 cases, 1 not as expected
`,
  )
  assert.match(text, /exit 1\n$/)
})

test('a wrong route and missing reasons are told apart from the decision', async () => {
  const other = `- who: nobody\n  url: https://hello.corp.test/\n  expect: sign-in\n  route: wiki\n  reasons: [domain-ok]\n`
  const text = await run({ 'gate.yaml': gate, 'gate.cases.yaml': other })
  assert.match(text, / {2}expected route wiki, got hello\n {2}expected reason domain-ok, got user-unauthenticated\n/)
  assert.match(text, /FAIL {2}GET https:\/\/hello\.corp\.test\/ {2}sign-in {2}hello\n/)
  assert.match(text, / {2}gate\.yaml:17:5 {2}wiki {3}no case asks for this route\n/)
})

test('cases may stand in the configuration, in named files, and beside; the name of the cases finds their configuration', async () => {
  const inside = `${gate}tests:\n  - { who: nobody, url: https://hello.corp.test/, expect: sign-in }\n`
  const sum = async (files: Record<string, string>, options?: Partial<TestOptions>) =>
    /\d+ cases?, .*/.exec(await run(files, options))?.[0]
  assert.equal(await sum({ 'gate.yaml': inside }), '1 case, all as expected')
  assert.equal(await sum({ 'gate.yaml': inside, 'gate.cases.yaml': cases }), '4 cases, all as expected')
  const named = { config: ['gate.yaml'], cases: ['other.yaml'] }
  assert.equal(await sum({ 'gate.yaml': inside, 'other.yaml': cases }, named), '3 cases, all as expected')
  const beside = { files: ['gate.cases.yaml'] }
  assert.equal(await sum({ 'gate.yaml': gate, 'gate.cases.yaml': cases }, beside), '3 cases, all as expected')
})

test('mistakes in cases are all told, with their places, and nothing is tested', async () => {
  const wrong = `- who: somebody
  url: https://hello.corp.test/
  expect: yes
- who: { mail: a@corp.test }
  url: https://hello.corp.test/
  expect: allow
  address: home
  time: noon
- 5
`
  const text = await run({ 'gate.yaml': gate, 'gate.cases.yaml': wrong })
  assert.deepEqual(text.match(/^gate\.cases\.yaml:.*$/gm), [
    'gate.cases.yaml:1:3: who: expected nobody, or a map of email, groups, claims',
    'gate.cases.yaml:3:3: expect: expected one of allow, deny, sign-in, no-route, refused, own-page',
    'gate.cases.yaml:4:10: who.mail: unknown key; expected one of email, groups, claims, user, email_verified, signed_in_at',
    'gate.cases.yaml:7:3: address: expected an IP address',
    'gate.cases.yaml:8:3: time: expected a moment such as 2026-12-01T09:00Z',
    'gate.cases.yaml:9:3: expected a case: a map of who, url and expect, got 5',
  ])
  assert.match(text, /gate\.yaml: 6 problems in its cases: nothing was tested\nexit 1\n$/)
})

test('no cases, no configuration, a broken one: each is a failure that says what to do', async () => {
  assert.equal(
    await run({ 'gate.yaml': gate }),
    'gate.yaml: there are no cases\nhint: write them into gate.cases.yaml, or under tests:\nexit 1\n',
  )
  assert.equal(await run({}, {}), 'cannot test: no configuration was named\nhint: ostiary test FILE\nexit 1\n')
  const missing = await run({ 'gate.yaml': gate }, { config: ['gate.yaml'], cases: ['gone.yaml'] })
  assert.match(missing, /^gone\.yaml: cannot read the cases: there is no such file\n/)
  const broken = await run({ 'gate.yaml': gate.replace('to: http', 'too: http'), 'gate.cases.yaml': cases })
  assert.match(broken, /gate\.yaml: 1 problem: nothing was tested\nexit 1\n$/)
})

test('secrets, certificates and variables that are elsewhere keep nobody from testing; what decides does', async () => {
  const elsewhere = gate
    .replace('idp_client_secret: pomerium', 'idp_client_secret_file: /run/secrets/gone')
    .replace(/^shared_secret: .*$/m, 'shared_secret: ${NOT_SET}')
    .replace('insecure_server: true', 'certificates: [{ cert: /gone.crt, key: /gone.key }]')
    .replaceAll('http://127.0.0.1:26997', '${UPSTREAM}')
  assert.match(await run({ 'gate.yaml': elsewhere, 'gate.cases.yaml': cases }), /3 cases, all as expected/)
  for (const broken of [
    gate.replace('- devops', '- ${GROUP}'),
    gate.replace('hello.corp.test', 'hello.${DOMAIN}'),
    gate.replace('allowed_groups', 'alowed_groups'),
    gate.replace('domain:', 'domian:'),
    `${gate}normalize_path: perhaps\n`,
  ]) {
    assert.match(await run({ 'gate.yaml': broken, 'gate.cases.yaml': cases }), /nothing was tested\nexit 1\n$/)
  }
})

test('the moment of a case is always the same unless it names one', async () => {
  const office = gate.replace(
    'allowed_groups:\n      - devops',
    'policy: { allow: { and: [ { groups: devops }, { time_of_day: { timezone: UTC, after: "09:00", before: "17:00" } } ] } }',
  )
  const at = (time: string, expect: string) =>
    `- { who: { email: a@x.test, groups: [devops] }, url: https://hello.corp.test/, ${time}expect: ${expect} }\n`
  const both =
    at('', 'allow') + at('time: 2026-03-01T08:59Z, ', 'deny') + at('time: "2026-03-01T10:00+02:00", ', 'deny')
  assert.match(await run({ 'gate.yaml': office, 'gate.cases.yaml': both }), /3 cases, all as expected/)
})

test('ostiary test gate.yaml --junit FILE', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ostiary-junit-'))
  const junit = join(folder, 'report.xml')
  const odd = `- { name: "a <b> & \\"c\\" \\u0007", who: nobody, url: https://hello.corp.test/, expect: allow }\n`
  await run({ 'gate.yaml': gate, 'gate.cases.yaml': cases + odd }, { files: ['gate.yaml'], junit })
  const xml = await readFile(junit, 'utf8')
  assert.match(
    xml,
    /^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites tests="4" failures="1">\n {2}<testsuite name="gate.yaml" /,
  )
  assert.match(xml, /<testcase name="devops may" classname="hello" file="gate.cases.yaml" line="1"\/>/)
  assert.match(
    xml,
    /<testcase name="a &lt;b&gt; &amp; &quot;c&quot; \?" classname="hello" file="gate.cases.yaml" line="16">/,
  )
  assert.match(xml, /<failure message="gate.cases.yaml:16:3: [^"]*">[^<]*expected allow, got sign-in/)
})

test('where nothing could be tested, the report holds a failure that says why', async () => {
  const junit = join(await mkdtemp(join(tmpdir(), 'ostiary-junit-')), 'report.xml')
  for (const [files, why] of [
    [{ 'gate.yaml': gate.replace('to: http', 'too: http'), 'gate.cases.yaml': cases }, '1 problem: nothing was tested'],
    [{ 'gate.yaml': gate, 'gate.cases.yaml': '- nonsense\n' }, '1 problem in its cases: nothing was tested'],
    [{ 'gate.yaml': gate }, 'there are no cases'],
  ] as const) {
    await run(files, { files: ['gate.yaml'], junit })
    const xml = await readFile(junit, 'utf8')
    assert.match(xml, /<testsuites tests="1" failures="1">/)
    assert.ok(xml.includes(`<failure message="gate.yaml: ${why}">gate.yaml: ${why}`), xml)
  }
})

const policies = fileURLToPath(new URL('../../policies/', import.meta.url))
for (const name of (await readdir(policies)).filter(
  (file) => file.endsWith('.yaml') && !file.endsWith('.cases.yaml'),
)) {
  test(`ostiary test policies/${name}: the example decides what its cases say, and they leave no rule out`, async () => {
    const text = await transcript((io) => testCommand({ files: [join(policies, name)], env: {} }, io))
    assert.match(text, /\n\d+ cases, all as expected\nexit 0\n$/, text)
  })
}
