import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePolicy } from '#src/policy/compile-policy.ts'
import { explainDenied } from '#src/policy/in-words.ts'
import type { AccessFields } from '#src/policy/short-hands.ts'
import { bob, factsOf, sessionOf } from './session-of.ts'

const denied = (access: AccessFields, more: Parameters<typeof factsOf>[0] = {}) =>
  explainDenied(compilePolicy(access), factsOf({ session: bob, ...more }))

test('a missing group is named, and the groups that the visitor has', () => {
  assert.deepEqual(denied({ allowed_groups: ['dev', 'staff'] }), [
    'This is for the group dev or the group staff.',
    'You are in ops.',
  ])
  assert.deepEqual(denied({ allowed_groups: ['dev'] }, { session: sessionOf('x', { groups: [] }) }), [
    'This is for the group dev.',
    'You are in no group.',
  ])
})

test('who else may is not told to somebody who may not', () => {
  const [sentence = ''] = denied({ allowed_users: ['ann@acme.test', 'u-7'], allowed_domains: ['acme.test'] })
  assert.equal(sentence, 'This is for an address at acme.test or particular people.')
  const kept = denied({
    allow_any_authenticated_user: true,
    policy: { deny: { or: [{ email: { in: ['eve@x.test', 'bob@other.test'] } }] } },
  })
  assert.deepEqual(kept, ['A rule keeps out particular people.'])
})

test('nor by their claims, and nothing that could be copied from the page and sent', () => {
  const criteria = [
    { 'claim/email': 'ann@acme.test' },
    { 'claim/profile.preferred_username': 'ann' },
    { 'claim/manager': { has: 'eve@acme.test' } },
    { 'header/x-token': 'hunter2' },
    { 'url_query/key': { in: ['hunter2'] } },
    { user_agent: { starts_with: 'hunter2/' } },
    { 'claim/department': 'sales' },
  ]
  assert.deepEqual(denied({ policy: { allow: { or: criteria } } }), [
    'This is for particular people, a particular header x-token, a particular parameter key, particular programs or the claim department sales.',
  ])
})

test('of `and` only what is missing is told, with the operators in words', () => {
  const policy = {
    allow: {
      and: [{ groups: 'ops' }, { http_path: { starts_with: '/public/' } }, { http_method: { in: ['GET', 'HEAD'] } }],
    },
  }
  assert.deepEqual(denied({ policy }, { path: '/x', method: 'PUT' }), [
    'This is for a path that begins with /public/ and the method GET or HEAD.',
    'You are in ops.',
  ])
})

test('deny rules say what they found', () => {
  const open = { allow_any_authenticated_user: true }
  assert.deepEqual(denied({ ...open, policy: { deny: { or: [{ groups: 'ops' }, { groups: 'dev' }] } } }), [
    'A rule keeps out the group ops.',
  ])
  assert.deepEqual(denied({ ...open, policy: { deny: { not: [{ source_ip: '10.0.0.0/8' }] } } }), [
    'A rule keeps out whoever lacks a connection from 10.0.0.0/8.',
  ])
})

test('an address that nobody verified is the reason where addresses are looked at', () => {
  const session = { ...bob, emailVerified: false }
  assert.deepEqual(denied({ allowed_domains: ['other.test'] }, { session }), [
    'This is for an address at other.test.',
    'The sign-in service says that your address was never verified, so it opens nothing.',
  ])
  assert.equal(denied({ allowed_groups: ['dev'] }, { session }).length, 2)
})

test('certificates, closed routes, and what is no denial', () => {
  const policy = { deny: { or: [{ invalid_client_certificate: true }] } }
  assert.deepEqual(denied({ policy }), ['This needs a valid client certificate.'])
  assert.deepEqual(denied({}), ['Nobody may use this.'])
  assert.deepEqual(denied({ allowed_groups: ['ops'] }), [])
  assert.deepEqual(denied({ allowed_groups: ['dev'] }, { session: undefined }), [])
})

test('hundreds of groups make no page of them', () => {
  const groups = Array.from({ length: 300 }, (_, index) => `g${index}`)
  const [, sentence = ''] = denied({ allowed_groups: ['dev'] }, { session: sessionOf('x', { groups }) })
  assert.match(sentence, /^You are in g0, .*, g9 and 290 more\.$/)
})
