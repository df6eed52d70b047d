import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePolicy } from '#src/policy/compile-policy.ts'
import type { Policy } from '#src/policy/policy.ts'
import { openShadow, ShadowCounts } from '#src/snapshot/shadow.ts'
import { ann, factsOf } from '#test/policy/session-of.ts'
import { visit } from '#test/respond/exchanges.ts'

const route = { name: 'wiki', id: 'route-1' }
const live = compilePolicy({ allow_any_authenticated_user: true })
const start = Date.UTC(2026, 0, 1, 12)

function shadowed(policy: Policy, counts = new ShadowCounts()) {
  const events: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = []
  const log = {
    event: (level: string, message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void events.push({ level, message, fields }),
  }
  const count = counts.for(route.id, 'rules')
  const shadow = openShadow({ policy, route, count, log })
  const ask = (now: number) => {
    const facts = factsOf({ session: ann, now })
    shadow(visit(), facts, live.decide(facts))
  }
  return { ask, count, told: (text: string) => events.filter(({ message }) => message === text) }
}

test('a shadow that throws costs nobody a request: it is told and counted', () => {
  const broken: Policy = {
    ...live,
    decide() {
      throw new RangeError('out of rules')
    },
  }
  const { ask, count, told } = shadowed(broken)
  for (let times = 0; times < 50; times++) ask(start)
  assert.equal(count.failed, 50)
  assert.equal(told('shadow policy failed').length, 10)
  assert.ok(told('shadow policy failed')[0]?.fields['error'] instanceof RangeError)
})

test('each minute has its own lines, and the next one tells how many were left out', () => {
  const { ask, count, told } = shadowed(compilePolicy({ allowed_users: ['nobody'] }))
  for (let times = 0; times < 25; times++) ask(start)
  ask(start + 60_000)
  assert.equal(count.disagreed, 26)
  const lines = told('shadow policy disagrees')
  assert.equal(lines.length, 11)
  assert.equal(lines.at(-1)?.fields['suppressed'], 15)
})

test('a shadow that agrees is heard of once an hour', () => {
  const { ask, told } = shadowed(compilePolicy({ policy: { allow: { or: [{ authenticated_user: true }] } } }))
  for (let minute = 0; minute < 150; minute++) ask(start + minute * 60_000)
  const sums = told('shadow policy compared')
  assert.deepEqual(
    sums.map(({ fields }) => [fields['compared'], fields['disagreed']]),
    [
      [1, 0],
      [61, 0],
      [121, 0],
    ],
  )
})

test('counts outlive a reload that leaves the route and its shadow as they are, and no other', () => {
  const counts = new ShadowCounts()
  const one = counts.for('route-1', { allow: 1 })
  one.compared = 5
  assert.equal(counts.for('route-1', { allow: 1 }).compared, 5)
  assert.equal(counts.for('route-1', { allow: 2 }).compared, 0)
  assert.equal(counts.for('route-2', { allow: 1 }).compared, 0)
})
