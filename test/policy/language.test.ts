import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { checkAccess, checkPolicy, compilePolicy } from '#src/policy/compile-policy.ts'
import { criteria, refusedCriteria } from '#src/policy/criteria.ts'
import type { Facts } from '#src/policy/facts.ts'
import { ann, bob, factsOf, sessionOf } from '#test/policy/session-of.ts'

const decide = (yaml: string, facts: Partial<Facts>) =>
  compilePolicy({ policy: parse(yaml) }).decide(factsOf(facts)).kind

test('example 1: blocks of one action are OR-ed, and `not` alone lets strangers in without sign-in', () => {
  const yaml = 'allow: { and: [ {domain: acme.test}, {claim/groups: dev} ], not: [ {http_method: DELETE} ] }'
  assert.equal(decide(yaml, { session: ann }), 'allow')
  assert.equal(decide(yaml, { session: bob }), 'allow')
  assert.equal(decide(yaml, { session: bob, method: 'DELETE' }), 'deny')
  assert.equal(decide(yaml, { session: ann, method: 'DELETE' }), 'allow')
  assert.equal(decide(yaml, {}), 'allow')
})

test('example 2: deny wins, and list and object form are equal', () => {
  const list = '- allow: { or: [ {authenticated_user: true} ] }\n- deny:  { or: [ {email: bob@other.test} ] }'
  const map = 'allow: { or: [ {authenticated_user: true} ] }\ndeny:  { or: [ {email: bob@other.test} ] }'
  for (const yaml of [list, map]) {
    assert.equal(decide(yaml, { session: ann }), 'allow')
    assert.equal(decide(yaml, { session: bob }), 'deny')
    assert.equal(decide(yaml, {}), 'sign-in')
  }
})

test('example 3: `nor` means any false', () => {
  const yaml = 'allow: { nor: [ {http_path: {starts_with: /a}}, {http_method: GET} ] }'
  assert.equal(decide(yaml, { path: '/a' }), 'deny')
  assert.equal(decide(yaml, { path: '/b' }), 'allow')
  assert.equal(decide(yaml, { path: '/a', method: 'POST' }), 'allow')
})

test('example 4: the operators of a string matcher are AND-ed, and case counts', () => {
  const yaml = 'allow: { and: [ {email: {ends_with: "@acme.test", not_in: [eve@acme.test]}} ] }'
  const as = (email: string) => decide(yaml, { session: sessionOf('x', { email }) })
  assert.deepEqual([as('ann@acme.test'), as('eve@acme.test'), as('ANN@ACME.TEST')], ['allow', 'deny', 'deny'])
})

test('example 5: `is` wants exactly one value, `has` any', () => {
  const is = 'allow: { and: [ {claim/groups: {is: ops}} ] }'
  const has = 'allow: { and: [ {claim/groups: ops} ] }'
  assert.deepEqual([decide(is, { session: ann }), decide(is, { session: bob })], ['deny', 'allow'])
  assert.deepEqual([decide(has, { session: ann }), decide(has, { session: bob })], ['allow', 'allow'])
})

test('example 6: a negated criterion about the user still asks to sign in', () => {
  const yaml = 'allow: { or: [ {accept: true} ] }\ndeny:  { not: [ {source_ip: 10.0.0.0/8}, {claim/groups: ops} ] }'
  assert.equal(decide(yaml, { clientAddress: '10.1.1.1' }), 'allow')
  assert.equal(decide(yaml, { clientAddress: '8.8.8.8' }), 'sign-in')
  assert.equal(decide(yaml, { clientAddress: '8.8.8.8', session: bob }), 'allow')
  assert.equal(decide(yaml, { clientAddress: '8.8.8.8', session: sessionOf('x', {}) }), 'deny')
})

test('example 7: short-hands are OR-ed with what the policy allows, and deny still wins', () => {
  const policy = compilePolicy({
    allowed_domains: ['acme.test'],
    allowed_idp_claims: { groups: ['ops'] },
    policy: { deny: { or: [{ http_path: { starts_with: '/admin' } }] } },
  })
  const kind = (facts: Partial<Facts>) => policy.decide(factsOf(facts)).kind
  assert.deepEqual([kind({ session: ann }), kind({ session: bob })], ['allow', 'allow'])
  assert.deepEqual([kind({ session: ann, path: '/admin' }), kind({ session: ann, path: '/adminX' })], ['deny', 'deny'])
  assert.equal(kind({ path: '/admin' }), 'sign-in')
})

test('example 8: a client certificate and a network, without any user', () => {
  const certificate = {
    valid: true,
    fingerprint: 'a'.repeat(64),
    spkiHash: '',
    sanDns: ['x.svc.acme.test'],
    sanEmail: [],
    sanUri: [],
  }
  const policy = {
    allow: {
      and: [
        {
          client_certificate: {
            san_dns: { ends_with: '.svc.acme.test' },
            fingerprint: ['a'.repeat(64), 'b'.repeat(64)],
          },
        },
        { source_ip: ['10.0.0.0/8', '2001:db8::1'] },
      ],
    },
  }
  const demanded = compilePolicy({ policy }, { denyInvalidCertificate: true })
  const right = factsOf({ clientCertificate: certificate, clientAddress: '10.2.3.4' })
  assert.equal(demanded.decide(right).kind, 'allow')
  assert.equal(demanded.decide({ ...right, clientAddress: '9.9.9.9' }).kind, 'deny')
  const without = demanded.decide({ ...right, clientCertificate: undefined })
  assert.deepEqual([without.kind, 'answer' in without && without.answer], ['deny', 'client-certificate'])
  const optional = compilePolicy({ policy }).decide({ ...right, clientCertificate: undefined })
  assert.deepEqual([optional.kind, 'answer' in optional && optional.answer], ['deny', false])
})

test('every configuration error is told with the path to it', () => {
  const path = (yaml: string) =>
    checkPolicy(parse(yaml), { source: ['routes', 0, 'policy'] }).map((p) => p.path.slice(3).join('.'))
  assert.deepEqual(
    path('allow: [ {email: a} ]'),
    ['allow'].map((p) => p),
  )
  assert.deepEqual(path('{allow: {xor: []}}'), ['allow.xor'])
  assert.deepEqual(path('{allow: {and: {a: 1}}}'), ['allow.and'])
  assert.deepEqual(path('allow: {or: [{email: a, domain: b}]}'), ['allow.or.0'])
  assert.deepEqual(path('permit: {or: [{email: a}]}'), ['permit'])
  assert.deepEqual(path('allow: {or: [{source_ip: 10.0.0.0/99}]}'), ['allow.or.0.source_ip'])
  assert.deepEqual(path('allow: {or: [{source_ip: [10.0.0.1, x]}]}'), ['allow.or.0.source_ip.1'])
  assert.deepEqual(path('allow: {or: [{device: {colour: red}}]}'), ['allow.or.0.device'])
  assert.deepEqual(path('allow: {or: [{client_certificate: x}]}'), ['allow.or.0.client_certificate'])
  assert.deepEqual(path('- allow: {or: [{email: {bogus: 1, starts_with: 5}}]}'), [
    '0.allow.or.0.email.bogus',
    '0.allow.or.0.email.starts_with',
  ])
  assert.deepEqual(
    checkPolicy('allow').map((p) => p.path),
    [[]],
  )
})

test('several things wrong are told at once, and a policy that is wrong does not compile', () => {
  const policy = { allow: { or: [{ nope: 1 }, { source_ip: 5 }, { email: { in: 'x' } }] }, also: {} }
  assert.equal(checkAccess({ policy }).length, 4)
  assert.throws(() => compilePolicy({ policy }), {
    name: 'TypeError',
    message: /expected allow or deny, got "also" \(at policy\.also\)/,
  })
})

test('criteria that are not supported are refused by name, with the reason', () => {
  for (const [name, why] of refusedCriteria) {
    const [problem] = checkPolicy({ allow: { or: [{ [name]: {} }] } })
    assert.equal(problem?.message, `cannot use criterion ${name}: ${why}`)
  }
  assert.equal(
    criteria.some(({ name }) => refusedCriteria.has(name)),
    false,
  )
})

test('no policy, an empty policy and empty short-hands deny everybody', () => {
  for (const access of [
    {},
    { policy: {} },
    { policy: [] },
    { allowed_users: [], allowed_idp_claims: { a: [] } },
    { policy: { allow: { or: [] } } },
  ]) {
    for (const session of [undefined, ann]) {
      assert.equal(compilePolicy(access).decide(factsOf({ session })).kind, 'deny')
    }
  }
})

test('allowed_groups means the claim groups', () => {
  const policy = compilePolicy({ allowed_groups: ['dev'] })
  assert.deepEqual(
    [policy.decide(factsOf({ session: ann })).kind, policy.decide(factsOf({ session: bob })).kind],
    ['allow', 'deny'],
  )
})

test('a nested claim is found by dots and by slashes, and its name keeps its case', () => {
  const session = sessionOf('x', { Realm: { Roles: ['Admin'] }, 'https://a.test/roles': ['r'], dept: 'eng' })
  const kind = (name: string, value: string) =>
    compilePolicy({ policy: { allow: { or: [{ [name]: value }] } } }).decide(factsOf({ session })).kind
  assert.equal(kind('claim/Realm.Roles', 'Admin'), 'allow')
  assert.equal(kind('claim/Realm/Roles', 'Admin'), 'allow')
  assert.equal(kind('claim/realm/roles', 'Admin'), 'deny')
  assert.equal(kind('claim/https://a.test/roles', 'r'), 'allow')
  assert.equal(kind('claim/Dept', 'eng'), 'allow')
})

test('a named policy is used by name, beside rules of the route', () => {
  const named = new Map([
    ['office', { value: { deny: { not: [{ source_ip: '10.0.0.0/8' }] } }, source: ['policies', 'office'] }],
  ])
  const access = { policy: [{ use: 'office' }, { allow: { or: [{ accept: true }] } }] }
  const policy = compilePolicy(access, { named })
  assert.equal(policy.decide(factsOf({ clientAddress: '10.0.0.1' })).kind, 'allow')
  assert.equal(policy.decide(factsOf({ clientAddress: '11.0.0.1' })).kind, 'deny')
  const [, deny] = policy.explain(factsOf({})).tree
  assert.deepEqual(deny?.children[0]?.children[0]?.source, ['policies', 'office', 'deny', 'not', 0, 'source_ip'])
  assert.match(checkAccess({ policy: { use: 'home' } }, { named })[0]?.message ?? '', /no policy of that name/)
  assert.match(checkAccess({ policy: { use: 'office' } })[0]?.message ?? '', /a named policy uses no other/)
})

test('an explanation tells for each criterion what it saw, why, and where it stands', () => {
  const policy = compilePolicy(
    { allowed_users: ['bob'], policy: { allow: { and: [{ 'claim/groups': 'dev' }, { http_method: 'PUT' }] } } },
    { source: ['routes', 2] },
  )
  const { decision, tree } = policy.explain(factsOf({ session: ann }))
  assert.equal(decision.kind, 'deny')
  const leaves = tree.flatMap((action) => action.children).flatMap((block) => block.children)
  assert.deepEqual(
    leaves.map(({ name, value, reason, saw, source }) => ({ name, value, reason, saw, source: source.join('.') })),
    [
      { name: 'user', value: false, reason: 'user-unauthorized', saw: 'u1', source: 'routes.2.allowed_users.0' },
      {
        name: 'email',
        value: false,
        reason: 'email-unauthorized',
        saw: 'ann@acme.test',
        source: 'routes.2.allowed_users.0',
      },
      {
        name: 'claim/groups',
        value: true,
        reason: 'claim-ok',
        saw: ['dev', 'ops'],
        source: 'routes.2.policy.allow.and.0.claim/groups',
      },
      {
        name: 'http_method',
        value: false,
        reason: 'http-method-unauthorized',
        saw: 'GET',
        source: 'routes.2.policy.allow.and.1.http_method',
      },
    ],
  )
})

test('what a policy needs is known without a request', () => {
  const needs = (access: object) => compilePolicy(access).needs
  assert.equal(needs({ allow_public_unauthenticated_access: true }).admitsAnonymous, true)
  assert.equal(needs({ allow_public_unauthenticated_access: true }).session, false)
  assert.equal(needs({ allowed_users: ['a'] }).admitsAnonymous, false)
  assert.equal(needs({ allowed_users: ['a'], cors_allow_preflight: true }).admitsAnonymous, true)
  assert.equal(
    needs({ allow_public_unauthenticated_access: true, policy: { deny: { or: [{ email: 'x' }] } } }).admitsAnonymous,
    false,
  )
  assert.deepEqual(
    [...needs({ policy: { allow: { or: [{ 'claim/A/b': 1 }, { groups: 'x' }] } } }).claims],
    ['A/b', 'A.b', 'a/b', 'a.b', 'groups'],
  )
})

test('what of a request a policy looks at is known, so that a record of it can be complete', () => {
  const { headers, query, time } = compilePolicy({
    cors_allow_preflight: true,
    policy: {
      allow: { or: [{ 'header/X-Api': 'a' }, { 'url_query/Version': '2' }] },
      deny: { or: [{ user_agent: { contains: 'bot' } }, { auth_age: '1h' }] },
    },
  }).needs
  assert.deepEqual([...headers], ['origin', 'access-control-request-method', 'x-api', 'user-agent'])
  assert.deepEqual([...query], ['Version'])
  assert.equal(time, true)
  const plain = compilePolicy({ allowed_users: ['a'] }).needs
  assert.deepEqual([plain.headers.size, plain.query.size, plain.time], [0, 0, false])
})
