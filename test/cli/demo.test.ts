import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { noPort } from '#src/cli/demo/texts.ts'
import { type DemoOptions, demo } from '#src/cli/demo.ts'
import { Browser, describe } from '#test/actors/browser.ts'
import { freePort, temporaryFolder } from '#test/actors/program.ts'
import { startDemo } from './demo-actor.ts'

test('the demo shows its addresses, its users and their password, and every address answers', async () => {
  await using running = await startDemo()
  for (const host of ['hello', 'files', 'anything.apps', 'public', 'authenticate']) {
    assert.ok(running.output().includes(`https://${host}.localhost:${running.port}`), host)
  }
  for (const user of ['alice@corp.test', 'bob@corp.test', 'carol@corp.test']) assert.ok(running.output().includes(user))
  const browser = running.browser()
  const page = await browser.open(running.url('public'))
  assert.equal(page.status, 200, describe(page))
  const form = await browser.open(running.url('hello', '/deep?x=1'))
  const password = /password "([^"]+)"/.exec(running.output())?.[1] ?? ''
  const hello = await browser.submit(form, { login: 'alice@corp.test', password })
  assert.equal(hello.url, running.url('hello', '/deep?x=1'), describe(hello))
  assert.match(hello.body, /Hello, Alice Okafor/)
  const files = await browser.open(running.url('files'))
  assert.match(files.body, /welcome\.txt/, describe(files))
  const apps = await browser.open(running.url('anything.apps'))
  assert.match(apps.body, /Hello, Alice Okafor/, describe(apps))
})

test('signing out in the demo reaches the broker, without another question', async () => {
  await using running = await startDemo()
  const browser = running.browser()
  const form = await browser.open(running.url('hello'))
  await browser.submit(form, { login: 'alice@corp.test', password: 'open sesame' })
  const out = await browser.open(running.url('hello', '/.pomerium/sign_out'), { from: running.url('hello') })
  assert.equal(out.url.split('?')[0], running.url('authenticate', '/.pomerium/signed_out'), describe(out))
  assert.match((await browser.open(running.url('hello'))).body, /type="password"/)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends all of it, with 0`, async () => {
    await using running = await startDemo()
    // Something that never ends by itself is under way.
    const browser = running.browser()
    const form = await browser.open(running.url('hello'))
    await browser.submit(form, { login: 'carol@corp.test', password: 'open sesame' })
    const clock = browser.fetch(running.url('hello', '/clock')).catch(() => undefined)
    await pause(200)
    running.signal(signal)
    const ended = await Promise.race([running.ended, pause(10_000, 'still there')])
    assert.equal(ended, 0, running.output())
    await clock
    const { port } = running
    await assert.rejects(new Browser({ port, ca: '' }).open(`http://hello.localhost:${port}/`))
  })
}

test('a taken port is named, with the way out, and nothing is left running', async () => {
  const port = await freePort()
  const door = createServer().listen(port, '127.0.0.1')
  await once(door, 'listening')
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, 'demo', '--port', String(port)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stderr.on('data', (part: Buffer) => (text += String(part)))
  const [code] = (await once(child, 'exit')) as [number]
  door.close()
  assert.equal(code, 1)
  assert.match(text, new RegExp(`port ${port} is taken`))
  assert.match(text, /hint: .*--port \d+/)
})

test('what the demo has opened is closed again when the proxy does not start', async () => {
  const port = await freePort()
  using folder = temporaryFolder('demo')
  const options: DemoOptions = {
    port,
    certificates: folder.path,
    out: () => undefined,
    err: () => undefined,
    signal: new AbortController().signal,
    now: Date.now,
  }
  await assert.rejects(
    demo(options, () => Promise.reject(new Error('no'))),
    /^Error: no$/,
  )
  const door = createServer().listen(port, '127.0.0.1')
  await once(door, 'listening')
  door.close()
})

test('where the certificates cannot be kept, the folder is named and nothing is started', async () => {
  using folder = temporaryFolder('demo')
  const file = join(folder.path, 'file')
  writeFileSync(file, '')
  let said = ''
  const code = await demo(
    {
      port: await freePort(),
      certificates: join(file, 'certs'),
      out: () => undefined,
      err: (text) => {
        said += text
      },
      signal: new AbortController().signal,
      now: Date.now,
    },
    () => Promise.reject(new Error('started')),
  )
  assert.equal(code, 1)
  assert.match(said, new RegExp(`^cannot start the demo: the certificates cannot be kept in ${file}/certs .*\nhint: `))
})

test('a port that needs a privilege is not called taken', () => {
  assert.equal(
    noPort({ port: 443, code: 'EACCES' }),
    'cannot start the demo: port 443 may not be used: ports below 1024 need a privilege\nhint: npm start -- --port 8443\n',
  )
})
