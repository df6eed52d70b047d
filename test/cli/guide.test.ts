import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { check } from '#src/cli/check.ts'
import { explain } from '#src/cli/explain.ts'
import { test as testCommand } from '#src/cli/test.ts'
import { head } from '../trial/settings-of.ts'
import { deskWith, transcript } from './transcript.ts'

const guide = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')
const [routes = '', cases = '', attempt = '', meant = ''] = [...guide.matchAll(/```yaml\n([^`]*)```/g)].map(
  ([, text = '']) => text,
)
/** The settings that the guide leaves out come last, so that its line numbers are true. */
const files = (policy: string) => ({ 'gate.yaml': routes + policy + head, 'gate.cases.yaml': cases })

test('the first attempt of the guide is warned about in the words of the guide, and fails its cases', async () => {
  const desk = deskWith(files(attempt))
  const checked = await transcript((io) => check({ config: ['gate.yaml'], ...desk, strict: true }, io))
  const [, quoted = 'nothing is quoted'] = /```\n(gate\.yaml:[^\n]*)\n```/.exec(guide) ?? []
  assert.ok(checked.includes(`${quoted}\n`), checked)
  assert.match(checked, /exit 1\n$/)
  assert.match(await transcript((io) => testCommand({ files: ['gate.yaml'], ...desk }, io)), /exit 1\n$/)
})

test('the rules of the guide as they were meant are clean and decide what its cases say', async () => {
  const desk = deskWith(files(meant))
  const checked = await transcript((io) => check({ config: ['gate.yaml'], ...desk, strict: true }, io))
  assert.match(checked, /^1 route, [\s\S]*exit 0\n$/)
  const tested = await transcript((io) => testCommand({ files: ['gate.yaml'], ...desk }, io))
  assert.match(tested, /\n4 cases, all as expected\nexit 0\n$/)
})

test('the question of the guide has an answer that says what would change it', async () => {
  const bob = { as: 'bob@corp.test', groups: ['finance'], from: '10.0.0.7', method: 'DELETE' }
  const options = {
    config: ['gate.yaml'],
    now: 0,
    url: 'https://hello.corp.test/reports',
    ...bob,
    ...deskWith(files(meant)),
  }
  const text = await transcript((io) => explain(options, io))
  assert.match(text, /decision {2}deny/)
  assert.match(text, /would be allowed with\n {2}the group devops .*\n {2}the method GET /)
})
