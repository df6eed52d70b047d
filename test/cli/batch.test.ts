import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { folderOf } from '#test/cli/running.ts'
import { head } from '#test/trial/settings-of.ts'

const program = fileURLToPath(new URL('../../ostiary.js', import.meta.url))
const gate = `${head}routes:\n  - { name: app, from: https://app.corp.test, to: http://app, allowed_groups: [ops] }\n`

function startBatch() {
  const config = join(folderOf({ 'gate.yaml': gate }), 'gate.yaml')
  const child = spawn(process.execPath, [program, 'explain', '--config', config, '--batch', '-'])
  child.stdin.on('error', () => {})
  child.stderr.setEncoding('utf8')
  let errors = ''
  child.stderr.on('data', (text) => {
    errors += text
  })
  return { child, errors: () => errors }
}

test('each question of a batch is answered at once, while the next is not yet asked', async () => {
  const { child } = startBatch()
  child.stdout.setEncoding('utf8')
  for (const [groups, decision] of [
    [['ops'], 'allow'],
    [['sales'], 'deny'],
  ] as const) {
    child.stdin.write(`${JSON.stringify({ who: { email: 'a@x.test', groups }, url: 'app.corp.test' })}\n`)
    const [line] = (await once(child.stdout, 'data')) as [string]
    assert.equal((JSON.parse(line) as { decision: string }).decision, decision)
  }
  child.stdin.end()
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('a reader that has seen enough ends a command without a word', async () => {
  const { child, errors } = startBatch()
  child.stdout.destroy()
  child.stdin.write(`${JSON.stringify({ who: 'nobody', url: 'app.corp.test' })}\n`.repeat(1000))
  const [code] = await once(child, 'exit')
  assert.deepEqual([code, errors()], [141, ''])
})

test('a file that is not there, or none, is told in one line', () => {
  const config = join(folderOf({ 'gate.yaml': gate }), 'gate.yaml')
  for (const [options, why] of [
    [['--batch', 'gone.jsonl'], 'ENOENT'],
    [['--request', 'r-1', '--log', 'gone.log'], 'ENOENT'],
    [['--request', 'r-1', '--log', '/'], 'EISDIR'],
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, [program, 'explain', '--config', config, ...options])
    assert.equal(status, 1)
    assert.match(String(stderr), new RegExp(`^cannot explain: ${why}: [^\\n]*\\n$`))
  }
})
