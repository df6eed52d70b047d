import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request as plainRequest } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { createServer as createSecure } from 'node:https'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { Browser } from '#test/actors/browser.ts'
import { testCerts } from '#test/actors/certs.ts'
import { startIdp } from '#test/actors/idp.ts'
import { freePort } from '#test/actors/program.ts'
import { startProxy } from '#test/actors/proxy.ts'
import { startUpstream } from '#test/actors/upstream.ts'
import { people, startWorld } from './world.ts'

test('HTTP/2 is chosen by ALPN and carries many requests over one connection', async () => {
  await using world = await startWorld()
  const { ca } = await testCerts()
  const socket = connect({
    host: '127.0.0.1',
    port: world.proxy.port,
    ca,
    servername: 'pub.corp.test',
    ALPNProtocols: ['h2'],
  })
  await once(socket, 'secureConnect')
  assert.equal(socket.alpnProtocol, 'h2')
  const session = connectHttp2(world.url('pub'), { createConnection: () => socket })
  const ask = async (path: string) => {
    const stream = session.request({ ':path': path, accept: '*/*' })
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    let body = ''
    for await (const part of stream) body += String(part)
    return { status: headers[':status'], body }
  }
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(`/n/${index}`)))
  for (const [index, { status, body }] of answers.entries()) {
    assert.equal(status, 200)
    assert.equal((JSON.parse(body) as { url: string }).url, `/n/${index}`)
  }
  session.close()
})

test('TLS below 1.2 is refused', async () => {
  await using world = await startWorld()
  const { ca } = await testCerts()
  const options = { host: '127.0.0.1', port: world.proxy.port, ca, servername: 'pub.corp.test' }
  const old = connect({ ...options, maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' })
  const [error] = (await once(old, 'error')) as [Error]
  assert.match(error.message, /version|alert|protocol/i)
})

test('the plain listener sends everybody to https, path and query as they were', async () => {
  const redirectPort = await freePort()
  await using world = await startWorld({ settings: { http_redirect_addr: `127.0.0.1:${redirectPort}` } })
  const { status, location } = await new Promise<{ status: number | undefined; location: string | undefined }>(
    (resolve, reject) => {
      const headers = { host: `pub.corp.test:${redirectPort}` }
      plainRequest({ host: '127.0.0.1', port: redirectPort, path: '/a%20b?c=d', headers, agent: false }, (response) => {
        response.resume()
        resolve({ status: response.statusCode, location: response.headers.location })
      })
        .on('error', reject)
        .end()
    },
  )
  assert.ok(status === 301 || status === 308, String(status))
  assert.equal(location, world.url('pub', '/a%20b?c=d'))
})

test('behind something that ends TLS, a plain listener still makes https addresses and __Host- cookies', async () => {
  await using upstream = await startUpstream()
  const port = await freePort()
  // What stands in front: ends TLS at 443 of the public, here a name without a port.
  const authenticate = 'https://authenticate.corp.test'
  await using idp = await startIdp({ users: [people.alice], redirectUris: [`${authenticate}/oauth2/callback`] })
  await using proxy = await startProxy({
    port,
    config: {
      insecure_server: true,
      xff_num_trusted_hops: 1,
      authenticate_service_url: authenticate,
      idp_provider: 'oidc',
      idp_provider_url: idp.issuer,
      idp_client_id: 'pom',
      idp_client_secret: 'pomerium',
      idp_scopes: 'openid,profile,email,groups',
      shared_secret: randomBytes(32).toString('base64'),
      cookie_secret: randomBytes(32).toString('base64'),
      routes: [{ from: 'https://any.corp.test', to: upstream.url, allow_any_authenticated_user: true }],
    },
  })
  await using front = await startFront(proxy.port)
  const browser = new Browser({ port: front.port, ca: (await testCerts()).ca })
  const page = await browser.signIn('https://any.corp.test/x?y=z', people.alice.email)
  assert.equal(page.url, 'https://any.corp.test/x?y=z')
  assert.equal(page.status, 200, page.body)
  assert.deepEqual(browser.cookies.refused, [])
  for (const { name, isSecure } of browser.cookies.all().filter(({ host }) => host.endsWith('corp.test'))) {
    assert.ok(isSecure, name)
  }
  const seen = upstream.requests.at(-1)
  assert.equal(seen?.headers['x-forwarded-proto'], 'https')
  assert.equal(seen?.headers['x-forwarded-for']?.toString().split(',')[0]?.trim(), '203.0.113.7')
})

test('behind something that ends TLS, our pages name and link public addresses, though no hop is trusted', async () => {
  const nobody = `http://127.0.0.1:${await freePort()}`
  await using proxy = await startProxy({
    config: {
      insecure_server: true,
      routes: [
        { from: 'https://down.corp.test', to: nobody, allow_public_unauthenticated_access: true },
        { from: 'https://closed.corp.test', to: nobody, policy: { allow: { and: [{ http_method: 'PUT' }] } } },
      ],
    },
  })
  for (const [host, status] of [
    ['down', 502],
    ['closed', 403],
  ] as const) {
    const asked = plainRequest({
      port: proxy.port,
      host: '127.0.0.1',
      path: '/x',
      headers: { host: `${host}.corp.test` },
    })
    const [response] = (await once(asked.end(), 'response')) as [IncomingMessage]
    assert.equal(response.statusCode, status)
    const page = await text(response)
    assert.ok(page.includes(`https://${host}.corp.test/x`), page)
    assert.ok(!page.includes(`http://${host}`), page)
  }
})

test('SIGTERM: not ready at once, requests under way finish, exit 0', async () => {
  await using world = await startWorld()
  const browser = world.browser()
  await browser.open(world.url('pub'))
  const slow = browser.fetch(world.url('pub', '/?do=slow&ms=1500'))
  for (let tries = 0; tries < 100 && world.upstream.requests.length < 2; tries++) await pause(20)
  world.proxy.signal('SIGTERM')
  for (let tries = 0; tries < 50 && (await world.proxy.health('/readyz')) === 200; tries++) await pause(20)
  assert.notEqual(await world.proxy.health('/readyz'), 200)
  await assert.rejects(browser.fetch(world.url('pub')), 'a new connection was taken')
  assert.equal((await slow).status, 200)
  assert.equal(await world.proxy.ended, 0, world.proxy.output())
})

test('no secret, cookie, code or token is in anything it prints', async () => {
  await using world = await startWorld({ settings: { log_level: 'debug' } })
  const alice = await world.signedIn('alice', 'hello')
  const bob = await world.signedIn('bob', 'any')
  await bob.open(world.url('hello', '/?token=canary-query'), { headers: { authorization: 'Bearer canary-bearer' } })
  await bob.fetch(world.url('any'), { headers: { cookie: 'other=canary-cookie' } })
  await alice.open(world.url('hello', '/.pomerium/sign_out'), { from: world.url('hello') })
  world.proxy.write({ ...world.config, log_level: 'info' })
  await world.proxy.logged(({ message }) => message === 'configuration in force')
  const output = world.proxy.output()
  assert.ok(output.length > 1000)
  const secrets = [
    String(world.config['shared_secret']),
    String(world.config['cookie_secret']),
    'pomerium_signature=',
    'canary-cookie',
    'canary-bearer',
    'code_verifier',
    'Fe26.2',
    'eyJhbGciOi',
    // The state of a sign-out is no secret: it names the host to go back to.
    ...world.idp.requests
      .filter(({ url }) => !url.searchParams.has('id_token_hint'))
      .flatMap(({ url }) => ['code', 'state'].map((key) => url.searchParams.get(key) ?? '')),
    ...world.idp.requests.map(({ url }) => url.searchParams.get('id_token_hint') ?? ''),
  ]
  for (const secret of secrets.filter((text) => text.length > 7)) {
    assert.ok(!output.includes(secret), `the log has ${secret.slice(0, 20)}…`)
  }
})

/** Ends TLS and passes everything on in plain HTTP, as an ingress does. */
async function startFront(target: number) {
  const certs = await testCerts()

  const server = createSecure({ cert: certs.certificate, key: certs.key }, (incoming, answer) => {
    const headers = { ...incoming.headers, 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.7' }
    const onward = plainRequest(
      {
        host: '127.0.0.1',
        port: target,
        method: incoming.method ?? 'GET',
        path: incoming.url ?? '/',
        headers,
        agent: false,
      },
      (response) => {
        answer.writeHead(response.statusCode ?? 502, response.rawHeaders)
        response.pipe(answer)
      },
    )
    onward.on('error', () => answer.destroy())
    incoming.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
