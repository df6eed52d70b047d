import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { openAdminSocket } from '#src/broker/management/admin-socket.ts'
import type { DexClientOptions } from '#src/broker/management/grpc/dex-client.ts'
import { dexManagement } from '#src/broker/management/grpc/dex-management.ts'
import { openGrpcApi } from '#src/broker/management/grpc/grpc-api.ts'
import { ManagementError } from '#src/broker/management/management.ts'
import { socketManagement } from '#src/broker/management/socket-management.ts'
import { openMemoryStore } from '#src/broker/store/memory-store.ts'
import type { JsonObject } from '#src/broker/store/store.ts'
import { nobodysBcryptHash } from '#src/crypto/bcrypt-hash.ts'
import { makeAuthority, makeCertificate } from '#src/crypto/issue-certificate.ts'
import { Secret } from '#src/crypto/secret.ts'
import { certificates, serveGrpc } from '#test/broker/management/grpc-world.ts'
import { careful, distantStore, forced, kilgore, makeWorld, type World } from '#test/broker/management/world.ts'

interface Served extends AsyncDisposable {
  readonly path: string
  readonly log: string[]
}

async function serve(world: World, path = join(world.folder, 'ostiary.sock')): Promise<Served> {
  const log: string[] = []
  const event = (level: string, message: string, fields: object = {}) =>
    void log.push(`${level} ${message} ${JSON.stringify(fields)}`)
  const socket = await openAdminSocket({ path, management: world.management, log: { event } })
  return { path, log, [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose]() }
}

async function ask(path: string, name: string, body: string): Promise<{ status: number; text: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asking = request({ socketPath: path, method: 'POST', path: name, agent: false }, resolve)
    asking.once('error', reject)
    asking.end(body)
  })
  let text = ''
  for await (const piece of response.setEncoding('utf8')) text += piece
  return { status: response.statusCode ?? 0, text }
}

test('a socket that a process left behind is replaced; one that is served, a file and a link are not', async () => {
  await using world = makeWorld()
  const path = join(world.folder, 'ostiary.sock')
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', script])
  assert.ok(existsSync(path))
  {
    await using served = await serve(world, path)
    assert.deepEqual(await socketManagement(served.path).listConnectors(), [])
    await assert.rejects(serve(world, path), { failure: 'invalid', message: /another process serves it/ })
    // The refused one has taken nothing away.
    assert.deepEqual(await socketManagement(served.path).listConnectors(), [])
  }
  writeFileSync(path, 'somebody needs this')
  await assert.rejects(serve(world, path), { message: /something that is no socket is there/ })
  symlinkSync(path, join(world.folder, 'link'))
  await assert.rejects(serve(world, join(world.folder, 'link')), { message: /no socket/ })
  await assert.rejects(serve(world, 'ostiary.sock'), { message: /expected an absolute path/ })
  await assert.rejects(serve(world, `/${'x'.repeat(120)}`), { message: /more than 107 octets/ })
})

test('a folder that others may write draws a warning', async () => {
  await using world = makeWorld()
  const folder = join(world.folder, 'open')
  mkdirSync(folder)
  chmodSync(folder, 0o777)
  await using served = await serve(world, join(folder, 'ostiary.sock'))
  assert.match(served.log.join(), /warn the administration socket is not safe: others may write the folder/)
})

test('nothing is sent to a socket that belongs to somebody else', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async () => {
  await using world = makeWorld()
  const folder = join(world.folder, 'theirs')
  mkdirSync(folder)
  const path = join(folder, 'ostiary.sock')
  let calls = 0
  const trap = createServer((_, response) => {
    calls++
    response.end('{"result":[]}')
  })
  await new Promise<void>((resolve) => trap.listen(path, resolve))
  try {
    chownSync(path, 65534, 65534)
    chmodSync(folder, 0o777)
    await assert.rejects(socketManagement(path).createConnector(kilgore, careful), {
      failure: 'unreachable',
      message: /it belongs to another user \(id 65534\)/,
    })
    assert.equal(calls, 0)
    // Root may manage a service's own broker, where nobody else could have put the socket.
    chmodSync(folder, 0o700)
    assert.deepEqual(await socketManagement(path).listConnectors(), [])
  } finally {
    trap.close()
  }
})

test('ids that lead elsewhere, or steer a terminal, are refused', async () => {
  await using world = makeWorld()
  await using served = await serve(world)
  const client = socketManagement(served.path)
  const ids = [
    '../../etc/passwd',
    '..',
    '.',
    '',
    'a/b',
    'a\\b',
    'a%2fb',
    'a b',
    'a\nb',
    '\u001b[31mred',
    'é',
    'a?b',
    'a#b',
    'x'.repeat(129),
    '"><script>',
  ]
  for (const id of ids) {
    await assert.rejects(client.createConnector({ ...kilgore, id }, forced), { failure: 'invalid' }, id)
    await assert.rejects(client.getConnector(id), { failure: 'not-found' }, id)
  }
  // Of an application it stands in no path.
  for (const id of ['a\nb', '\u001b[31mred', 'é', 'x'.repeat(257), '"><script>', ' a', 'a ', ' '])
    await assert.rejects(client.createClient({ id }), { failure: 'invalid' }, id)
  for (const id of ['https://app.corp.test/', 'org/app', 'my app', '..', '__proto__']) {
    await client.createClient({ id, name: 'A' })
    assert.equal((await client.getClient(id)).name, 'A')
    await client.deleteClient(id)
  }
  // No message carries a control character on.
  await assert.rejects(
    client.getConnector('\u001b]0;owned\u0007'),
    (error: Error) => !/[\u0000-\u001f]/.test(error.message),
  )
  await client.createConnector({ ...kilgore, id: '__proto__' }, forced)
  assert.equal((await client.getConnector('__proto__')).name, 'Kilgore')
})

test('paths of the socket are names of operations and nothing else', async () => {
  await using world = makeWorld()
  await using served = await serve(world)
  for (const path of [
    '/',
    '/v1/',
    '/v1/../v1/listConnectors',
    '/v1/__proto__',
    '/v1/constructor',
    '/v1/toString',
    '/v1/listConnectors/x',
    '//v1/listConnectors',
  ])
    assert.equal((await ask(served.path, path, '{}')).status, 404, path)
})

test('what is no JSON, has another form, is very deep or very large is refused, and the broker lives', async () => {
  await using world = makeWorld()
  await using served = await serve(world)
  const secret = 'do-not-repeat-this'
  const bodies = [
    '',
    'null',
    '[]',
    `{"change":"${secret}"`,
    `{"change":{"id":"a","config":"${secret}"},"how":{"force":true}}`,
    `{"change":{"id":"a","sneaky":"${secret}"},"how":{"force":true}}`,
    `{"change":{"id":"a","config":{"password":["${secret}"]}},"how":{"force":"yes"}}`,
    `{"change":{"id":"a","type":"ldap","name":"a","config":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}},"how":{"force":true}}`,
    `{"change":${'['.repeat(300_000)}${']'.repeat(300_000)},"how":{"force":true}}`,
  ]
  for (const body of bodies) {
    const { status, text } = await ask(served.path, '/v1/createConnector', body)
    assert.equal(status, 422, body.slice(0, 60))
    assert.ok(!text.includes(secret), text)
  }
  const huge = await ask(served.path, '/v1/createConnector', `{"x":"${'x'.repeat(1_100_000)}"}`).catch(() => undefined)
  assert.ok(huge === undefined || huge.status === 422)
  assert.ok(!served.log.join().includes(secret))
  assert.deepEqual(await socketManagement(served.path).listConnectors(), [])
})

test('a body that trickles is cut off', { timeout: 20_000 }, async () => {
  await using world = makeWorld()
  await using served = await serve(world)
  const began = Date.now()
  const socket = connect({ path: served.path })
  let answer = ''
  socket.on('data', (piece: Buffer) => (answer += piece.toString()))
  socket.on('error', () => {})
  socket.write('POST /v1/createConnector HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{')
  const drip = setInterval(() => socket.write('x'), 200)
  await new Promise((resolve) => socket.once('close', resolve))
  clearInterval(drip)
  assert.ok(Date.now() - began < 13_000)
  assert.match(answer, /^HTTP\/1\.1 (?:408|422)/)
})

test('of twenty who update at once with the same version one wins, and of twenty without one nothing is lost', async () => {
  await using world = makeWorld({ store: distantStore(openMemoryStore({ now: Date.now })) })
  await using served = await serve(world)
  const client = socketManagement(served.path)
  await client.createConnector(kilgore, careful)
  for (let version = 1; version <= 5; version++) {
    const change = (who: number) => ({ id: 'kilgore', version, name: `writer ${who} of ${version}` })
    const tries = await Promise.allSettled(
      Array.from({ length: 20 }, (_, who) => client.updateConnector(change(who), careful)),
    )
    const won = tries.filter((one) => one.status === 'fulfilled')
    assert.equal(won.length, 1)
    for (const one of tries)
      if (one.status === 'rejected') {
        assert.ok(one.reason instanceof ManagementError)
        assert.equal(one.reason.failure, 'conflict')
        assert.match(one.reason.message, new RegExp(`got ${version}$`))
      }
    const winner = won[0]?.status === 'fulfilled' ? won[0].value : undefined
    assert.deepEqual(await client.getConnector('kilgore'), winner)
    assert.equal(world.book.find('kilgore')?.settings.name, winner?.name)
  }
  // Ten change the name, ten the settings: both changes of the last ones are there, and each was counted.
  await Promise.all(
    Array.from({ length: 20 }, (_, who) => {
      const config = { username: 'admin', password: `pw-${who}` }
      return client.updateConnector(who % 2 ? { id: 'kilgore', name: `n${who}` } : { id: 'kilgore', config }, careful)
    }),
  )
  const last = await client.getConnector('kilgore')
  assert.equal(last.version, 25)
  assert.match(`${last.name} ${String(last.config['password'])}`, /^n\d+ pw-\d+$/)
  assert.deepEqual(world.book.find('kilgore')?.settings.raw, last.config)
})

test('of twenty who create the same at once one wins', async () => {
  await using world = makeWorld({ store: distantStore(openMemoryStore({ now: Date.now })) })
  await using served = await serve(world)
  const client = socketManagement(served.path)
  const tries = await Promise.allSettled(
    Array.from({ length: 20 }, (_, who) => client.createConnector({ ...kilgore, name: `by ${who}` }, careful)),
  )
  assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const one of tries) if (one.status === 'rejected') assert.equal(one.reason.failure, 'exists')
})

test('no refusal and no log line holds a secret of the settings', async () => {
  await using world = makeWorld()
  await using served = await serve(world)
  const client = socketManagement(served.path)
  const secret = 's3cret-never-shown'
  const tries = [
    client.createConnector({ ...kilgore, config: { username: 1, password: secret } }, careful),
    client.createConnector({ ...kilgore, config: { username: 'a', pasword: secret } }, careful),
    client.createConnector({ ...kilgore, config: { username: 'a', password: { [secret]: secret } } }, careful),
    client.createConnector(
      { ...kilgore, type: 'ldap', config: { host: `ldap://x:${secret}@127.0.0.1:9`, bindPW: secret } },
      careful,
    ),
    client.createConnector(
      {
        id: 'd',
        name: 'd',
        type: 'ldap',
        config: {
          host: '127.0.0.1:9',
          insecureNoSSL: true,
          bindDN: 'cn=x',
          bindPW: secret,
          userSearch: { baseDN: 'dc=x', username: 'uid' },
        },
      },
      careful,
    ),
    client.createClient({ secret: `${secret}\u0000` }),
    client.createPassword({ email: 'a@b', hash: secret, username: 'a', userId: '1' }),
  ]
  for (const one of await Promise.allSettled(tries)) {
    assert.equal(one.status, 'rejected')
    if (one.status !== 'rejected') continue
    assert.ok(one.reason instanceof ManagementError)
    assert.ok(!JSON.stringify([one.reason.message, one.reason.details]).includes(secret), one.reason.details.join())
  }
  assert.ok(!served.log.join('\n').includes(secret))
})

test('what is changed, tried and refused, and whoever looks at secrets, leaves a line', async () => {
  await using world = makeWorld()
  await using served = await serve(world)
  const client = socketManagement(served.path)
  await client.createConnector(kilgore, careful)
  await client.createPassword({ email: 'ada@corp.test', hash: nobodysBcryptHash(10), username: 'ada', userId: '1' })
  const tries = [
    client.createConnector(kilgore, careful),
    client.deleteConnector('gone'),
    client.verifyPassword('ada@corp.test', 'canary-password'),
    client.verifyPassword('nobody@corp.test', 'canary-password'),
    client.getConnector('kilgore'),
    client.listConnectors(),
    client.revoke('somebody'),
    client.version(),
  ]
  await Promise.allSettled(tries)
  const lines = served.log.join('\n')
  for (const line of [
    /managed over the administration socket .*"createConnector","of":"kilgore"/,
    /refused over the administration socket .*"createConnector","of":"kilgore","failure":"exists"/,
    /refused over the administration socket .*"deleteConnector","of":"gone","failure":"not-found"/,
    /managed over the administration socket .*"verifyPassword","of":"ada@corp.test"/,
    /refused over the administration socket .*"verifyPassword","of":"nobody@corp.test"/,
    /managed over the administration socket .*"getConnector","of":"kilgore"/,
    /managed over the administration socket .*"listConnectors"/,
    /managed over the administration socket .*"revoke","of":"somebody"/,
  ])
    assert.match(lines, line)
  assert.doesNotMatch(lines, /canary|"version"/)
})

test('gRPC answers nobody without a certificate of its own authority, and nobody in clear', async () => {
  await using world = makeWorld()
  await using served = await serveGrpc(world)
  const { ca, stranger, client } = await certificates()
  const attempts: readonly DexClientOptions['tls'][] = [
    'insecure',
    { ca, cert: undefined, key: undefined },
    { ca, ...stranger },
  ]
  for (const tls of attempts) {
    await using management = dexManagement({ address: served.address, tls })
    await assert.rejects(management.listConnectors(), { failure: 'unreachable' })
  }
  // And our client believes no server of another authority.
  await using wrong = dexManagement({ address: served.address, tls: { ca: undefined, ...client } })
  await assert.rejects(wrong.listConnectors(), { failure: 'unreachable' })
  await using right = dexManagement({ address: served.address, tls: { ca, ...client } })
  assert.deepEqual(await right.listConnectors(), [])
})

test('gRPC without certificates is for loopback only', async () => {
  await using world = makeWorld()
  const log = { event: () => {} }
  for (const addr of ['0.0.0.0:0', ':0', '[::]:0', '127.0.0.1.example.test:0', 'nonsense', '127.0.0.1:99999'])
    await assert.rejects(
      openGrpcApi({ addr, tls: undefined, management: world.management, log }),
      { failure: 'invalid' },
      addr,
    )
  const { server } = await certificates()
  const tls = { cert: server.cert, key: server.key, clientCA: 'no PEM' }
  await assert.rejects(openGrpcApi({ addr: '127.0.0.1:0', tls, management: world.management, log }), {
    failure: 'invalid',
  })
})

test('a server whose certificate is for another address is not believed', async () => {
  await using world = makeWorld()
  const authority = await makeAuthority({ names: ['other.test'], now: Date.now() })
  const { certificate, key } = await makeCertificate(authority, { names: ['other.test'], now: Date.now() })
  const { ca, client } = await certificates()
  await using api = await openGrpcApi({
    addr: '127.0.0.1:0',
    tls: { cert: certificate, key: new Secret(key), clientCA: ca },
    management: world.management,
    log: { event: () => {} },
  })
  await using management = dexManagement({ address: api.address, tls: { ca: authority.certificate, ...client } })
  await assert.rejects(management.listConnectors(), { failure: 'unreachable', message: /not in the cert|altnames/ })
})

test('over gRPC, too, what was done, refused and looked at leaves a line, whichever way Dex says no', async () => {
  await using world = makeWorld()
  const events: string[] = []
  await using served = await serveGrpc(world, events)
  const { management } = served
  await management.createConnector(kilgore, careful)
  await Promise.allSettled([management.createConnector(kilgore, careful), management.deleteConnector('gone')])
  await management.listConnectors()
  await Promise.allSettled([management.verifyPassword('nobody@corp.test', 'canary-password')])
  const lines = events.join('\n')
  for (const line of [
    /managed over gRPC .*"CreateConnector","of":"kilgore"/,
    /refused over gRPC .*"CreateConnector","of":"kilgore"/,
    /refused over gRPC .*"DeleteConnector","of":"gone"/,
    /managed over gRPC .*"ListConnectors"/,
    /refused over gRPC .*"VerifyPassword","of":"nobody@corp.test"/,
  ])
    assert.match(lines, line)
  assert.doesNotMatch(lines, /canary/)
})

test('gRPC refuses messages above its bound, hostile settings and ids, and goes on', async () => {
  await using world = makeWorld()
  const events: string[] = []
  await using served = await serveGrpc(world, events)
  const { management } = served
  const secret = 'do-not-repeat-this'
  await assert.rejects(
    management.createConnector(
      { ...kilgore, config: { username: 'a', password: 'x'.repeat(5 * 1024 * 1024) } },
      careful,
    ),
  )
  await assert.rejects(management.createConnector({ ...kilgore, id: '../x' }, careful), { failure: 'invalid' })
  let deep: JsonObject = {}
  for (let depth = 0; depth < 100; depth++) deep = { a: deep }
  await assert.rejects(management.createConnector({ ...kilgore, config: deep }, careful), { failure: 'invalid' })
  await assert.rejects(
    management.createConnector({ ...kilgore, config: { username: 1, password: secret } }, careful),
    (error: Error) => !error.message.includes(secret),
  )
  assert.deepEqual(await management.listConnectors(), [])
  assert.ok(!events.join().includes(secret))
})

test('a flood of calls and of half-open connections leaves the broker able to answer', {
  timeout: 20_000,
}, async () => {
  await using world = makeWorld()
  await using served = await serveGrpc(world)
  const port = Number(served.address.split(':').at(-1))
  const idle = Array.from({ length: 60 }, () =>
    connect({ host: '127.0.0.1', port })
      .resume()
      .on('error', () => {}),
  )
  const answers = await Promise.allSettled(Array.from({ length: 300 }, () => served.management.listConnectors()))
  const failures = answers.filter((one) => one.status === 'rejected')
  for (const one of failures) if (one.status === 'rejected') assert.ok(one.reason instanceof ManagementError)
  assert.deepEqual(await served.management.listConnectors(), [])
  // Whoever does not shake hands is out after five seconds.
  await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once('close', resolve))))
})

test('revoking by gRPC without a client ends nothing', async () => {
  await using world = makeWorld()
  await world.store.put({
    kind: 'RefreshToken',
    id: 't',
    value: {},
    indexes: { subject: 's', client: 'c', grant: 'g' },
  })
  await using served = await serveGrpc(world)
  assert.equal(await served.management.revoke('s', 'other'), 0)
  await assert.rejects(served.management.revoke('s', ''), { failure: 'invalid' })
  assert.equal(await world.store.count('RefreshToken'), 1)
  assert.equal(await served.management.revoke('s', 'c'), 1)
  assert.equal(await world.store.count('RefreshToken'), 0)
})
