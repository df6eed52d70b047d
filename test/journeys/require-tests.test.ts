import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LogLine, startProxy } from '#test/actors/proxy.ts'

const isTaken = (line: LogLine) => line['message'] === 'configuration in force'
const isRefused = (line: LogLine) => String(line['message']).startsWith('configuration refused')

/** One route for a group, with the cases that must hold for it. */
function gate(group: string, cases: readonly object[]) {
  return {
    idp_provider: 'oidc',
    idp_provider_url: 'http://127.0.0.1:9',
    idp_client_id: 'pom',
    idp_client_secret: 'pomerium',
    routes: [{ from: 'https://wiki.corp.test', to: 'http://127.0.0.1:9', allowed_groups: [group] }],
    tests: cases,
  }
}

const url = 'https://wiki.corp.test/'
const adaReads = { name: 'ada reads', who: { email: 'ada@corp.test', groups: ['devops'] }, url, expect: 'allow' }

test('with --require-tests an edit that breaks a case never gets into force, and a good one does', async () => {
  await using proxy = await startProxy({ config: gate('devops', [adaReads]), args: ['--require-tests'] })
  proxy.write(gate('nobody-is-in-this', [adaReads]))
  const line = await proxy.logged(isRefused, 'the refusal')
  assert.match(JSON.stringify(line), /the case \\"ada reads\\" fails: expected allow, got deny/)
  proxy.write(gate('devops', [adaReads, { ...adaReads, name: 'bob does not', who: 'nobody', expect: 'sign-in' }]))
  await proxy.logged(isTaken, 'the good edit')
})

test('with --require-tests nothing starts without cases, or with one that fails', async () => {
  for (const cases of [[], [{ ...adaReads, expect: 'deny' }]]) {
    await assert.rejects(startProxy({ config: gate('devops', cases), args: ['--require-tests'] }), /case/)
  }
})
