import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { check } from '#src/cli/check.ts'
import { lintPolicies } from '#src/lint/lint-policies.ts'
import { readOffline } from '#src/trial/read-offline.ts'
import { gate } from './gate.ts'
import { deskWith, transcript } from './transcript.ts'

const run = (text: string, strict = false) =>
  transcript((io) => check({ config: ['gate.yaml'], ...deskWith({ 'gate.yaml': text }), strict }, io))

const trap = `${gate}  - from: https://trap.corp.test
    to: http://127.0.0.1:26997
    policy:
      - allow:
          nor:
            - http_method: DELETE
`

test('ostiary check: nor is warned about with its place, and --strict refuses it', async () => {
  assert.equal(
    await run(trap),
    `gate.yaml:33:11: routes[2].policy[0].allow.nor: warning: nor is true where any of its criteria is false, so it lets in nearly everybody (nor)
  33 |           nor:
     |           ^^^
  hint: write not: for "none of these"
3 routes, in the order they are tried:
  1  hello.corp.test  /*  -> http://127.0.0.1:26997  groups devops "hello"
  2  wiki.corp.test   /*  -> http://127.0.0.1:26997  the rules of its policy "wiki"
  3  trap.corp.test   /*  -> http://127.0.0.1:26997  the rules of its policy
1 warning
exit 0
`,
  )
  assert.match(await run(trap, true), /1 warning, and --strict takes them for errors\nexit 1\n$/)
})

test('a hidden route and a prefix without a boundary are told once each', async () => {
  const text = await run(`${gate}  - from: https://hello.corp.test
    to: http://127.0.0.1:26998
    prefix: /never
    allowed_users: [alice@corp.test]
`)
  assert.equal(text.match(/no request can reach this route/g)?.length, 1)
  assert.equal(text.match(/the prefix also matches/g)?.length, 1)
})

test('the configuration of the transcripts has nothing to warn about', async () => {
  assert.match(await run(gate, true), /exit 0\n$/)
})

const policies = fileURLToPath(new URL('../../policies/', import.meta.url))
for (const name of (await readdir(policies)).filter(
  (file) => file.endsWith('.yaml') && !file.endsWith('.cases.yaml'),
)) {
  test(`policies/${name} has nothing to warn about`, async () => {
    const configuration = await readOffline({ files: [join(policies, name)], env: {} })
    assert.equal(configuration.kind, 'ok')
    if (configuration.kind === 'ok') assert.deepEqual(lintPolicies(configuration.settings), [])
  })
}
