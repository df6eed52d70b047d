/** The broker inside: one process, one port, nothing said about signing in but `broker:`. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { hashSync } from 'bcryptjs'
import { socketManagement } from '#src/broker/management/socket-management.ts'
import { type Browser, describe } from '#test/actors/browser.ts'
import { freePort, temporaryFolder } from '#test/actors/program.ts'
import { startProxy } from '#test/actors/proxy.ts'
import { type Echo, startUpstream } from '#test/actors/upstream.ts'

const hash = hashSync('open sesame', 10)
const person = (name: string, groups: readonly string[]) => ({
  email: `${name}@corp.test`,
  hash,
  username: name,
  userID: `id-${name}`,
  groups,
})

async function start(issuerAt = (port: number) => `https://id.corp.test:${port}`) {
  await using opened = new AsyncDisposableStack()
  const folder = opened.use(temporaryFolder('one-process'))
  const upstream = opened.use(await startUpstream())
  const port = await freePort()
  const socket = join(folder.path, 'admin.sock')
  const config = {
    shared_secret: Buffer.alloc(32, 1).toString('base64'),
    cookie_secret: Buffer.alloc(32, 2).toString('base64'),
    broker: {
      issuer: issuerAt(port),
      storage: { type: 'sqlite3', config: { file: join(folder.path, 'broker.db') } },
      oauth2: { skipApprovalScreen: true },
      admin: { socket },
      enablePasswordDB: true,
      staticPasswords: [person('alice', ['devops']), person('bob', ['finance'])],
    },
    routes: [
      {
        name: 'hello',
        from: `https://hello.corp.test:${port}`,
        to: upstream.url,
        allowed_groups: ['devops'],
        pass_identity_headers: true,
        allow_websockets: true,
      },
    ],
  }
  const proxy = opened.use(await startProxy({ config, port }))
  const owned = opened.move()
  return { proxy, config, socket, folder, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function signIn(browser: Browser, address: string, login: string) {
  const form = await browser.open(address)
  assert.match(form.body, /type="password"/, describe(form))
  return await browser.submit(form, { login, password: 'open sesame' })
}

test('without any idp_ setting people sign in at the broker inside, over the same port', async () => {
  await using world = await start()
  const { proxy } = world
  const alice = proxy.browser()
  const page = await signIn(alice, proxy.url('hello', '/deep?x=1'), 'alice@corp.test')
  assert.equal(page.url, proxy.url('hello', '/deep?x=1'), describe(page))
  const echo = JSON.parse(page.body) as Echo
  assert.ok(JSON.stringify(echo).includes('x-pomerium-jwt-assertion'), page.body)
  assert.ok(
    page.trail.every(({ url }) => new URL(url).port === String(proxy.port)),
    'another port was asked',
  )
  const bob = await signIn(proxy.browser(), proxy.url('hello'), 'bob@corp.test')
  assert.equal(bob.status, 403, describe(bob))
})

test('the broker may live under a path of the authenticate host, beside the paths of the proxy', async () => {
  await using world = await start((port) => `https://authenticate.corp.test:${port}/dex`)
  const { proxy } = world
  const alice = proxy.browser()
  const page = await signIn(alice, proxy.url('hello'), 'alice@corp.test')
  assert.equal(page.url, proxy.url('hello'), describe(page))
  assert.ok(page.trail.length > 1)
  const who = await alice.open(proxy.url('authenticate', '/.pomerium/'))
  assert.equal(who.status, 200, describe(who))
  const discovery = await alice.fetch(proxy.url('authenticate', '/dex/.well-known/openid-configuration'))
  assert.match(discovery.body, /"issuer":"https:\/\/authenticate\.corp\.test:\d+\/dex"/)
  const before = await alice.fetch(proxy.url('authenticate', '/.well-known/oauth-authorization-server/dex'))
  assert.equal(before.body, discovery.body)
  assert.equal((await alice.fetch(proxy.url('authenticate', '/dexter'))).status, 404)
})

test('a login_hint of the sign-in address stands on the form', async () => {
  await using world = await start()
  const { proxy } = world
  const query = new URLSearchParams({ pomerium_redirect_uri: proxy.url('hello'), login_hint: 'alice@corp.test' })
  const form = await proxy.browser().open(proxy.url('hello', `/.pomerium/sign_in?${query}`))
  assert.match(form.body, /name="login"[^>]*value="alice@corp\.test"/, describe(form))
})

test('signing out at the application reaches the broker: the next sign-in asks for the password', async () => {
  await using world = await start()
  const { proxy } = world
  const alice = proxy.browser()
  await signIn(alice, proxy.url('hello'), 'alice@corp.test')
  const out = await alice.open(proxy.url('hello', '/.pomerium/sign_out'), { from: proxy.url('hello') })
  assert.equal(out.url.split('?')[0], proxy.url('authenticate', '/.pomerium/signed_out'), describe(out))
  assert.match((await alice.open(proxy.url('hello'))).body, /type="password"/)
})

test('an operator ends all of a user by one command: tokens, browser sessions, and the proxy at once', async () => {
  await using world = await start()
  const { proxy, socket } = world
  const alice = proxy.browser()
  await signIn(alice, proxy.url('hello'), 'alice@corp.test')
  const management = socketManagement(socket)
  const subject = 'CghpZC1hbGljZRIFbG9jYWw'
  assert.equal((await management.listRefreshTokens(subject)).length, 1)
  assert.equal(await management.revoke(subject), 1)
  const after = await alice.open(proxy.url('hello'))
  assert.match(after.body, /type="password"/, `${describe(after)}\n${proxy.output()}`)
  assert.deepEqual(await management.listRefreshTokens(subject), [])
})

test('a changed file changes users and connectors while sign-ins go on, and a wrong one changes nothing', async () => {
  await using world = await start()
  const { proxy, config } = world
  const carol = proxy.browser()
  const form = await carol.open(proxy.url('hello'))
  const more = { ...config.broker, staticPasswords: [...config.broker.staticPasswords, person('carol', ['devops'])] }
  proxy.write({ ...config, broker: more })
  await proxy.logged((line) => line['message'] === 'configuration in force')
  const page = await carol.submit(form, { login: 'carol@corp.test', password: 'open sesame' })
  assert.equal(page.url, proxy.url('hello'), describe(page))
  proxy.write({ ...config, broker: { ...more, connectors: [{ type: 'ldapp', id: 'x', name: 'X' }] } })
  const refused = await proxy.logged((line) => String(line['message']).startsWith('configuration refused'))
  assert.match(JSON.stringify(refused['problems']), /connectors\[0\]\.type: expected a type of connector/)
  assert.equal((await carol.open(proxy.url('hello'))).status, 200)
})

test('after a restart the broker still knows the browser, and the same person has the same sub', async () => {
  await using world = await start()
  const { proxy, config } = world
  const alice = proxy.browser()
  await signIn(alice, proxy.url('hello'), 'alice@corp.test')
  await proxy.stop()
  await using again = await startProxy({
    // The proxy has forgotten: other secrets open no cookie. The broker has not.
    config: {
      ...config,
      shared_secret: Buffer.alloc(32, 7).toString('base64'),
      cookie_secret: Buffer.alloc(32, 8).toString('base64'),
    },
    port: proxy.port,
  })
  const page = await alice.open(again.url('hello'))
  assert.equal(page.status, 200, describe(page))
  assert.match(page.body, /alice@corp\.test|id-alice|x-pomerium/)
})
