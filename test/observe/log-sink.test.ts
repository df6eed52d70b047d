import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { LogSink } from '#src/observe/log-sink.ts'

const sinkUrl = new URL('../../src/observe/log-sink.ts', import.meta.url).href

/** Runs a program that has `sink` on its standard output. */
function program(text: string) {
  const source = `import { LogSink } from ${JSON.stringify(sinkUrl)}; const sink = new LogSink({ limit: 200_000 }); ${text}`
  return spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'pipe'] })
}

async function ended(child: ReturnType<typeof program>) {
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    out += chunk
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  return { out, code }
}

test('lines arrive in the order they were written, whole', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ostiary-log-'))
  const file = join(directory, 'log')
  const sink = new LogSink({ fd: openSync(file, 'w') })
  for (let i = 0; i < 5000; i++) sink.write(`{"line":${i},"text":"ö"}\n`)
  await sink.close()
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  assert.equal(lines.length, 5000)
  for (const [i, line] of lines.entries()) assert.equal((JSON.parse(line) as { line: number }).line, i)
  await rm(directory, { recursive: true })
})

test('a line reaches the reader by itself, without another one after it', async () => {
  const child = program("sink.write('alone\\n'); setTimeout(() => {}, 60_000)")
  const chunk = await new Promise((resolve) => child.stdout.once('data', resolve))
  assert.equal(String(chunk), 'alone\n')
  child.kill('SIGKILL')
})

test('what was written just before the end of the process is not lost', async () => {
  const { out, code } = await ended(
    program("for (let i = 0; i < 1500; i++) sink.write('line ' + i + '\\n'); process.exit(3)"),
  )
  assert.equal(code, 3)
  assert.equal(out.match(/line \d+\n/g)?.length, 1500)
})

test('a reader that does not read costs bounded memory; lines are dropped, counted and told once it reads again', async () => {
  const child = program(`
    const line = 'x'.repeat(999) + '\\n'
    let n = 0
    const timer = setInterval(() => { for (let i = 0; i < 100; i++) sink.write(line); if (++n === 20) { clearInterval(timer); process.stderr.write(String(sink.dropped)); setTimeout(() => process.exit(0), 1500) } }, 5)
  `)
  const dropped = Number(await new Promise((resolve) => child.stderr.once('data', resolve)))
  assert.ok(dropped > 1000 && dropped < 2000, `dropped ${dropped}`)
  const { out, code } = await ended(child)
  assert.equal(code, 0)
  assert.match(out, new RegExp(`"level":"warn".*"dropped":${dropped},"message":"log lines dropped"`))
})

test('a process whose log nobody reads still ends', async () => {
  const child = program(
    "for (let i = 0; i < 300; i++) sink.write('x'.repeat(999) + '\\n'); setTimeout(() => process.exit(4), 1500)",
  )
  const code = await new Promise((resolve) => child.once('exit', resolve))
  assert.equal(code, 4)
})

test('a reader that has gone does not end the process', async () => {
  const child = program(
    "setInterval(() => sink.write('x'.repeat(9999) + '\\n'), 10); setTimeout(() => process.exit(5), 500)",
  )
  child.stdout.destroy()
  assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 5)
})
