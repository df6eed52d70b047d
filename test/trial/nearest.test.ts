import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearestChanges } from '#src/trial/nearest.ts'
import { requestOf, type TrialRequest } from '#src/trial/request.ts'
import type { Person, Subject } from '#src/trial/subject.ts'
import { openTrial } from '#src/trial/trial.ts'
import { settingsOf } from './settings-of.ts'

/** Wednesday noon. */
const now = Date.UTC(2026, 0, 7, 12)
const bob: Person = { email: 'bob@corp.test', groups: ['finance'], claims: {} }

/** `kind: words (line)` of every change for one route with these access fields, written as flow YAML. */
async function nearest(access: string, who: Subject = bob, more: Partial<TrialRequest> = {}): Promise<string[]> {
  const trial = openTrial(
    await settingsOf(
      `routes:\n  - from: https://app.test\n    to: http://127.0.0.1:1\n    ${access.replaceAll('\n', '\n    ')}\n`,
    ),
  )
  const question = { request: requestOf('https://app.test/x', now, more), subject: who }
  const found = nearestChanges(trial, question, trial.explain(question.request, who))
  return found.map(({ kind, words, place }) => `${kind}: ${words} (${place.line})`)
}

test('a missing group is named, and adding the group or the user to the route', async () => {
  assert.deepEqual(await nearest('allowed_groups: [devops, ops]'), [
    'group: the group devops (14)',
    'group: the group ops (14)',
    'rule: finance added to allowed_groups (12)',
    'rule: bob@corp.test added to allowed_users (12)',
  ])
})

test('users and domains are named, an id that is an address only once', async () => {
  assert.deepEqual(await nearest('allowed_users: [ann@corp.test]\nallowed_domains: [other.test]'), [
    'domain: a verified address at other.test (15)',
    'user: the user ann@corp.test (14)',
    'rule: finance added to allowed_groups (12)',
    'rule: bob@corp.test added to allowed_users (12)',
  ])
})

test('where two things are missing at once the pair is found', async () => {
  const policy = 'policy: { allow: { and: [ { domain: acme.test }, { groups: dev } ] } }'
  const [first] = await nearest(policy)
  assert.equal(first, 'domain: a verified address at acme.test and the group dev (14)')
})

test('a criterion of `and` that alone stands against it may be left out', async () => {
  const policy = 'policy:\n  - allow:\n      and:\n        - domain: corp.test\n        - groups: dev'
  assert.deepEqual(await nearest(policy), [
    'group: the group dev (18)',
    'rule: without groups "dev" (18)',
    'rule: finance added to allowed_groups (12)',
    'rule: bob@corp.test added to allowed_users (12)',
  ])
})

test('what deny forbids is turned round, and adding somebody is not said to help', async () => {
  const policy = 'allow_any_authenticated_user: true\npolicy: { deny: { or: [ { groups: finance } ] } }'
  assert.deepEqual(await nearest(policy), [
    'group: not being in the group finance (15)',
    'rule: without the rule deny or (15)',
  ])
})

test('methods, addresses and times are tried', async () => {
  const within = (criterion: string) => `policy: { allow: { and: [ { domain: corp.test }, { ${criterion} } ] } }`
  assert.equal((await nearest(within('http_method: POST')))[0], 'method: the method POST (14)')
  assert.equal((await nearest(within('source_ip: 10.0.0.0/8')))[0], 'address: a connection from 10.0.0.0/8 (14)')
  assert.equal((await nearest(within('day_of_week: sat')))[0], 'time: the time 2026-01-10T00:00Z (14)')
  assert.equal((await nearest(within('date: { after: 2026-06-01 }')))[0], 'time: the time 2026-06-01T00:00Z (14)')
})

test('a nested claim is built as a provider would send it', async () => {
  const [first] = await nearest('allowed_idp_claims: { realm_access: { roles: [admin] } }', {
    ...bob,
    claims: { realm_access: { roles: ['viewer'] } },
  })
  assert.equal(first, 'claim: the claim realm_access.roles with "admin" (14)')
})

test('a claim in a namespace of an address is found although it holds dots and slashes', async () => {
  const [first] = await nearest('policy: { allow: { or: [ { claim/https://acme.test/role: x } ] } }')
  assert.equal(first, 'claim: the claim https://acme.test/role with "x" (14)')
})

test('an address that nobody verified is said to need that', async () => {
  assert.equal(
    (await nearest('allowed_domains: [corp.test]', { ...bob, emailVerified: false }))[0],
    'domain: a verified address at corp.test (14)',
  )
})

test('nothing is suggested where nothing is denied, and nothing that would not help', async () => {
  assert.deepEqual(await nearest('allowed_domains: [corp.test]'), [])
  assert.deepEqual(await nearest('allowed_domains: [corp.test]', 'nobody'), [])
  const closed = 'allow_any_authenticated_user: true\npolicy: { deny: { or: [ { accept: 1 }, { groups: finance } ] } }'
  assert.deepEqual(await nearest(closed), ['rule: without the rule deny or (15)'])
})
