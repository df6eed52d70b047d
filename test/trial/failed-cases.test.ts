import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printProblems } from '#src/config/print-problems.ts'
import { failedCases } from '#src/trial/failed-cases.ts'
import { settingsOf } from './settings-of.ts'

const settings = await settingsOf(`routes:
  - from: https://hello.corp.test
    to: http://127.0.0.1:26997
    allowed_groups: [devops]
`)

async function failed(cases: string | undefined): Promise<string> {
  const readFile = async () => {
    if (cases === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' })
    return cases
  }
  return printProblems(await failedCases(settings, { configuration: ['gate.yaml'], cwd: '/', readFile }))
}

const url = 'url: https://hello.corp.test/'

test('cases that hold say nothing', async () => {
  assert.equal(await failed(`- { who: nobody, ${url}, expect: sign-in }`), '')
})

test('each case that fails is named with its place', async () => {
  assert.equal(
    await failed(`- { name: open, who: nobody, ${url}, expect: allow, route: other }`),
    'gate.cases.yaml:1:3: the case "open" fails: expected allow, got sign-in; expected route other, got https://hello.corp.test\n',
  )
})

test('cases that are not there, or cannot be read, are a failure', async () => {
  assert.match(await failed(undefined), /^gate\.cases\.yaml: there are no cases, and they are required\n/)
  assert.match(await failed(''), /there are no cases/)
  assert.match(await failed('- { who: nobody'), /^gate\.cases\.yaml:1:\d+: /)
  assert.match(await failed('- 5'), /expected a case/)
})
