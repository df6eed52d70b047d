import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { checkAccess, compilePolicy, type SharedCriteria } from '#src/policy/compile-policy.ts'
import type { Facts } from '#src/policy/facts.ts'
import type { AccessFields } from '#src/policy/short-hands.ts'
import type { Session } from '#src/session/session.ts'
import { ann, factsOf, sessionOf } from '#test/policy/session-of.ts'

const kind = (access: AccessFields, facts: Partial<Facts>) => compilePolicy(access).decide(factsOf(facts)).kind
const withEmail = (email: string, more: Partial<Session> = {}) => sessionOf('x', { email }, more)

test('a blank entry in a list of users or domains is nobody, not everybody without an address', () => {
  for (const blank of ['', ' ', '\t', '\u00a0', '\u200b'.trim()]) {
    for (const access of [
      { allowed_users: [blank] },
      { allowed_domains: [blank] },
      { allowed_users: `bob,${blank}` },
    ]) {
      for (const session of [withEmail(''), withEmail('a@'), withEmail('nodomain'), sessionOf('', {})]) {
        assert.equal(kind(access, { session }), 'deny', JSON.stringify([access, session.email]))
      }
    }
  }
  assert.equal(kind({ allowed_groups: [''] }, { session: sessionOf('x', { groups: [] }) }), 'deny')
})

test('a session without user id is not a signed-in user', () => {
  assert.equal(kind({ allow_any_authenticated_user: true }, { session: sessionOf('', { email: 'a@b.test' }) }), 'deny')
  assert.equal(
    kind({ policy: { allow: { or: [{ user: '' }, { user: { not: 'eve' } }] } } }, { session: sessionOf('', {}) }),
    'deny',
  )
})

test('an address that can be cut in several ways lets nobody in by its domain', () => {
  const odd = [
    'a@acme.test@evil.test',
    'a@evil.test@acme.test',
    '"a@acme.test"@evil.test',
    '"x@y"@acme.test',
    ' a@acme.test',
    'a@acme.test ',
    'a@acme.test\n',
    'a@acme.test\u0000',
    'a@acme.test\u200b',
    'a@\u202eacme.test',
    'a@acme.test,b@evil.test',
    'Ann <ann@acme.test>',
    'ann@acme.test>',
    'ann(comment)@acme.test',
    '@acme.test',
    'acme.test',
    'ann@[acme.test]',
    'ann@acme.test;b',
    'ann\\@acme.test',
    'ann@sub.acme.test',
    'ann@acme.test.evil.test',
    'ann@ACME.TEST',
    'ann@acme.te\u017ft',
  ]
  for (const email of odd) {
    for (const access of [
      { allowed_domains: ['acme.test'] },
      { policy: { allow: { or: [{ domain: { is: 'acme.test' } }] } } },
    ]) {
      assert.equal(kind(access, { session: withEmail(email) }), 'deny', JSON.stringify(email))
    }
  }
  assert.equal(kind({ allowed_domains: ['acme.test'] }, { session: withEmail('ann@acme.test') }), 'allow')
})

test('an address in doubt does not slip past a deny rule either', () => {
  const outsiders = {
    policy: { allow: { or: [{ authenticated_user: 1 }] }, deny: { or: [{ domain: { not: 'acme.test' } }] } },
  }
  const evil = { policy: { allow: { or: [{ authenticated_user: 1 }] }, deny: { or: [{ domain: 'evil.test' }] } } }
  for (const email of ['a@acme.test@evil.test', 'a@evil.test@acme.test', '"a@evil.test"@acme.test']) {
    assert.equal(kind(outsiders, { session: withEmail(email) }), 'deny', email)
  }
  assert.equal(kind(evil, { session: withEmail('a@evil.test@acme.test') }), 'deny')
  assert.equal(kind(evil, { session: withEmail('a@evil.test', { emailVerified: false }) }), 'deny')
  assert.equal(kind(outsiders, { session: withEmail('a@acme.test', { emailVerified: false }) }), 'deny')
})

test('an address that nobody verified lets nobody in, by whatever operator', () => {
  const session = withEmail('ann@acme.test', { emailVerified: false })
  const rules = [
    { email: 'ann@acme.test' },
    { email: { not: 'eve' } },
    { email: { contains: '' } },
    { email: {} },
    { domain: 'acme.test' },
    { domain: { not_in: [] } },
  ]
  for (const rule of rules) {
    const decision = compilePolicy({ policy: { allow: { or: [rule] } } }).decide(factsOf({ session }))
    assert.equal(decision.kind, 'deny', JSON.stringify(rule))
    assert.match(decision.allow.reasons.join(), /^(email|domain)-unauthorized$/)
  }
  assert.equal(kind({ allowed_users: ['ann@acme.test'] }, { session }), 'deny')
  assert.equal(kind({ policy: { allow: { not: [{ email: { not: 'ann@acme.test' } }] } } }, { session }), 'deny')
})

test('names of inherited properties are neither claims, nor operators, nor criteria, nor actions', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__']
  for (const name of names) {
    assert.equal(kind({ policy: { allow: { or: [{ [`claim/${name}`]: 'x' }] } } }, { session: ann }), 'deny')
    assert.equal(
      kind({ policy: { allow: { nor: [{ [`claim/${name}`]: { exclude: 'x' } }] } } }, { session: ann }),
      'deny',
    )
    for (const yaml of [
      `{allow: {or: [{"${name}": x}]}}`,
      `{"${name}": {or: [{accept: 1}]}}`,
      `{allow: {"${name}": [{accept: 1}]}}`,
      `{allow: {or: [{email: {"${name}": x}}]}}`,
      `{allow: {or: [{claim/a: {"${name}": x}}]}}`,
    ]) {
      assert.ok(checkAccess({ policy: parse(yaml) }).length > 0, yaml)
    }
  }
  assert.equal(kind({ allowed_idp_claims: parse('{__proto__: {groups: [dev]}}') }, { session: ann }), 'deny')
  assert.equal(kind({}, { session: ann }), 'deny')
})

test('the prototype of a claim value is no part of what is compared', () => {
  const session = sessionOf('x', {})
  const flatClaims = new Map<string, readonly unknown[]>([['x', [JSON.parse('{"__proto__": {"role": "admin"}}')]]])
  assert.equal(
    kind(
      { policy: { allow: { or: [{ 'claim/x': { has: { role: 'admin' } } }] } } },
      { session: { ...session, flatClaims } },
    ),
    'deny',
  )
})

test('text is compared as text: nothing in it is a pattern', () => {
  for (const text of ['.*', '*', 'ann@acme.test|x', '^', '%', '_', '(a+)+$']) {
    for (const operator of ['is', 'starts_with', 'ends_with', 'contains']) {
      assert.equal(
        kind({ policy: { allow: { or: [{ email: { [operator]: text } }] } } }, { session: ann }),
        'deny',
        text,
      )
    }
  }
})

test('letters that fold into one another under Unicode are different letters', () => {
  const pairs = [
    ['admin@acme.test', 'admın@acme.test'],
    ['mike@acme.test', 'mi\u212ae@acme.test'],
    ['ss@acme.test', 'ß@acme.test'],
    ['caf\u00e9@acme.test', 'cafe\u0301@acme.test'],
    ['ann@acme.test', 'ANN@acme.test'],
  ]
  for (const [written = '', told = ''] of pairs) {
    assert.equal(kind({ allowed_users: [written] }, { session: withEmail(told) }), 'deny', told)
    assert.equal(kind({ allowed_users: [written] }, { session: withEmail(written) }), 'allow')
  }
})

test('a method in other case is another method', () => {
  const policy = { allow: { and: [{ http_method: { in: ['GET', 'HEAD'] } }] } }
  assert.deepEqual(
    ['GET', 'get', 'Get', 'GET ', 'GETX'].map((method) => kind({ policy }, { method })),
    ['allow', 'deny', 'deny', 'deny', 'deny'],
  )
})

test('escapes do not carry a path past a deny rule', () => {
  const policy = {
    allow: { or: [{ accept: 1 }] },
    deny: { or: [{ http_path: { starts_with: '/admin/' } }, { http_path: { contains: 'ü' } }] },
  }
  for (const path of [
    '/admin/x',
    '/adm%69n/x',
    '/admin%2fx',
    '/admin%2Fx',
    '/x/%c3%bc',
    '/x/%C3%BC',
    '/admin/%ff',
    '/admin/%zz',
  ]) {
    assert.equal(kind({ policy }, { path }), 'deny', path)
  }
  assert.equal(kind({ policy }, { path: '/admin%252fx' }), 'allow')
})

test('a list where one value is meant does not become any-of, and types are kept apart', () => {
  const session = sessionOf('x', { groups: ['dev'], level: '3', flag: 'true', nothing: 'null', list: [['dev']] })
  const is = (name: string, data: unknown) => kind({ policy: { allow: { or: [{ [name]: data }] } } }, { session })
  assert.equal(is('claim/groups', ['dev', 'ops']), 'deny')
  assert.equal(is('claim/level', 3), 'deny')
  assert.equal(is('claim/flag', true), 'deny')
  assert.equal(is('claim/nothing', null), 'deny')
  assert.equal(is('claim/list', 'dev'), 'deny')
  assert.equal(is('email', ['ann@acme.test']), 'deny')
})

test('a claim with a hundred thousand values, or nested a thousand deep, is answered', () => {
  const values = Array.from({ length: 100_000 }, (_, at) => `g${at}`)
  const flatClaims = new Map<string, readonly unknown[]>([['groups', values]])
  assert.equal(kind({ allowed_groups: ['g99999'] }, { session: { ...ann, flatClaims } }), 'allow')
  assert.equal(kind({ policy: { allow: { or: [{ email: { in: values } }] } } }, { session: ann }), 'deny')
  const deep = () => Array.from({ length: 1000 }).reduce<unknown>((inner) => [inner], 'x')
  const nested = new Map<string, readonly unknown[]>([['groups', [deep()]]])
  const policy = { allow: { or: [{ 'claim/groups': { has: deep() } }] } }
  // Equal or not is not worth a stack: below 32 levels nothing is equal.
  assert.equal(kind({ policy }, { session: { ...ann, flatClaims: nested } }), 'deny')
})

test('sharing compiled criteria never mixes up values that look alike', () => {
  const shared: SharedCriteria = new Map()
  const session = sessionOf('x', { v: [1] })
  const allows = (data: unknown) =>
    compilePolicy({ policy: { allow: { or: [{ 'claim/v': data }] } } }, { shared }).decide(factsOf({ session })).kind
  assert.deepEqual([1, '1', true, [1], 1n, null].map(allows), ['allow', 'deny', 'deny', 'deny', 'allow', 'deny'])
  const both = { allow: { or: [{ email: { not: 'x' } }] }, deny: { or: [{ email: { not: 'x' } }] } }
  const doubtful = withEmail('a@b.test', { emailVerified: false })
  const { allow, deny } = compilePolicy({ policy: both }, { shared }).decide(factsOf({ session: doubtful }))
  assert.deepEqual([allow.value, deny.value], [false, true])
})
