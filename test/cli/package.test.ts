import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Browser } from '#test/actors/browser.ts'
import { testCerts } from '#test/actors/certs.ts'
import { accepts, type Folder, freePort, startProgram, temporaryFolder } from '#test/actors/program.ts'
import { startUpstream } from '#test/actors/upstream.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
/** This Node first, so that npx does not take an older one of the machine. */
const PATH = `${dirname(process.execPath)}:${process.env['PATH']}`

let folder: Folder
let tarball = ''
/** Why the package could not be installed, where that is the network's fault. */
let offline: string | undefined

before(async () => {
  folder = temporaryFolder('package')
  const packed = await run('npm', ['pack', '--silent', '--pack-destination', folder.path], root)
  assert.equal(packed.code, 0, packed.text)
  tarball = readdirSync(folder.path).find((name) => name.endsWith('.tgz')) ?? ''
  writeFileSync(join(folder.path, 'package.json'), '{ "name": "elsewhere", "private": true }\n')
  // Without the optional Node of 26: this test has one.
  const wishes = ['--omit=optional', '--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=1']
  const installed = await run('npm', ['install', ...wishes, join(folder.path, tarball)], folder.path)
  // No code: it was still waiting when its time was over.
  if (installed.code === null || /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED/.test(installed.text))
    offline = 'the registry is out of reach'
  else assert.equal(installed.code, 0, installed.text)
})

after(() => folder[Symbol.dispose]())

test('the package holds JavaScript, examples and papers, and nothing that is for development only', async () => {
  const { text } = await run('tar', ['tzf', join(folder.path, tarball)], root)
  const files = text
    .trim()
    .split('\n')
    .map((name) => name.replace(/^package\//, ''))
  for (const name of ['dist/main.js', 'ostiary.js', 'policies/demo.yaml', 'LICENSE', 'package.json']) {
    assert.ok(files.includes(name), name)
  }
  assert.deepEqual(
    files.filter((name) => /^(?:src|test|bench)\/|\.ts$|\.(?:key|crt|pem)$|^node_modules|^\.ci/.test(name)),
    [],
  )
})

test('npx runs the installed package', async (t) => {
  if (isOut(t)) return
  const { code, text } = await run('npx', ['--no-install', 'ostiary', '--version'], folder.path)
  assert.deepEqual([code, text.trim()], [0, version])
})

test('the installed package checks a configuration', async (t) => {
  if (isOut(t)) return
  const file = join(folder.path, 'gate.yaml')
  writeFileSync(file, JSON.stringify(configuration(8443, 'http://127.0.0.1:1')))
  const good = await run('npx', ['--no-install', 'ostiary', 'check', '--config', file], folder.path)
  assert.equal(good.code, 0, good.text)
  assert.match(good.text, /1 route/)
  writeFileSync(file, JSON.stringify({ ...configuration(8443, 'http://127.0.0.1:1'), adress: ':443' }))
  const bad = await run('npx', ['--no-install', 'ostiary', 'check', '--config', file], folder.path)
  assert.equal(bad.code, 1)
  assert.match(bad.text, /address/)
})

test('the installed package serves', async (t) => {
  if (isOut(t)) return
  await using upstream = await startUpstream()
  const certs = await testCerts()
  const port = await freePort()
  const file = join(folder.path, 'serve.yaml')
  const health = `127.0.0.1:${await freePort()}`
  const tls = { certificate_file: certs.certificateFile, certificate_key_file: certs.keyFile }
  writeFileSync(file, JSON.stringify({ ...configuration(port, upstream.url), ...tls, health_check_addr: health }))
  const bin = join(folder.path, 'node_modules/.bin/ostiary')
  assert.ok(existsSync(bin))
  await using _program = await startProgram({
    name: 'the installed package',
    command: process.execPath,
    args: [bin, 'serve', '--config', file],
    cwd: folder.path,
    isReady: () => accepts('127.0.0.1', port),
    asOurselves: true,
  })
  const page = await new Browser({ port, ca: certs.ca }).open(`https://pub.corp.test:${port}/x`)
  assert.equal(page.status, 200, page.body)
  assert.equal(upstream.requests[0]?.url, '/x')
})

test('an old Node is told what to do', async () => {
  const text = readFileSync(join(root, 'ostiary.js'), 'utf8')
  const old = text
    .replace('process.versions.node.split', "'20.20.2'.split")
    .replace('got ${process.versions.node}', 'got 20.20.2')
  const file = join(folder.path, 'old.mjs')
  writeFileSync(file, old)
  const { code, text: said } = await run(process.execPath, [file], folder.path)
  assert.equal(code, 1)
  assert.match(said, /needs Node\.js 24\.12 or later, got 20\.20\.2\nhint: /)
})

function isOut(t: { skip(why: string): void }): boolean {
  if (offline === undefined) return false
  if (process.env['OSTIARY_TEST_REQUIRE'] === 'all') assert.fail(offline)
  t.skip(offline)
  return true
}

function configuration(port: number, to: string) {
  return {
    address: `127.0.0.1:${port}`,
    routes: [{ from: `https://pub.corp.test:${port}`, to, allow_public_unauthenticated_access: true }],
  }
}

function run(command: string, args: readonly string[], cwd: string): Promise<{ code: number | null; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number | null; text: string }>()
  const env = { PATH, HOME: process.env['HOME'] ?? cwd, LANG: 'C.UTF-8', npm_config_update_notifier: 'false' }
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 })
  let text = ''
  child.stdout.on('data', (part: Buffer) => (text += String(part)))
  child.stderr.on('data', (part: Buffer) => (text += String(part)))
  child.once('error', reject)
  child.once('close', (code) => resolve({ code, text }))
  return promise
}
