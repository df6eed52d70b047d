import assert from 'node:assert/strict'
import { connect } from 'node:http2'
import { test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { hash } from 'bcryptjs'
import { openDexClient } from '#src/broker/management/grpc/dex-client.ts'
import { dexHandlers } from '#src/broker/management/grpc/dex-handlers.ts'
import { dexManagement } from '#src/broker/management/grpc/dex-management.ts'
import { openGrpcApi } from '#src/broker/management/grpc/grpc-api.ts'
import type { Management } from '#src/broker/management/management.ts'
import { freePort, skipWithout } from '#test/actors/program.ts'
import { certificates, serveGrpc, startManagedDex } from './grpc-world.ts'
import { away, careful, fileConnector, forced, kilgore, makeWorld } from './world.ts'

/** What has to hold against a Dex and against our own API alike. */
async function manageEverything(management: Management): Promise<void> {
  const before = (await management.listConnectors()).length
  const made = await management.createConnector(kilgore, careful)
  assert.equal(typeof made.version, 'string')
  await assert.rejects(management.createConnector(kilgore, careful), { failure: 'exists' })
  const seen = await management.getConnector('kilgore')
  assert.deepEqual(
    [seen.type, seen.name, seen.config, seen.version],
    ['mockPassword', 'Kilgore', kilgore.config, made.version],
  )
  const renamed = await management.updateConnector({ id: 'kilgore', version: seen.version, name: 'K' }, careful)
  assert.notEqual(renamed.version, seen.version)
  await assert.rejects(management.updateConnector({ id: 'kilgore', version: seen.version, name: 'L' }, careful), {
    failure: 'conflict',
    message: `cannot update connector "kilgore": the version must be ${renamed.version} (what is there), got ${seen.version}`,
  })
  const config = { username: 'root', password: 'other-pw' }
  await management.updateConnector({ id: 'kilgore', config }, careful)
  const after = await management.getConnector('kilgore')
  assert.deepEqual([after.name, after.config], ['K', config])
  assert.equal((await management.listConnectors()).length, before + 1)
  await management.deleteConnector('kilgore')
  await assert.rejects(management.deleteConnector('kilgore'), { failure: 'not-found' })
  await assert.rejects(management.getConnector('kilgore'), { failure: 'not-found' })
  await assert.rejects(management.updateConnector({ id: 'kilgore', name: 'x' }, careful), { failure: 'not-found' })

  const client = await management.createClient({ name: 'Wiki', redirectUris: ['https://wiki.corp.test/cb'] })
  assert.ok(client.id && client.secret)
  assert.equal((await management.getClient(client.id)).secret, undefined)
  assert.equal((await management.getClient(client.id, { showSecret: true })).secret, client.secret)
  await assert.rejects(management.createClient({ id: client.id }), { failure: 'exists' })
  const changed = await management.updateClient({ id: client.id, name: 'W', trustedPeers: ['static'] })
  assert.deepEqual(
    [changed.name, changed.trustedPeers, changed.redirectUris],
    ['W', ['static'], ['https://wiki.corp.test/cb']],
  )
  assert.ok((await management.listClients()).some(({ id }) => id === client.id))
  await assert.rejects(management.updateClient({ id: client.id, redirectUris: [] }), { failure: 'unsupported' })
  await management.deleteClient(client.id)
  for (const act of [() => management.deleteClient(client.id), () => management.getClient(client.id)])
    await assert.rejects(act, { failure: 'not-found' })

  const user = { email: 'alice@corp.test', hash: await hash('alice-pw', 10), username: 'alice', userId: '7' }
  await management.createPassword(user)
  await assert.rejects(management.createPassword(user), { failure: 'exists' })
  assert.equal(await management.verifyPassword('alice@corp.test', 'alice-pw'), true)
  assert.equal(await management.verifyPassword('alice@corp.test', 'wrong'), false)
  await management.updatePassword({ email: 'alice@corp.test', hash: await hash('new-pw', 10), username: 'al' })
  assert.equal(await management.verifyPassword('alice@corp.test', 'new-pw'), true)
  assert.deepEqual(await management.listPasswords(), [
    { email: 'alice@corp.test', username: 'al', userId: '7', origin: 'store' },
  ])
  await management.deletePassword('alice@corp.test')
  await assert.rejects(management.verifyPassword('alice@corp.test', 'x'), { failure: 'not-found' })
  await assert.rejects(management.createPassword({ ...user, hash: await hash('x', 4) }), { failure: /./ })

  // A subject is the protobuf of user and connector; nobody has signed in.
  assert.deepEqual(await management.listRefreshTokens('Cg0wLTM4NS0yODA4OS0wEgRtb2Nr'), [])
  assert.equal(await management.revoke('Cg0wLTM4NS0yODA4OS0wEgRtb2Nr', 'nothing'), 0)
  const { server, api } = await management.version()
  assert.ok(server !== '' && api >= 2)
}

test('everything that Dex can be asked works against our own API with mutual TLS', async () => {
  await using world = makeWorld()
  const events: string[] = []
  await using served = await serveGrpc(world, events)
  await manageEverything(served.management)
  assert.deepEqual((await served.management.discovery())['scopes_supported'], ['openid', 'groups'])
  assert.match(events.join('\n'), /info managed over gRPC \{"operation":"CreateConnector","of":"kilgore"\}/)
  assert.doesNotMatch(events.join('\n'), /hunter2|other-pw|\$2b\$/)
})

test('the same against a real Dex', { skip: skipWithout('dex') }, async () => {
  await using dex = await startManagedDex()
  const { ca, client } = await certificates()
  await using management = dexManagement({ address: dex.address, tls: { ca, ...client } })
  await manageEverything(management)
  // Each field of the discovery is at its number.
  const document = (await (await fetch(`${dex.issuer}/.well-known/openid-configuration`)).json()) as object
  const told = await management.discovery()
  for (const [name, value] of Object.entries(document)) assert.deepEqual(told[name], value, name)
  await assert.rejects(management.updateConnector({ id: 'local', name: 'x' }, careful), { failure: 'read-only' })
})

test('a Dex that does not let connectors be managed is named with the way out', {
  skip: skipWithout('dex'),
}, async () => {
  await using dex = await startManagedDex({ crud: false })
  const { ca, client } = await certificates()
  await using management = dexManagement({ address: dex.address, tls: { ca, ...client } })
  await assert.rejects(management.listConnectors(), {
    failure: 'unsupported',
    details: [
      'its feature flag api_connectors_crud is off',
      'start Dex with DEX_API_CONNECTORS_CRUD=true in its environment',
    ],
  })
  assert.ok((await management.listClients()).length === 1)
  await assert.rejects(
    async () => {
      for await (const _ of management.testConnector('x', { user: undefined, signal: AbortSignal.timeout(1) }));
    },
    { failure: 'unsupported' },
  )
})

test('our API refuses what would not work, unless the caller insists by metadata', async () => {
  await using world = makeWorld()
  await using served = await serveGrpc(world)
  await assert.rejects(served.management.createConnector(away, forced), {
    failure: 'does-not-work',
    message: /cannot create connector \\?"away\\?": it does not work/,
  })
  await world.management.reconcile([fileConnector('a')])
  await assert.rejects(served.management.deleteConnector('a'), { message: /it comes from the configuration file/ })
  await assert.rejects(served.management.createConnector({ ...kilgore, config: { username: 'x' } }, careful), {
    failure: 'invalid',
  })
})

/** One call by hand: five octets before the message (gRPC over HTTP/2), fields by number, nothing of ours in between. */
async function callByHand(
  address: string,
  { path, message, metadata = {} }: { path: string; message: Buffer; metadata?: Record<string, string> },
) {
  const session = connect(`http://${address}`)
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...metadata,
    })
    const head = Buffer.alloc(5)
    head.writeUInt32BE(message.length, 1)
    stream.end(Buffer.concat([head, message]))
    const pieces: Buffer[] = []
    let status: unknown
    stream.on('trailers', (trailers) => (status = trailers['grpc-status']))
    stream.on('response', (headers) => (status ??= headers['grpc-status']))
    for await (const piece of stream) pieces.push(piece)
    return { status: String(status), answer: Buffer.concat(pieces).subarray(5) }
  } finally {
    session.close()
  }
}

const field = (number: number, octets: Buffer | string) => {
  const value = Buffer.from(octets)
  assert.ok(value.length < 256)
  const length = value.length < 128 ? [value.length] : [(value.length & 127) | 128, 1]
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), value])
}

test('a client that knows nothing but the numbers of the fields is answered in them', async () => {
  await using world = makeWorld()
  const events: string[] = []
  const event = (level: string, message: string) => void events.push(`${level} ${message}`)
  await using api = await openGrpcApi({
    addr: '127.0.0.1:0',
    tls: undefined,
    management: world.management,
    log: { event },
  })
  assert.deepEqual(events, ['warn the management API is open to every process of this machine'])
  const connector = Buffer.concat([
    field(1, 'kilgore'),
    field(2, 'mockPassword'),
    field(3, 'Kilgore'),
    field(4, '{"username":"a","password":"b"}'),
    // grant_types, which 2.45 does not know.
    field(5, 'authorization_code'),
  ])
  const create = { path: '/api.Dex/CreateConnector', message: field(1, connector) }
  assert.deepEqual(await callByHand(api.address, create), { status: '0', answer: Buffer.alloc(0) })
  // already_exists is field 1, a varint of 1.
  assert.deepEqual((await callByHand(api.address, create)).answer, Buffer.from([8, 1]))
  const listed = await callByHand(api.address, { path: '/api.Dex/ListConnectors', message: Buffer.alloc(0) })
  assert.deepEqual(listed.answer, field(1, connector))
  const gone = { path: '/api.Dex/DeleteConnector', message: field(1, 'nobody') }
  assert.deepEqual((await callByHand(api.address, gone)).answer, Buffer.from([8, 1]))
  const verify = { path: '/api.Dex/VerifyPassword', message: Buffer.concat([field(1, 'n@corp.test'), field(2, 'x')]) }
  assert.deepEqual((await callByHand(api.address, verify)).answer, Buffer.from([16, 1]))
  const version = await callByHand(api.address, { path: '/api.Dex/GetVersion', message: Buffer.alloc(0) })
  assert.deepEqual(version.answer, Buffer.concat([field(1, 'ostiary 0.0.0'), Buffer.from([16, 3])]))
  assert.equal((await callByHand(api.address, { path: '/api.Dex/Nonsense', message: Buffer.alloc(0) })).status, '12')
  assert.equal((await callByHand(api.address, { ...create, message: Buffer.from([0xff]) })).status !== '0', true)
  const awayConnector = Buffer.concat([
    field(1, 'away'),
    field(2, 'ldap'),
    field(3, 'A'),
    field(
      4,
      '{"host":"127.0.0.1:9","insecureNoSSL":true,"userSearch":{"baseDN":"dc=x","username":"uid","idAttr":"uid"}}',
    ),
  ])
  const insist = { path: '/api.Dex/CreateConnector', message: field(1, awayConnector) }
  assert.equal((await callByHand(api.address, insist)).status, '9')
  assert.equal((await callByHand(api.address, { ...insist, metadata: { 'ostiary-force': 'true' } })).status, '0')
})

test('what a newer program restricts is obeyed or refused, and never dropped', async () => {
  await using world = makeWorld()
  const { management } = world
  const call = dexHandlers(management)
  const none = { id: 'm', secret: 's', redirect_uris: [], trusted_peers: [], public: false, name: 'M', logo_url: '' }
  const rules = {
    allowed_connectors: ['mock'],
    sso_shared_with: [],
    backchannel_logout_uri: 'https://m.corp.test/out',
    post_logout_redirect_uris: ['https://m.corp.test/'],
    refresh_token_lifetime: 'session',
  }
  const { client } = await call.CreateClient({ client: { ...none, ...rules } }, { force: false })
  assert.equal(client?.refresh_token_lifetime, 'session')
  assert.deepEqual((await management.getClient('m')).rules, {
    ...{ allowedConnectors: ['mock'], backchannelLogoutUri: 'https://m.corp.test/out', pkce: 'optional' },
    ...{ postLogoutRedirectUris: ['https://m.corp.test/'], refreshTokenLifetime: 'session' },
    groups: { allow: [], map: {}, prefix: '' },
  })
  const change = { ...none, ...rules, name: '', allowed_connectors: ['other'], post_logout_redirect_uris: [] }
  await call.UpdateClient(change, { force: false })
  const after = (await management.getClient('m')).rules
  assert.deepEqual([after?.allowedConnectors, after?.postLogoutRedirectUris], [['other'], ['https://m.corp.test/']])
  for (const wrong of [{ sso_shared_with: ['x'] }, { refresh_token_lifetime: 'for ever' }])
    await assert.rejects(call.UpdateClient({ ...change, ...wrong }, { force: false }), {
      code: status.INVALID_ARGUMENT,
    })

  const connector = { id: 'k', type: 'mockCallback', name: 'K', config: Buffer.from('{}') }
  const code = 'authorization_code'
  await call.CreateConnector({ connector: { ...connector, grant_types: [code] } }, { force: false })
  assert.deepEqual((await management.getConnector('k')).grantTypes, [code])
  const same = { id: 'k', new_type: '', new_name: 'K2', new_config: Buffer.alloc(0), new_grant_types: null }
  await call.UpdateConnector(same, { force: false })
  assert.deepEqual((await management.getConnector('k')).grantTypes, [code])
  await call.UpdateConnector({ ...same, new_grant_types: { grant_types: [] } }, { force: false })
  assert.deepEqual((await management.getConnector('k')).grantTypes, [])
})

test('what is not given is told by its name, and what is not found in the word that programs look for', async () => {
  await using world = makeWorld()
  await using api = await openGrpcApi({
    ...{ addr: '127.0.0.1:0', tls: undefined, management: world.management },
    log: { event: () => {} },
  })
  await using dex = openDexClient({ address: api.address, tls: 'insecure' })
  const connector = { id: 'k', type: 'mockCallback', name: 'K', config: Buffer.from('{}') }
  const cases: readonly [Promise<unknown>, RegExp][] = [
    [dex.call('CreateClient'), /says "no client was given"$/],
    [dex.call('UpdateClient', { name: 'x' }), /"no id was given"/],
    [dex.call('CreatePassword', { password: { email: 'a@b' } }), /"no hash was given"/],
    [dex.call('UpdatePassword', { new_username: 'x' }), /"no email was given"/],
    [dex.call('DeletePassword'), /"no email was given"/],
    [dex.call('VerifyPassword', { email: 'a@b' }), /"no password was given"/],
    [dex.call('CreateConnector'), /"no connector was given"/],
    [dex.call('CreateConnector', { connector: { ...connector, config: Buffer.alloc(0) } }), /"no config was given"/],
    [dex.call('UpdateConnector', { new_name: 'x' }), /"no id was given"/],
    [dex.call('DeleteConnector'), /"no id was given"/],
    [dex.call('RevokeRefresh', { user_id: 'x' }), /"no client_id was given"/],
  ]
  for (const [call, message] of cases) await assert.rejects(call, { failure: 'invalid', message })
  await assert.rejects(dex.call('GetClient', { id: 'x' }), { failure: 'not-found', message: /says "not found; / })
  await world.management.reconcile([fileConnector('a')])
  await assert.rejects(dex.call('DeleteConnector', { id: 'a' }), { failure: 'read-only', message: /"read-only; / })
})

test('who cannot be reached is told in few words', async () => {
  const port = await freePort()
  await using nobody = openDexClient({ address: `127.0.0.1:${port}`, tls: 'insecure' })
  await assert.rejects(nobody.call('GetVersion'), {
    failure: 'unreachable',
    message: `cannot reach Dex at 127.0.0.1:${port}: nobody listens there (ECONNREFUSED)`,
  })
  await using world = makeWorld()
  await using api = await openGrpcApi({
    ...{ addr: '127.0.0.1:0', tls: undefined, management: world.management },
    log: { event: () => {} },
  })
  await using eager = openDexClient({ address: api.address, tls: { ca: undefined, cert: undefined, key: undefined } })
  await assert.rejects(eager.call('GetVersion'), { message: /: what answers there is no TLS; without certificates/ })
  await using guarded = await serveGrpc(world)
  const { ca, client, stranger } = await certificates()
  for (const [tls, told] of [
    // Whether the alert comes before the end of the connection is chance.
    [
      { ca, cert: undefined, key: undefined },
      /: it (?:wants to see a certificate: give --dex-cert|broke off: it wants TLS)/,
    ],
    [{ ca: undefined, ...client }, /: its certificate is of no authority that is trusted here: name it with --dex-ca$/],
    [
      { ca, ...stranger },
      /: it (?:does not take our certificate|broke off: it wants TLS, or a certificate of another)/,
    ],
    ['insecure', /: it broke off: it wants TLS, or a certificate of another authority$/],
  ] as const) {
    await using dex = openDexClient({ address: guarded.address, tls })
    await assert.rejects(dex.call('GetVersion'), { failure: 'unreachable', message: told })
  }
  await using unnamed = openDexClient({ address: 'dex.invalid:5557', tls: 'insecure' })
  await assert.rejects(unnamed.call('GetVersion'), {
    message: 'cannot reach Dex at dex.invalid:5557: there is no such name',
  })
})
