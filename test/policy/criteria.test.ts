import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { checkPolicy, compilePolicy, type PolicyOptions } from '#src/policy/compile-policy.ts'
import type { RecordSets } from '#src/policy/criterion.ts'
import type { Facts } from '#src/policy/facts.ts'
import { ann, bob, factsOf, sessionOf } from '#test/policy/session-of.ts'

/** One criterion under allow/or: its value and its reasons. */
function judge(yaml: string, facts: Partial<Facts> = {}, options: PolicyOptions = {}): string {
  const { allow } = compilePolicy({ policy: { allow: { or: [parse(yaml)] } } }, options).decide(factsOf(facts))
  return `${allow.value} ${allow.reasons.join(' ')}`
}

const isRefused = (yaml: string) => checkPolicy({ allow: { or: [parse(yaml)] } }).length > 0
const at = (iso: string) => ({ now: Date.parse(iso) })

test('date: from after, until before', () => {
  const span = 'date: {after: 2026-03-01, before: "2026-04-01T00:00:00+02:00"}'
  assert.equal(judge(span, at('2026-02-28T23:59:59.999Z')), 'false date-unauthorized')
  assert.equal(judge(span, at('2026-03-01T00:00:00Z')), 'true date-ok')
  assert.equal(judge(span, at('2026-03-31T21:59:59Z')), 'true date-ok')
  assert.equal(judge(span, at('2026-03-31T22:00:00Z')), 'false date-unauthorized')
})

test('date: what is no ISO 8601 date is refused, and days that do not exist', () => {
  for (const data of [
    '2026-03-01',
    '{}',
    '{after: tomorrow}',
    '{after: 2026-02-30}',
    '{since: 2026-01-01}',
    '{before: 2026-13-01}',
    '{after: 5}',
  ]) {
    assert.ok(isRefused(`date: ${data}`), data)
  }
})

test('day_of_week: names, short names, ranges over the weekend, a time zone', () => {
  const friday = at('2026-01-02T23:30:00Z')
  assert.equal(judge('day_of_week: mon-fri', friday), 'true day-of-week-ok')
  assert.equal(judge('day_of_week: "Saturday, sun"', friday), 'false day-of-week-unauthorized')
  assert.equal(judge('day_of_week: {days: sat, timezone: Europe/Berlin}', friday), 'true day-of-week-ok')
  assert.equal(judge('day_of_week: fri-mon', at('2026-01-05T00:00:00Z')), 'true day-of-week-ok')
  assert.equal(judge('day_of_week: fri-mon', at('2026-01-06T00:00:00Z')), 'false day-of-week-unauthorized')
  assert.equal(judge('day_of_week: "*"', friday), 'true day-of-week-ok')
  for (const data of ['mo', 'mon-', '5', 'mon-tue-wed', '{days: mon}', '{days: mon, timezone: Mars/Base}', '""']) {
    assert.ok(isRefused(`day_of_week: ${data}`), data)
  }
})

test('time_of_day: local time with summer time, all spellings, spans over midnight', () => {
  const office = 'time_of_day: {timezone: Europe/Berlin, after: "09:00", before: 5 PM}'
  assert.equal(judge(office, at('2026-01-02T08:00:00Z')), 'true time-of-day-ok')
  assert.equal(judge(office, at('2026-01-02T07:59:59Z')), 'false time-of-day-unauthorized')
  assert.equal(judge(office, at('2026-07-02T07:00:00Z')), 'true time-of-day-ok')
  assert.equal(judge(office, at('2026-07-02T15:00:00Z')), 'false time-of-day-unauthorized')
  const night = 'time_of_day: {timezone: UTC, after: "22:00:30", before: 6AM}'
  assert.equal(judge(night, at('2026-01-02T22:00:29Z')), 'false time-of-day-unauthorized')
  assert.equal(judge(night, at('2026-01-02T22:00:30Z')), 'true time-of-day-ok')
  assert.equal(judge(night, at('2026-01-02T05:59:59Z')), 'true time-of-day-ok')
  assert.equal(
    judge('time_of_day: {timezone: UTC, before: 12 AM}', at('2026-01-02T00:00:00Z')),
    'false time-of-day-unauthorized',
  )
  assert.equal(
    judge('time_of_day: {timezone: UTC, after: 12:30 pm}', at('2026-01-02T12:30:00Z')),
    'true time-of-day-ok',
  )
  for (const data of [
    '{after: "09:00"}',
    '{timezone: UTC}',
    '{timezone: UTC, after: 9}',
    '{timezone: UTC, after: "9"}',
    '{timezone: UTC, after: "24:00"}',
    '{timezone: UTC, after: 13 PM}',
    '09:00',
  ]) {
    assert.ok(isRefused(`time_of_day: ${data}`), data)
  }
})

test('record: a field of the record of the user or of the address', () => {
  const records: RecordSets = new Map([
    [
      'staff',
      {
        key: 'user.email',
        rows: new Map([['ann@acme.test', { level: 3, tags: ['a', 'b'], left: null, hired: '2020-01-01' }]]),
      },
    ],
    ['sites', { key: 'client.address', rows: new Map([['203.0.113.10', { country: 'DE' }]]) }],
  ])
  const of = (data: string, facts: Partial<Facts> = { session: ann }) => judge(`record: {${data}}`, facts, { records })
  assert.equal(of('type: staff, field: level, is: 3'), 'true record-ok')
  assert.equal(of('type: staff, field: level, ">=": 3, "<": 4'), 'true record-ok')
  assert.equal(of('type: staff, field: level, ">": 3'), 'false record-unauthorized')
  assert.equal(of('type: staff, field: level, "<=": "3"'), 'false record-unauthorized')
  assert.equal(of('type: staff, field: hired, "<": "2021-01-01"'), 'true record-ok')
  assert.equal(of('type: staff, field: tags, is: b'), 'true record-ok')
  assert.equal(of('type: staff, field: left, exists: false'), 'true record-ok')
  assert.equal(of('type: staff, field: level, exists: true', { session: bob }), 'false record-unauthorized')
  assert.equal(of('type: staff, field: level, exists: true', {}), 'false user-unauthenticated')
  assert.equal(of('type: sites, field: country, is: DE', {}), 'true record-ok')
  assert.equal(of('type: staff, field: constructor, exists: true'), 'false record-unauthorized')
  for (const data of [
    'type: staff',
    'type: staff, field: a',
    'type: none, field: a, is: 1',
    'type: staff, field: a, "<": true',
    'type: staff, field: a, exists: yes!',
    'type: staff, field: a, like: x',
  ]) {
    assert.ok(checkPolicy({ allow: { or: [parse(`record: {${data}}`)] } }, { records }).length > 0, data)
  }
})

test('record: an address in doubt rids nobody of a record that keeps them out, and brings nobody one that lets in', () => {
  const records: RecordSets = new Map([
    ['blocked', { key: 'user.email', rows: new Map([['eve@acme.test', { why: 'theft' }]]) }],
    ['partners', { key: 'user.domain', rows: new Map([['acme.test', { level: 1 }]]) }],
  ])
  const eve = (more: object) => sessionOf('e1', { email: 'eve@acme.test' }, more)
  const decided = (policy: object, session: Facts['session']) =>
    compilePolicy({ policy }, { records }).decide(factsOf({ session })).kind
  const blocked = { record: { type: 'blocked', field: 'why', exists: true } }
  const notBlocked = { record: { type: 'blocked', field: 'why', exists: false } }
  const partner = { record: { type: 'partners', field: 'level', is: 1 } }
  const all = { authenticated_user: true }
  for (const emailVerified of [true, false]) {
    const session = eve({ emailVerified })
    assert.equal(decided({ allow: { or: [all] }, deny: { or: [blocked] } }, session), 'deny')
    assert.equal(decided({ allow: { or: [all] }, deny: { not: [notBlocked] } }, session), 'deny')
    assert.equal(decided({ allow: { and: [all, notBlocked] } }, session), 'deny')
    assert.equal(decided({ allow: { and: [all, partner] } }, session), emailVerified ? 'allow' : 'deny')
    assert.equal(decided({ allow: { or: [all] }, deny: { or: [partner] } }, session), 'deny')
    assert.equal(
      decided({ allow: { and: [all, notBlocked] } }, sessionOf('z', { email: 'z@acme.test' }, { emailVerified })),
      'allow',
    )
  }
  assert.equal(
    decided({ allow: { or: [all] }, deny: { or: [partner] } }, sessionOf('x', { email: 'x@y@acme.test' })),
    'deny',
  )
})

test('url_query, header and user_agent: every copy must match to let in, one is enough to keep out', () => {
  assert.equal(judge('url_query/mode: read', { query: '?mode=read' }), 'true url-query-ok')
  assert.equal(judge('url_query/mode: read', { query: '?mode=read&mode=write' }), 'false url-query-unauthorized')
  assert.equal(judge('url_query/mode: {not: x}', {}), 'false url-query-unauthorized')
  assert.equal(judge('url_query/a b: "ü+"', { query: '?a%20b=%c3%bc%2B' }), 'true url-query-ok')
  assert.equal(judge('header/X-Mode: read', { headers: ['x-mode', 'read'] }), 'true header-ok')
  assert.equal(
    judge('header/x-mode: read', { headers: ['x-mode', 'read', 'x-mode', 'write'] }),
    'false header-unauthorized',
  )
  assert.equal(judge('user_agent: {starts_with: curl/}', { headers: ['user-agent', 'curl/8'] }), 'true user-agent-ok')
  const policy = compilePolicy({
    policy: {
      allow: { or: [{ accept: 1 }] },
      deny: { or: [{ 'header/x-mode': 'write' }, { 'url_query/mode': 'write' }] },
    },
  })
  const kind = (facts: Partial<Facts>) => policy.decide(factsOf(facts)).kind
  assert.equal(kind({ headers: ['x-mode', 'read', 'x-mode', 'write'] }), 'deny')
  assert.equal(kind({ query: '?mode=write&mode=read' }), 'deny')
  assert.equal(kind({ query: '?mode=read', headers: ['x-mode', 'read'] }), 'allow')
  assert.ok(isRefused('header: x') && isRefused('url_query/: x'))
})

test('acr: a known user who lacks it signs in again with what would do; just signed in, it is a denial', () => {
  const policy = compilePolicy({
    policy: { allow: { and: [{ domain: 'acme.test' }, { acr: { in: ['mfa', 'hwk'] } }] } },
  })
  const weak = policy.decide(factsOf({ session: ann }))
  assert.deepEqual(
    [weak.kind, 'again' in weak && weak.again],
    ['sign-in', { acrValues: ['mfa', 'hwk'], maxAge: undefined }],
  )
  assert.equal(policy.decide(factsOf({ session: bob })).kind, 'deny')
  assert.equal(policy.decide(factsOf({ session: ann, now: ann.issuedAt + 59_000 })).kind, 'deny')
  const strong = sessionOf('u1', { email: 'ann@acme.test', acr: 'mfa' })
  assert.equal(policy.decide(factsOf({ session: strong })).kind, 'allow')
  const stranger = policy.decide(factsOf())
  assert.deepEqual([stranger.kind, 'again' in stranger], ['sign-in', false])
})

test('auth_age: too long ago means signing in again; a moment in the future is not believed', () => {
  const policy = compilePolicy({ policy: { allow: { and: [{ auth_age: '1h30m' }] } } })
  const signedIn = (claims: Record<string, unknown>, ago: number) =>
    factsOf({ session: sessionOf('u', claims, { issuedAt: factsOf().now - ago }) })
  assert.equal(policy.decide(signedIn({}, 5_400_000)).kind, 'allow')
  const late = policy.decide(signedIn({}, 5_400_001))
  assert.deepEqual([late.kind, 'again' in late && late.again], ['sign-in', { acrValues: [], maxAge: 5400 }])
  const seconds = factsOf().now / 1000
  assert.equal(policy.decide(signedIn({ auth_time: seconds - 6000 }, 61_000)).kind, 'sign-in')
  assert.equal(policy.decide(signedIn({ auth_time: seconds + 6000 }, 6_000_000)).kind, 'sign-in')
  for (const data of ['1', '90', 'soon', '-1h', '{max: 1h}']) assert.ok(isRefused(`auth_age: ${data}`), data)
})

test('source_ip: both families, mapped addresses are IPv4, host bits are ignored', () => {
  const from = (data: string, clientAddress: string) =>
    judge(`source_ip: ${data}`, { clientAddress }).startsWith('true')
  assert.ok(from('10.1.2.3/8', '10.255.0.1') && !from('10.0.0.0/8', '11.0.0.1'))
  assert.ok(from('10.0.0.1', '::ffff:10.0.0.1') && from('"::ffff:10.0.0.1"', '10.0.0.1'))
  assert.ok(from('"::ffff:10.0.0.0/104"', '10.9.9.9') && !from('"::ffff:10.0.0.0/104"', '11.9.9.9'))
  assert.ok(from('"2001:db8::/32"', '2001:DB8:0:0:ff::1') && !from('"2001:db8::/32"', '2001:db9::1'))
  assert.ok(
    from('0.0.0.0/0', '1.2.3.4') &&
      !from('0.0.0.0/0', '2001:db8::1') &&
      !from('"::/0"', '1.2.3.4') &&
      from('"::/0"', '::1'),
  )
  assert.ok(from('["::1.2.3.4", 9.9.9.9]', '::102:304'))
  assert.ok(!from('10.0.0.0/8', '') && !from('10.0.0.0/8', '10.0.0.01') && !from('"::/0"', 'fe80::1%eth0'))
  assert.ok(!from('[]', '10.0.0.1'))
})
