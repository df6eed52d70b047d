import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPolicy } from '#src/policy/compile-policy.ts'
import { brief, HEAD, type Loading, load, problemsOf, settingsOf } from './loading.ts'

/** A configuration of nine lines of settings, then what is given, then one route with this policy. */
const gate = (above: string, policy: string, more = '') =>
  `${HEAD}${above}routes:\n  - from: https://a.test\n    to: http://a\n    policy: ${policy}\n${more}`

const staff = 'policies:\n  staff: {allow: {or: [{claim/level: 3}]}}\n'
const found = async (text: string, options: Loading = {}) => brief(await problemsOf(text, { checkPolicy, ...options }))

test('a named policy keeps its types and tells where its parts stand', async () => {
  const { policies } = await settingsOf(gate(staff, '{use: staff}'), { checkPolicy })
  const named = policies.get('staff')
  assert.deepEqual(named?.value, { allow: { or: [{ 'claim/level': 3 }] } })
  assert.equal(named.source.path, 'policies.staff')
  const { file, line, column } = named.source.locate(['allow', 'or', 0])
  assert.deepEqual([file, line, column], ['gate.yaml', 10, 24])
})

test('what is wrong in a named policy is told where it is written, once, however many routes use it', async () => {
  const above = 'policies:\n  staff:\n    allow:\n      or:\n        - emial: x\n'
  const second = '  - {from: "https://b.test", to: "http://b", policy: [{use: staff}, {use: [staff]}]}\n'
  assert.deepEqual(await found(gate(above, '{use: staff}', second)), [
    'gate.yaml:13:11 policies.staff.allow.or[0].emial cannot use criterion emial: no such criterion, did you mean "email"?',
  ])
})

test('a name that nobody gave is told with the nearest one, in a shadow policy as well', async () => {
  const shadow = '    shadow_policy: [{use: [staff, stuff]}]\n'
  assert.deepEqual(await found(gate(staff, '{use: staf}', shadow)), [
    'gate.yaml:14:14 routes[0].policy.use cannot use policy: no policy of that name, did you mean "staff"?',
    'gate.yaml:15:35 routes[0].shadow_policy[0].use[1] cannot use policy: no policy of that name, did you mean "staff"?',
  ])
  assert.match((await found(gate('', '{use: 7}'))).join(), /no policy of that name, got 7/)
})

test('a named policy uses no other, so that none can use itself by way of another', async () => {
  const ring = 'policies:\n  a: {use: b}\n  b: [{use: a}]\n'
  assert.deepEqual(await found(gate(ring, '{use: a}')), [
    'gate.yaml:10:7 policies.a.use cannot use a policy here: a named policy uses no other, so that none can use itself',
    'gate.yaml:11:8 policies.b[0].use cannot use a policy here: a named policy uses no other, so that none can use itself',
  ])
})

test('policies that are none, and names that are none, are told at their places', async () => {
  assert.deepEqual(await found(gate('policies: {"a b": {}, c: text}\n', '{use: c}')), [
    'gate.yaml:9:19 policies.a b expected a name of at most 64 letters, digits, _, - and ., got a map',
    'gate.yaml:9:26 policies.c expected a map with allow and deny, or a list of them, got text',
  ])
  assert.match((await found(gate('policies: [staff]\n', '{use: staff}'))).join(), /expected a map from name to policy/)
})

test('a route that only uses a policy about people needs what people sign in with', async () => {
  const open =
    'insecure_server: true\npolicies: {p: {allow: {or: [{email: a@b.test}]}}, q: {allow: {or: [{accept: 1}]}}}\n'
  const route = (name: string) => `routes: [{from: "https://a.test", to: "http://a", policy: {use: ${name}}}]\n`
  assert.match(brief(await problemsOf(open + route('p'), { checkPolicy })).join(), /people have to sign in/)
  const configuration = await load(open + route('q'), { checkPolicy })
  assert.equal(configuration.kind, 'ok')
  assert.deepEqual(brief(configuration.warnings), [])
})

test('variables named like them belong to other programs', async () => {
  const { policies, records } = await settingsOf(HEAD, { env: { POLICIES: '{"a": {}}', RECORDS: 'on' } })
  assert.equal(policies.size + records.size, 0)
})

const records = (file: string, key = 'user.email') => `records: {contract: {file: ${file}, key: ${key}}}\n`
const rule = '{allow: {or: [{record: {type: contract, field: level, is: 3}}]}}'

test('records are a map from name to fields, or a list of maps with id; types are kept', async () => {
  const yaml = 'a@b.test: {level: 3, tags: [x, 1.0]}\nc@d.test: {}\n'
  const map = await settingsOf(gate(records('r.yaml'), rule), { checkPolicy, beside: { 'r.yaml': yaml } })
  assert.deepEqual(map.records.get('contract')?.rows.get('a@b.test'), { level: 3, tags: ['x', 1] })
  const json = '[\n\t{"id": "::FFFF:10.0.0.1", "level": 3}\n]'
  const list = await load(gate(records('r.json', 'client.address'), rule), { checkPolicy, beside: { 'r.json': json } })
  assert.ok(list.kind === 'ok' && list.watched.includes('/gate/r.json'), 'the file is watched')
  assert.deepEqual([...(list.settings.records.get('contract')?.rows.keys() ?? [])], ['10.0.0.1'])
})

test('a file of records is looked for beside the configuration, too', async () => {
  const text = gate(records('r.yaml'), rule)
  const beside = { 'sub/gate.yaml': text, 'sub/r.yaml': 'nobody: {}\n' }
  const problems = await problemsOf('', { files: ['sub/gate.yaml'], beside, checkPolicy })
  assert.deepEqual(brief(problems), [
    'sub/r.yaml:1:1 records.contract.nobody expected an e-mail address for user.email, got "nobody"',
  ])
})

test('what is wrong in records is told in their file, with line and column', async () => {
  const lines = ['a@b.test: 5', 'c@d.test: {level: {deep: 1}}', 'e@f.test: {level: [1, [2]]}', 'g h@i.test: {}'].join(
    '\n',
  )
  assert.deepEqual(await found(gate(records('r.yaml'), rule), { beside: { 'r.yaml': lines } }), [
    'r.yaml:1:11 records.contract.a@b.test expected a record: a map of fields, got 5',
    'r.yaml:2:19 records.contract.c@d.test.level expected text, a number, true, false, or a list of them, got a map',
    'r.yaml:3:23 records.contract.e@f.test.level expected text, a number, true, false, or a list of them, got a list of 1',
    'r.yaml:4:1 records.contract.g h@i.test expected an e-mail address for user.email, got "g h@i.test"',
  ])
  const twice = '- {id: "::1"}\n- {id: "0:0::1"}\n- {name: x}\n- text\n'
  assert.deepEqual(await found(gate(records('r.yaml', 'client.address'), rule), { beside: { 'r.yaml': twice } }), [
    'r.yaml:2:8 records.contract.0:0::1 the same record twice',
    'r.yaml:3:3 records.contract[2] expected a record with an id, got a map',
    'r.yaml:4:3 records.contract[3] expected a record: a map of fields, got "text"',
  ])
})

test('a file that is missing, empty or broken refuses the configuration: a rule that denies must not fall away', async () => {
  const text = gate(records('r.yaml'), rule)
  assert.deepEqual(await found(text), [
    'gate.yaml:9:28 records.contract.file cannot read "r.yaml": there is no such file',
  ])
  assert.deepEqual(await found(text, { beside: { 'r.yaml': '# nothing yet\n' } }), [
    'gate.yaml:9:28 records.contract.file "r.yaml" is empty',
  ])
  assert.match((await found(text, { beside: { 'r.yaml': 'a: [\n' } })).join(), /^r\.yaml:1:5 /)
  const bomb = `a: &a [${'x,'.repeat(100)}]\n${'bcdefg'
    .split('')
    .map((name, index) => `${name}: &${name} [${`*${'abcdef'[index]},`.repeat(100)}]\n`)
    .join('')}`
  assert.match((await found(text, { beside: { 'r.yaml': bomb } })).join(), /grows too large/)
})

test('a type that is not there, and a map with a mistake in it, are told without an echo', async () => {
  assert.match(
    (await found(gate('', rule))).join(),
    /^gate\.yaml:12:37 routes\[0\]\.policy\.allow\.or\[0\]\.record\.type cannot find records: no records are configured$/,
  )
  assert.deepEqual(await found(gate('records: {contract: {file: r.yaml, key: email}}\n', rule)), [
    'gate.yaml:9:41 records.contract.key expected one of user.id, user.email, user.domain, client.address, got "email"',
  ])
})

test('more records than there may be are refused', async () => {
  const many = JSON.stringify(Object.fromEntries(Array.from({ length: 100_001 }, (_, index) => [`u${index}`, {}])))
  assert.match(
    (await found(gate(records('r.json', 'user.id'), rule), { beside: { 'r.json': many } })).join(),
    /records\.contract more than 100000 records, got 100001$/,
  )
})
