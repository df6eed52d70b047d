/** Start and end of the broker beside the proxy: the proxy is there whether its broker's store is or not. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { hashSync } from 'bcryptjs'
import { socketManagement } from '#src/broker/management/socket-management.ts'
import { describe } from '#test/actors/browser.ts'
import { makeCerts } from '#test/actors/certs.ts'
import { skipWithoutPostgres, startPostgres } from '#test/actors/postgres.ts'
import { accepts, freePort, startProgram, temporaryFolder } from '#test/actors/program.ts'
import { type Config, startProxy } from '#test/actors/proxy.ts'
import { startUpstream } from '#test/actors/upstream.ts'
import { says } from '../journeys/refreshing.ts'

const alice = {
  ...{ email: 'alice@corp.test', hash: hashSync('open sesame', 10), username: 'alice', userID: 'id-alice' },
  groups: ['devops'],
}
const typed = { login: 'alice@corp.test', password: 'open sesame' }

interface Place {
  readonly port: number
  readonly upstream: string
  readonly storage: Config
  readonly socket: string
}

function configOf({ port, upstream, storage, socket }: Place, broker: Config = {}): Config {
  return {
    shared_secret: Buffer.alloc(32, 1).toString('base64'),
    cookie_secret: Buffer.alloc(32, 2).toString('base64'),
    broker: {
      issuer: `https://id.corp.test:${port}`,
      storage,
      oauth2: { skipApprovalScreen: true },
      admin: { socket },
      enablePasswordDB: true,
      staticPasswords: [alice],
      ...broker,
    },
    routes: [
      { from: `https://hello.corp.test:${port}`, to: upstream, allowed_groups: ['devops'] },
      { from: `https://pub.corp.test:${port}`, to: upstream, allow_public_unauthenticated_access: true },
    ],
  }
}

test('the proxy starts without its broker’s database, says when to come again, and signs in when it is there', {
  skip: skipWithoutPostgres(),
}, async () => {
  using folder = temporaryFolder('broker-start')
  await using upstream = await startUpstream()
  await using postgres = await startPostgres()
  const { host, port: postgresPort, database, user, password } = postgres.settings
  const at = { host, port: postgresPort, database, user, password: password?.reveal() ?? '', ssl: { mode: 'disable' } }
  const port = await freePort()
  const socket = join(folder.path, 'admin.sock')
  const place = { port, socket, upstream: upstream.url, storage: { type: 'postgres', config: at } }
  await postgres.stop()
  await using proxy = await startProxy({ config: configOf(place), port })
  const browser = proxy.browser()
  assert.equal((await browser.open(proxy.url('pub'))).status, 200)
  const early = await browser.open(proxy.url('hello'))
  assert.deepEqual([early.status, early.headers['retry-after']], [503, '5'], describe(early))
  const token = await browser.fetch(proxy.url('id', '/token'), { method: 'POST', body: 'grant_type=refresh_token' })
  assert.deepEqual([token.status, JSON.parse(token.body).error], [503, 'temporarily_unavailable'])
  await proxy.logged(says('the broker waits for its store'))
  // What is changed meanwhile is what is opened.
  proxy.write(configOf(place, { staticPasswords: [{ ...alice, email: 'alicia@corp.test' }] }))
  await proxy.logged(says('configuration in force'))
  await postgres.start()
  await proxy.logged(says('administration socket'))
  const form = await browser.open(proxy.url('hello'))
  const page = await browser.submit(form, { ...typed, login: 'alicia@corp.test' })
  assert.equal(page.url, proxy.url('hello'), describe(page))
})

test('a database that refuses the password is no reason to wait: nothing starts, and it says why', {
  skip: skipWithoutPostgres(),
}, async () => {
  using folder = temporaryFolder('broker-start')
  await using postgres = await startPostgres()
  const { host, port: postgresPort, database, user } = postgres.settings
  const at = { host, port: postgresPort, database, user, password: 'wrong', ssl: { mode: 'disable' } }
  const port = await freePort()
  const socket = join(folder.path, 'admin.sock')
  const place = { port, socket, upstream: 'http://127.0.0.1:9', storage: { type: 'postgres', config: at } }
  await assert.rejects(startProxy({ config: configOf(place), port }), /ended while starting \(1\)[\s\S]*password auth/)
})

test('a drain finishes the sign-in that waits for its answer, and leaves no socket; a crash leaves one that is replaced', async () => {
  using folder = temporaryFolder('broker-start')
  await using upstream = await startUpstream()
  const [port, brokerPort] = [await freePort(), await freePort()]
  const socket = join(folder.path, 'admin.sock')
  const storage = { type: 'sqlite3', config: { file: join(folder.path, 'broker.db') } }
  const place = { port, socket, upstream: upstream.url, storage }
  // A listener of its own is drained like the proxy's.
  const config = configOf(place, { web: { http: `127.0.0.1:${brokerPort}` } })
  const proxy = await startProxy({ config, port })
  const browser = proxy.browser()
  const form = await browser.open(proxy.url('hello'))
  const answer = browser.submit(form, typed)
  await pause(20)
  proxy.signal('SIGTERM')
  // The hash takes its time; what follows the answer is a new connection, which is refused.
  const ended = await answer.then(
    ({ status }) => status,
    (error: Error) => error.message,
  )
  assert.doesNotMatch(String(ended), /auth\/local\/login/, 'the form itself was answered')
  assert.equal(await proxy.ended, 0)
  assert.ok(!existsSync(socket))
  await proxy.stop()

  const second = await startProxy({ config, port })
  second.signal('SIGKILL')
  await second.ended
  assert.ok(existsSync(socket))
  await second.stop()
  await using third = await startProxy({ config, port })
  assert.ok(Array.isArray(await socketManagement(socket).listConnectors()))
  assert.equal((await third.browser().open(third.url('hello'))).status, 200)
})

test('a broker that is added to a running configuration, or taken out of it, waits for a restart, and says so', async () => {
  using folder = temporaryFolder('broker-start')
  await using upstream = await startUpstream()
  const port = await freePort()
  const storage = { type: 'sqlite3', config: { file: join(folder.path, 'broker.db') } }
  const place = { port, socket: join(folder.path, 'admin.sock'), upstream: upstream.url, storage }
  const { broker: _, ...without } = configOf(place)
  const routes = [
    { from: `https://pub.corp.test:${port}`, to: upstream.url, allow_public_unauthenticated_access: true },
  ]
  const waits = (key: string) => (line: Record<string, unknown>) =>
    JSON.stringify(line['needs-restart']) === `["${key}"]`
  {
    await using proxy = await startProxy({ config: { ...without, routes }, port })
    proxy.write(configOf(place))
    await proxy.logged(waits('broker'))
    assert.equal((await proxy.browser().open(proxy.url('pub'))).status, 200)
    const page = await proxy.browser().open(proxy.url('hello'))
    assert.ok(page.status >= 500, describe(page))
  }
  await using proxy = await startProxy({ config: configOf(place), port })
  proxy.write({ ...without, routes })
  await proxy.logged(waits('broker'))
  assert.equal((await proxy.browser().open(proxy.url('pub'))).status, 200)
  assert.match((await proxy.browser().fetch(proxy.url('id', '/healthz'))).body, /passed/)
})

test('a new certificate of the broker’s own listener is served without a restart, and one without its key never', async () => {
  using folder = temporaryFolder('broker-start')
  const [port, brokerPort] = [await freePort(), await freePort()]
  const [first, next] = [await makeCerts(['id.corp.test']), await makeCerts(['id.corp.test'])]
  const [tlsCert, tlsKey] = [join(folder.path, 'tls.crt'), join(folder.path, 'tls.key')]
  const put = (certs: typeof first, key = certs) => {
    copyFileSync(certs.certificateFile, tlsCert)
    copyFileSync(key.keyFile, tlsKey)
  }
  put(first)
  const storage = { type: 'memory' }
  const place = { port, socket: join(folder.path, 'admin.sock'), upstream: 'http://127.0.0.1:9', storage }
  const config = configOf(place, { web: { https: `127.0.0.1:${brokerPort}`, tlsCert, tlsKey } })
  await using proxy = await startProxy({ config, port })
  const isServed = async ({ ca }: typeof first) => {
    const socket = connect({ host: '127.0.0.1', port: brokerPort, servername: 'id.corp.test', ca })
    const outcome = await once(socket, 'secureConnect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    return outcome
  }
  assert.deepEqual([await isServed(first), await isServed(next)], [true, false])
  put(first, next)
  await proxy.logged((line) => String(line['message']).startsWith('configuration refused'))
  assert.equal(await isServed(first), true)
  put(next)
  const line = await proxy.logged(says('configuration in force'))
  assert.equal(line['needs-restart'], undefined)
  assert.deepEqual([await isServed(first), await isServed(next)], [false, true])
})

test('a configuration that is rolled back takes the broker’s users with it', async () => {
  using folder = temporaryFolder('broker-start')
  await using upstream = await startUpstream()
  const port = await freePort()
  const storage = { type: 'memory' }
  const place = { port, socket: join(folder.path, 'admin.sock'), upstream: upstream.url, storage }
  const limits = { config_rollback: { window: '60s', deny_rate_increase: '50%', minimum_requests: 10 } }
  const good: Config = { ...configOf(place), ...limits }
  await using proxy = await startProxy({ config: good, port })
  const ask = async () => {
    for (let n = 0; n < 12; n++) await proxy.browser().fetch(proxy.url('pub'))
  }
  await ask()
  const routes = (configOf(place)['routes'] as Config[]).map((route) => ({ ...route, to: 'http://127.0.0.1:9' }))
  proxy.write({ ...good, ...configOf(place, { staticPasswords: [{ ...alice, email: 'mallory@corp.test' }] }), routes })
  await proxy.logged(says('configuration in force'))
  await ask()
  await proxy.logged((line) => String(line['message']).startsWith('configuration rolled back'))
  const browser = proxy.browser()
  const page = await browser.submit(await browser.open(proxy.url('hello')), typed)
  assert.equal(page.url, proxy.url('hello'), describe(page))
})

test('whoever comes while a broker starts waits for it, and is not told that its store is away', async () => {
  using folder = temporaryFolder('broker-starting')
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}/dex`
  const file = join(folder.path, 'dex.json')
  const connectors = [{ type: 'mockCallback', id: 'mock', name: 'Mock' }]
  const storage = { type: 'sqlite3', config: { file: join(folder.path, 'broker.db') } }
  writeFileSync(file, JSON.stringify({ issuer, storage, web: { http: `127.0.0.1:${port}` }, connectors }))
  // Asked from the first moment on that somebody accepts.
  const answers: number[] = []
  const asking = (async () => {
    for (let tries = 0; tries < 5_000 && answers.length === 0; tries++) {
      if (!(await accepts('127.0.0.1', port))) await pause(2)
      else answers.push((await fetch(`${issuer}/.well-known/openid-configuration`)).status)
    }
  })()
  await using _broker = await startProgram({
    name: 'the broker',
    command: process.execPath,
    args: [fileURLToPath(new URL('../../src/main.ts', import.meta.url)), 'broker', '--config', file],
    cwd: folder.path,
    asOurselves: true,
    isReady: async () => answers.length > 0,
  })
  await asking
  assert.deepEqual(answers, [200])
})
