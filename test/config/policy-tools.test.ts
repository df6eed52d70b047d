import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPolicy } from '#src/policy/compile-policy.ts'
import { brief, HEAD, problemsOf, settingsOf } from './loading.ts'

test('a decision log needs only its path; sizes, ages and shares are read with their units', async () => {
  const usual = await settingsOf(`${HEAD}decision_log: {path: decisions.log}\nconfig_rollback: {}\n`)
  assert.deepEqual(usual.decision_log, {
    path: 'decisions.log',
    rotate_size: 100_000_000,
    rotate_age: 24 * 3_600_000,
    keep: 7,
  })
  assert.deepEqual(usual.config_rollback, { window: 300_000, deny_rate_increase: 0.2, minimum_requests: 50 })
  const written = await settingsOf(
    `${HEAD}decision_log: {path: /var/log/d, rotate_size: 64KiB, rotate_age: 1h30m, keep: 0}\nconfig_rollback: {window: 10s, deny_rate_increase: 0.5, minimum_requests: 5}\n`,
  )
  assert.deepEqual(written.decision_log, { path: '/var/log/d', rotate_size: 65_536, rotate_age: 5_400_000, keep: 0 })
  assert.deepEqual(written.config_rollback, { window: 10_000, deny_rate_increase: 0.5, minimum_requests: 5 })
})

test('neither is there unless it is written, and variables hold them as JSON', async () => {
  const plain = await settingsOf(HEAD)
  assert.equal(plain.decision_log, undefined)
  assert.equal(plain.config_rollback, undefined)
  const given = await settingsOf(HEAD, { env: { DECISION_LOG: '{"path": "d.log", "keep": 3}' } })
  assert.equal(given.decision_log?.keep, 3)
})

test('every mistake inside is told at its place', async () => {
  const problems = await problemsOf(
    `${HEAD}decision_log: {rotate_size: 3, kep: 7}\nconfig_rollback: {deny_rate_increase: 200%, window: 30}\n`,
  )
  assert.deepEqual(brief(problems), [
    'gate.yaml:9:15 decision_log expected a map that holds path, got none',
    'gate.yaml:9:29 decision_log.rotate_size expected a size from 64KiB to 64GiB, got 3',
    'gate.yaml:9:37 decision_log.kep expected one of the keys path, rotate_size, rotate_age, keep, got another key',
    'gate.yaml:10:39 config_rollback.deny_rate_increase expected a share from 1% to 100%, such as 20%, got "200%"',
    'gate.yaml:10:53 config_rollback.window expected a duration such as 30s, got a number without a unit',
  ])
})

test('a path that is no file is refused', async () => {
  for (const path of ['""', 'logs/', '"a\\nb"'])
    assert.match(brief(await problemsOf(`${HEAD}decision_log: {path: ${path}}\n`)).join(), /the path of a file/)
})

test('shadow rules keep their types and are checked like live ones', async () => {
  const text = (rule: string) =>
    `${HEAD}routes:\n  - from: https://a.test\n    to: http://a\n    allowed_users: [x]\n    shadow_policy: {allow: {or: [${rule}]}}\n`
  const settings = await settingsOf(text('{claim/level: 3}'))
  assert.deepEqual(settings.routes[0]?.shadow_policy, { allow: { or: [{ 'claim/level': 3 }] } })
  const problems = await problemsOf(text('{emial: x}'), { checkPolicy })
  assert.deepEqual(brief(problems), [
    'gate.yaml:13:35 routes[0].shadow_policy.allow.or[0].emial cannot use criterion emial: no such criterion, did you mean "email"?',
  ])
})
