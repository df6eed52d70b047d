import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Replay } from '#src/trial/compare/replay.ts'
import { openTrial } from '#src/trial/trial.ts'
import { settingsOf } from './settings-of.ts'

const head = '{"service":"decisions","time":"2026-01-07T12:00:00.000Z"'

function line(name: string, decision: string): string {
  const user = JSON.stringify({ id: name, email: `${name}@x.test`, 'email-verified': true, 'signed-in': 0 })
  const asked = '"method":"GET","host":"a.test","port":"","path":"/","ip":"192.0.2.1"'
  return `${head},"request-id":"r","scope":"s",${asked},"user":${user},"route-id":"1","route":"a","decision":"${decision}","message":"decision"}`
}

test('a loss beyond all the changes that are listed is still a loss', async () => {
  const after = openTrial(await settingsOf('routes:\n  - { from: https://a.test, to: http://a, policy: [] }\n'))
  const replay = new Replay({ after })
  replay.add(`${head},"scope":"s","claims":[],"headers":[],"query":[],"message":"scope"}`)
  for (let person = 0; person < 10_000; person++) replay.add(line(`p${person}`, 'sign-in'))
  assert.deepEqual(replay.result().kinds, ['other'])
  replay.add(line('ada', 'allow'))
  const { changes, others, kinds } = replay.result()
  assert.deepEqual([changes.length, others, kinds], [10_000, 1, ['other', 'loss']])
})
