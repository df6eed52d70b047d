import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Visit } from '#src/listener/visit.ts'
import { type DecisionScope, openDecisionLog } from '#src/observe/decision-log.ts'
import { DecisionFile, type FileLimits } from '#src/observe/decision-log-file.ts'
import { parseLine, readLines, timelessPart } from '#src/observe/decision-log-read.ts'
import { compilePolicy } from '#src/policy/compile-policy.ts'
import type { Decision } from '#src/policy/decision.ts'
import type { Session } from '#src/session/session.ts'
import { factsOfLogged, missingOf } from '#src/trial/compare/logged.ts'
import { sessionOf } from '#test/policy/session-of.ts'
import { visit } from '#test/respond/exchanges.ts'

const noon = Date.UTC(2026, 0, 2, 12, 0, 0, 250)
const allowed: Decision = {
  kind: 'allow',
  allow: { value: true, reasons: ['claim-ok'] },
  deny: { value: false, reasons: [] },
}
const nothing: DecisionScope = { claims: new Set(), headers: new Set(), query: new Set() }

interface Told {
  readonly scope?: Partial<DecisionScope>
  readonly session?: Session | undefined
  readonly decision?: Decision
  readonly now?: number
}

/** The lines of one decision: its scope, and itself. */
function linesOf(asked: Visit, { scope, session, decision = allowed, now = noon }: Told = {}) {
  const lines: string[] = []
  const sink = { head: (line: string) => void lines.push(line), write: (line: string) => void lines.push(line) }
  const log = openDecisionLog(sink, { ...nothing, ...scope }, noon)
  log.write(asked, { route: { name: 'wiki', id: 'route-1' }, session, decision, now })
  return { scope: lines[0] ?? '', line: lines[1] ?? '' }
}

function decisionOf(line: string) {
  const read = parseLine(line)
  if (read.kind !== 'decision') assert.fail(line)
  return read.decision
}

const ada = sessionOf(
  'u-1',
  { sub: 'u-1', email: 'ada@corp.test', groups: ['devops', 'ops'], realm: { roles: [3, 'x'] }, phone: '555' },
  { issuedAt: noon - 60_000 },
)

test('a line tells who asked for what and what was decided, and no more of it than policies look at', () => {
  const asked = visit({
    query: '?v=2&code=secret',
    headers: ['cookie', 'a=1', 'x-api', '1', 'x-api', '2', 'accept', '*/*'],
  })
  const { line } = linesOf(asked, {
    session: ada,
    scope: {
      claims: new Set(['groups', 'realm.roles', 'absent']),
      headers: new Set(['x-api']),
      query: new Set(['v', 'w']),
    },
  })
  const { scope, ...rest } = JSON.parse(line)
  assert.match(scope, /^[0-9a-f]{8}$/)
  assert.deepEqual(rest, {
    level: 'info',
    service: 'decisions',
    time: '2026-01-02T12:00:00.250Z',
    'request-id': asked.id,
    method: 'GET',
    host: 'wiki.app.test',
    port: '',
    path: '/page',
    query: { v: ['2'] },
    headers: { 'x-api': ['1', '2'] },
    ip: asked.clientAddress,
    user: {
      id: 'u-1',
      email: 'ada@corp.test',
      'email-verified': true,
      'signed-in': noon - 60_000,
      claims: { groups: ['devops', 'ops'], 'realm.roles': [3, 'x'] },
    },
    'route-id': 'route-1',
    route: 'wiki',
    decision: 'allow',
    allow: true,
    'allow-why-true': ['claim-ok'],
    deny: false,
    'deny-why-false': [],
    message: 'decision',
  })
})

test('credentials are never written down, even where a policy names them', () => {
  const asked = visit({
    query: '?access_token=hunter2&v=1',
    headers: [
      'cookie',
      'session=hunter2',
      'authorization',
      'Bearer hunter2',
      'x-api-key',
      'hunter2',
      'x-pomerium-jwt-assertion',
      'hunter2',
    ],
  })
  const secretive = sessionOf('u', { sub: 'u', refresh_token: 'hunter2', password: 'hunter2' })
  const { scope, line } = linesOf(asked, {
    session: secretive,
    scope: {
      headers: new Set(['cookie', 'authorization', 'x-api-key', 'x-pomerium-jwt-assertion', 'accept']),
      query: new Set(['access_token', 'v']),
      claims: new Set(['refresh_token', 'password', 'groups']),
    },
  })
  assert.doesNotMatch(line, /hunter2/)
  const { headers, query, claims } = JSON.parse(scope)
  assert.deepEqual({ headers, query, claims }, { headers: ['accept'], query: ['v'], claims: ['groups'] })
})

test('a decision is read back as it was seen: whatever the path, the headers and the claims hold', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 })
  fc.assert(
    fc.property(
      text,
      text,
      fc.array(fc.oneof(text, fc.integer(), fc.boolean())),
      text,
      (path, header, values, email) => {
        const session = sessionOf('u', { sub: 'u', email, list: values }, { emailVerified: false })
        const asked = visit({ path, headers: ['x-api', header], query: `?${new URLSearchParams([['v', header]])}` })
        const scope = { claims: new Set(['list']), headers: new Set(['x-api']), query: new Set(['v']) }
        const read = decisionOf(linesOf(asked, { session, scope, decision: { ...allowed, kind: 'deny' } }).line)
        const facts = factsOfLogged(read)
        assert.equal(facts.path, path)
        assert.deepEqual(facts.headers, ['x-api', header])
        assert.equal(new URLSearchParams(facts.query).get('v'), new URLSearchParams([['v', header]]).get('v'))
        assert.deepEqual(facts.session?.flatClaims.get('list') ?? [], values)
        assert.equal(facts.session?.email, email)
        assert.equal(facts.session?.emailVerified, false)
        assert.equal(read.decision, 'deny')
      },
    ),
  )
})

test('what the log holds is enough to decide again as it was decided, whatever the rules look at', () => {
  const criteria = [
    { email: 'ada@corp.test' },
    { domain: 'corp.test' },
    { user: 'u1' },
    { groups: 'devops' },
    { 'claim/realm/roles': 3 },
    { http_method: 'POST' },
    { http_path: { starts_with: '/admin' } },
    { 'url_query/v': '2' },
    { 'header/X-Api': { contains: '1' } },
    { user_agent: { contains: 'bot' } },
    { source_ip: '10.0.0.0/8' },
    { auth_age: '1h' },
    { acr: 'gold' },
    { time_of_day: { timezone: 'UTC', after: '9:00 am', before: '5:00 pm' } },
    { cors_preflight: true },
  ]
  const block = fc.tuple(
    fc.constantFrom('allow', 'deny'),
    fc.constantFrom('and', 'or', 'not', 'nor'),
    fc.subarray(criteria, { minLength: 1, maxLength: 3 }),
  )
  const person = fc.record({
    email: fc.constantFrom('ada@corp.test', 'bob@else.test', ''),
    groups: fc.subarray(['devops', 'ops']),
    realm: fc.constantFrom({ roles: [3] }, { roles: 'x' }, undefined),
    acr: fc.constantFrom('gold', 'lead', undefined),
    auth_time: fc.constantFrom(noon / 1000 - 100, noon / 1000 - 7200, undefined),
  })
  const asked = fc.record({
    method: fc.constantFrom('GET', 'POST', 'OPTIONS'),
    path: fc.constantFrom('/', '/admin/x', '/%61dmin'),
    query: fc.constantFrom('', '?v=2', '?v=1&v=2', '?w=%ff'),
    clientAddress: fc.constantFrom('10.1.2.3', '192.0.2.1', '2001:db8::1'),
    headers: fc.subarray([
      'x-api 1',
      'x-api 2',
      'user-agent a bot',
      'origin https://a',
      'access-control-request-method GET',
    ]),
  })
  fc.assert(
    fc.property(
      fc.array(block, { minLength: 1, maxLength: 4 }),
      fc.option(person, { nil: undefined }),
      asked,
      fc.integer({ min: 0, max: 86_400_000 }),
      (blocks, who, { headers, ...request }, later) => {
        const policy = compilePolicy({
          policy: blocks.map(([action, kind, items]) => ({ [action]: { [kind]: items } })),
        })
        const session = who && sessionOf('u1', { sub: 'u1', ...who }, { issuedAt: noon - 3_000_000 })
        const seen = visit({
          ...request,
          headers: headers.flatMap((one) => [one.split(' ')[0] ?? '', one.slice(one.indexOf(' ') + 1)]),
        })
        const now = noon + later
        const { method, path, host, query, clientAddress } = seen
        const live = policy.decide({
          ...{ method, path, host, query, clientAddress, headers: seen.headers, session, now },
          clientCertificate: undefined,
        })
        const { line, scope } = linesOf(seen, { session, decision: live, now, scope: policy.needs })
        const told = parseLine(scope)
        assert.ok(told.kind === 'scope')
        assert.deepEqual(missingOf(policy.needs, told.scope), [])
        assert.deepEqual(policy.decide(factsOfLogged(decisionOf(line))), live)
      },
    ),
    { numRuns: 1000 },
  )
})

test('a policy that looks at more than was written down is told apart', () => {
  const { scope } = linesOf(visit(), { scope: { claims: new Set(['groups']), headers: new Set(['x-api']) } })
  const told = parseLine(scope)
  assert.ok(told.kind === 'scope')
  const needs = (item: object) => compilePolicy({ policy: { allow: { or: [item] } } }).needs
  assert.deepEqual(missingOf(needs({ groups: 'a' }), told.scope), [])
  assert.deepEqual(missingOf(needs({ 'header/X-Api': 'a' }), told.scope), [])
  assert.deepEqual(missingOf(needs({ 'claim/team': 'a' }), told.scope), ['the claim team'])
  assert.deepEqual(missingOf(needs({ 'url_query/v': 'a' }), told.scope), ['the parameter v'])
  assert.deepEqual(missingOf(needs({ 'header/authorization': 'a' }), told.scope), ['the header authorization'])
  assert.equal(missingOf(needs({ groups: 'a' }), undefined).length, 1)
})

test('lines that are none of ours, or cut off, are unreadable and nothing worse', () => {
  const { line } = linesOf(visit(), { session: ada })
  for (const bad of [
    '',
    '{',
    'null',
    '[]',
    '{"service":"decisions"}',
    line.slice(0, -20),
    '{"service":"authorize","message":"authorize check"}',
  ])
    assert.equal(parseLine(bad).kind, 'unreadable', bad)
  fc.assert(fc.property(fc.jsonValue(), (value) => parseLine(JSON.stringify(value)).kind === 'unreadable'))
})

test('two requests that differ by moment and id alone have the same timeless part', () => {
  const one = linesOf(visit({ id: 'a' }), { session: ada })
  const two = linesOf(visit({ id: 'b' }), { session: ada, now: noon + 5 })
  assert.notEqual(one.line, two.line)
  assert.equal(timelessPart(one.line), timelessPart(two.line))
})

const limits: FileLimits = { rotateSize: 1000, rotateAge: 0, keep: 2 }
const folderFor = () => mkdtempSync(join(tmpdir(), 'ostiary-decisions-'))
const numbered = (number: number) => `${JSON.stringify({ number, filler: 'x'.repeat(300) })}\n`

test('the file is rotated by size, older ones are kept up to the number, and every one begins with the scope', async () => {
  const folder = folderFor()
  const path = join(folder, 'decisions.log')
  const file = new DecisionFile(path, limits, noon)
  file.head('{"time":"1","scope":"a"}\n')
  for (let number = 0; number < 20; number++) file.write(numbered(number), noon)
  await file.close()
  assert.deepEqual(readdirSync(folder).sort(), ['decisions.log', 'decisions.log.1', 'decisions.log.2'])
  const numbers = ['.2', '.1', ''].flatMap((suffix) => {
    const [head, ...lines] = readFileSync(path + suffix, 'utf8')
      .trimEnd()
      .split('\n')
    assert.equal(head, '{"time":"1","scope":"a"}')
    return lines.map((line) => JSON.parse(line).number)
  })
  assert.deepEqual(numbers, [12, 13, 14, 15, 16, 17, 18, 19].slice(-numbers.length))
  assert.ok(numbers.length >= 6)
})

test('the file is rotated by age', async () => {
  const path = join(folderFor(), 'decisions.log')
  const file = new DecisionFile(path, { rotateSize: 1e9, rotateAge: 1000, keep: 5 }, noon)
  file.write(numbered(1), noon)
  file.write(numbered(2), noon + 999)
  file.write(numbered(3), noon + 1001)
  await file.close()
  assert.match(readFileSync(`${path}.1`, 'utf8'), /"number":1.*\n.*"number":2/)
  assert.match(readFileSync(path, 'utf8'), /^\{"number":3/)
})

test('with nothing to keep, what is full is thrown away', async () => {
  const folder = folderFor()
  const file = new DecisionFile(join(folder, 'd'), { ...limits, keep: 0 }, noon)
  for (let number = 0; number < 10; number++) file.write(numbered(number), noon)
  await file.close()
  assert.deepEqual(readdirSync(folder), ['d'])
})

test('only the owner may read the file, one that was there before included', async () => {
  const folder = folderFor()
  const [fresh, old] = [join(folder, 'fresh'), join(folder, 'old')]
  writeFileSync(old, 'before\n')
  chmodSync(old, 0o666)
  for (const path of [fresh, old]) {
    const file = new DecisionFile(path, limits, noon)
    file.write(numbered(1), noon)
    await file.close()
    assert.equal(statSync(path).mode & 0o777, 0o600)
  }
  assert.match(readFileSync(old, 'utf8'), /^before\n\{"number":1/)
})

test('a rotation that fails is told, and lines go on into the open file', async () => {
  const folder = folderFor()
  const path = join(folder, 'd')
  const file = new DecisionFile(path, limits, noon)
  const errors: unknown[] = []
  file.onError = (error) => void errors.push(error)
  // A folder with something in it cannot be replaced by a file.
  mkdirSync(`${path}.2/full`, { recursive: true })
  mkdirSync(`${path}.1/full`, { recursive: true })
  for (let number = 0; number < 8; number++) file.write(numbered(number), noon)
  await file.close()
  assert.equal(errors.length, 1)
  assert.equal(readFileSync(path, 'utf8').trimEnd().split('\n').length, 8)
})

test('what is no file is refused, and so is a folder that is not there', () => {
  const folder = folderFor()
  assert.throws(() => new DecisionFile(folder, limits, noon), /cannot open decision log: not a file/)
  assert.throws(() => new DecisionFile('/dev/null', limits, noon), /not a file/)
  assert.throws(() => new DecisionFile(join(folder, 'none', 'd'), limits, noon), /ENOENT/)
})

test('a file that somebody else has moved away is made anew at the next reload', async () => {
  const path = join(folderFor(), 'd')
  const file = new DecisionFile(path, limits, noon)
  file.head('{"time":"1","scope":"a"}\n')
  renameSync(path, `${path}.moved`)
  file.write(numbered(1), noon)
  file.adjust(limits, noon)
  file.write(numbered(2), noon)
  await file.close()
  assert.match(readFileSync(`${path}.moved`, 'utf8'), /"number":1/)
  assert.match(readFileSync(path, 'utf8'), /^\{"time":"1","scope":"a"\}\n\{"number":2/)
})

test('lines are read in pieces: letters cut by a piece are whole, and a line of any length ends nothing', async () => {
  const path = join(folderFor(), 'd')
  const wide = `${'ä'.repeat(700_000)}`
  writeFileSync(path, `${wide}\nsecond\n${'y'.repeat(3_500_000)}\nfourth`)
  const lines: string[] = []
  for await (const some of readLines(path)) lines.push(...some)
  assert.deepEqual(
    lines.map((line) => (line.length > 100 ? line.length : line)),
    [700_000, 'second', '', 'fourth'],
  )
  assert.equal(lines[0], wide)
})
