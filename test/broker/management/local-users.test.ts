import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hash } from 'bcryptjs'
import { findStoredClient } from '#src/broker/management/records.ts'
import { openMemoryStore } from '#src/broker/store/memory-store.ts'
import type { ClientSettings } from '#src/config/dex/broker-settings.ts'
import { Secret } from '#src/crypto/secret.ts'
import { makeWorld } from './world.ts'

const pom: ClientSettings = {
  id: 'pom',
  name: 'Pomerium',
  secret: new Secret('pomerium-secret'),
  redirectURIs: ['https://authenticate.corp.test/oauth2/callback'],
  postLogoutRedirectURIs: [],
  backchannelLogoutURI: undefined,
  trustedPeers: [],
  public: false,
  logoURL: '',
  pkce: 'optional',
  allowedConnectors: [],
  groups: undefined,
  refreshTokenLifetime: 'standalone',
}

test('a client gets id and secret where it has none, and its secret is told only to who asks for it', async () => {
  await using world = makeWorld({ clients: [pom] })
  const { management, store } = world
  const made = await management.createClient({ name: 'Wiki', redirectUris: ['https://wiki.corp.test/cb'] })
  assert.match(made.id, /^[\w-]{22}$/)
  assert.match(made.secret ?? '', /^[\w-]{43}$/)
  assert.equal('secret' in (await management.getClient(made.id)), false)
  assert.equal((await management.getClient(made.id, { showSecret: true })).secret, made.secret)
  assert.equal('secret' in (await management.getClient('pom')), false)
  assert.equal((await management.getClient('pom', { showSecret: true })).secret, pom.secret?.reveal())
  const all = await management.listClients()
  assert.deepEqual(
    all.map(({ id, origin }) => `${id} ${origin}`),
    ['pom file', `${made.id} store`],
  )
  assert.ok(!JSON.stringify(all).includes('secret'))
  // Whoever serves clients gets it whole.
  const served = await findStoredClient(store)(made.id)
  assert.equal(served?.secret?.reveal(), made.secret)
  assert.deepEqual(served?.redirectURIs, ['https://wiki.corp.test/cb'])
})

test('a public client has no secret, and must use a challenge', async () => {
  await using world = makeWorld()
  const made = await world.management.createClient({ id: 'cli', public: true })
  assert.equal(made.secret, undefined)
  const served = await findStoredClient(world.store)('cli')
  assert.deepEqual([served?.public, served?.pkce, served?.secret], [true, 'required', undefined])
})

test('a client is updated in the parts that are named, keeps its secret, and is deleted', async () => {
  await using world = makeWorld({ clients: [pom] })
  const { management, store } = world
  await management.createClient({ id: 'wiki', secret: 's3cret-of-wiki', name: 'Wiki', trustedPeers: ['pom'] })
  const updated = await management.updateClient({ id: 'wiki', redirectUris: ['https://wiki.corp.test/cb'] })
  assert.deepEqual([updated.name, updated.trustedPeers, updated.redirectUris.length], ['Wiki', ['pom'], 1])
  assert.equal((await findStoredClient(store)('wiki'))?.secret?.reveal(), 's3cret-of-wiki')
  await assert.rejects(management.createClient({ id: 'wiki' }), { failure: 'exists' })
  await assert.rejects(management.createClient({ id: 'pom' }), { failure: 'exists' })
  await assert.rejects(management.updateClient({ id: 'pom', name: 'x' }), { failure: 'read-only' })
  await assert.rejects(management.deleteClient('pom'), { failure: 'read-only' })
  await management.deleteClient('wiki')
  for (const act of [
    () => management.getClient('wiki'),
    () => management.deleteClient('wiki'),
    () => management.updateClient({ id: 'wiki' }),
  ])
    await assert.rejects(act, { failure: 'not-found' })
})

test('addresses that lead nowhere good are no redirect addresses', async () => {
  await using world = makeWorld()
  for (const uri of [
    'javascript:alert(1)',
    'data:text/html,x',
    '/relative',
    'https://a.test/#f',
    'https://a test/',
    '',
  ])
    await assert.rejects(world.management.createClient({ redirectUris: [uri] }), { failure: 'invalid' }, uri)
  const good = ['http://127.0.0.1/cb', 'com.example.app:/cb', 'urn:ietf:wg:oauth:2.0:oob']
  assert.deepEqual((await world.management.createClient({ redirectUris: good })).redirectUris, good)
})

test('a local user is made with a bcrypt hash, verified, changed and deleted; the address is one whatever its case', async () => {
  const ofFile = {
    email: 'Admin@corp.test',
    hash: await hash('admin-pw', 10),
    username: 'admin',
    userId: '1',
    groups: [],
  }
  await using world = makeWorld({ passwords: [ofFile] })
  const { management } = world
  const alice = { email: 'Alice@corp.test', hash: await hash('alice-pw', 10), username: 'alice', userId: '2' }
  await management.createPassword(alice)
  await assert.rejects(management.createPassword({ ...alice, email: 'ALICE@corp.test' }), { failure: 'exists' })
  await assert.rejects(management.createPassword({ ...alice, email: 'admin@corp.test' }), { failure: 'exists' })
  assert.equal(await management.verifyPassword('alice@CORP.test', 'alice-pw'), true)
  assert.equal(await management.verifyPassword('admin@corp.test', 'admin-pw'), true)
  for (const wrong of ['alice-px', '', `alice-pw\0x`, 'x'.repeat(73)])
    assert.equal(await management.verifyPassword('alice@corp.test', wrong), false)
  await assert.rejects(management.verifyPassword('nobody@corp.test', 'x'), { failure: 'not-found' })
  const users = await management.listPasswords()
  assert.deepEqual(
    users.map(({ username, origin }) => `${username} ${origin}`),
    ['admin file', 'alice store'],
  )
  assert.ok(!JSON.stringify(users).includes('$2b$'))
  await management.updatePassword({ email: 'alice@corp.test', hash: await hash('new-pw', 10) })
  assert.equal(await management.verifyPassword('alice@corp.test', 'new-pw'), true)
  await assert.rejects(management.updatePassword({ email: 'admin@corp.test', username: 'x' }), { failure: 'read-only' })
  await management.deletePassword('alice@corp.test')
  await assert.rejects(management.deletePassword('alice@corp.test'), { failure: 'not-found' })
})

test('hashes that are cheap to guess or none at all are refused, and so are addresses that are none', async () => {
  await using world = makeWorld()
  const user = { email: 'a@corp.test', hash: await hash('x', 10), username: 'a', userId: '1' }
  const bad = [
    { ...user, hash: await hash('x', 4) },
    { ...user, hash: 'plain-password' },
    { ...user, hash: user.hash.replace('$10$', '$31$') },
    { ...user, email: '' },
    { ...user, email: 'no @address' },
    { ...user, userId: '' },
  ]
  for (const one of bad)
    await assert.rejects(world.management.createPassword(one), (error: Error & { failure?: string }) => {
      assert.equal(error.failure, 'invalid')
      assert.ok(!error.message.includes(one.hash))
      return true
    })
})

test('refresh tokens are listed one a grant without being shown, and revoked by client or all with the sessions', async () => {
  const store = openMemoryStore({ now: Date.now })
  const put = async (id: string, { client, grant }: { client: string; grant: string }) =>
    await store.put({
      kind: 'RefreshToken',
      id,
      value: { iat: 1_700_000_600, iiat: 1_700_000_000 },
      indexes: { subject: 'sub-a', client, grant },
    })
  await put('token-1-old', { client: 'wiki', grant: 'g1' })
  await put('token-1', { client: 'wiki', grant: 'g1' })
  await store.consume('RefreshToken', 'token-1-old', Date.now())
  await put('token-2', { client: 'git', grant: 'g2' })
  await store.put({ kind: 'Grant', id: 'g1', value: {}, indexes: { grant: 'g1', subject: 'sub-a', client: 'wiki' } })
  await store.put({ kind: 'Session', id: 's', value: {}, indexes: { subject: 'sub-a' } })
  await store.put({ kind: 'Session', id: 't', value: {}, indexes: { subject: 'sub-b' } })
  await using world = makeWorld({ store })
  const { management } = world

  const tokens = await management.listRefreshTokens('sub-a')
  assert.deepEqual(
    tokens.map(({ clientId, createdAt, lastUsedAt }) => ({ clientId, createdAt, lastUsedAt })),
    [
      { clientId: 'wiki', createdAt: 1_700_000_000_000, lastUsedAt: 1_700_000_600_000 },
      { clientId: 'git', createdAt: 1_700_000_000_000, lastUsedAt: 1_700_000_600_000 },
    ],
  )
  assert.ok(!JSON.stringify(tokens).includes('token-1'))
  assert.equal(await management.revoke('sub-a', 'wiki'), 1)
  assert.equal(await store.count('Grant'), 0)
  assert.equal(await store.count('Session'), 2)
  assert.equal(await management.revoke('sub-a'), 1)
  assert.equal(await store.count('RefreshToken'), 0)
  assert.equal(await store.count('Session'), 1)
  assert.equal(await management.revoke('sub-nobody'), 0)
})
