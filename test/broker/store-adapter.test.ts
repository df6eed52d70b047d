import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { test } from 'node:test'
import type { AdapterPayload, JWK, Provider as ProviderType } from 'oidc-provider'
import { loadOidcLibrary } from '#src/broker/provider/oidc-library.ts'
import { storeAdapter } from '#src/broker/provider/store-adapter.ts'
import { openMemoryStore } from '#src/broker/store/memory-store.ts'
import type { Store } from '#src/broker/store/store.ts'

const START = 1_800_000_000_000

function stage(options: { reuseInterval?: number } = {}) {
  const clock = { now: START }
  const now = () => clock.now
  const store = openMemoryStore({ now })
  const Adapter = storeAdapter({ store, now, ...options })
  return { clock, store, adapter: (kind: string) => new Adapter(kind) }
}

test('what oidc-provider keeps is found again until it has ended', async () => {
  const { clock, adapter } = stage()
  const sessions = adapter('Session')
  const payload: AdapterPayload = { jti: 's', uid: 'u', accountId: 'ada', loginTs: 1, amr: ['pwd'], exp: 1 }
  await sessions.upsert('s', payload, 10)
  assert.deepEqual(await sessions.find('s'), payload)
  assert.deepEqual(await sessions.findByUid('u'), payload)
  clock.now += 10_000
  assert.equal(await sessions.find('s'), undefined)
  await sessions.upsert('t', payload, 10)
  await sessions.destroy('t')
  assert.equal(await sessions.find('t'), undefined)
})

test('kinds do not see one another, and device codes are found by what a person types', async () => {
  const { adapter } = stage()
  await adapter('DeviceCode').upsert('d', { userCode: 'ABCD', grantId: 'g' }, 10)
  assert.equal(await adapter('AuthorizationCode').find('d'), undefined)
  assert.deepEqual(await adapter('DeviceCode').findByUserCode('ABCD'), { userCode: 'ABCD', grantId: 'g' })
  assert.equal(await adapter('DeviceCode').findByUserCode('DCBA'), undefined)
})

test('a device code is known for a while after its end, so that the device hears why (RFC 8628 §3.5)', async () => {
  const { clock, adapter } = stage()
  await adapter('DeviceCode').upsert('d', { userCode: 'ABCD', exp: START / 1000 + 300 }, 300)
  clock.now += 301_000
  assert.ok(await adapter('DeviceCode').find('d'))
  clock.now += 600_000
  assert.equal(await adapter('DeviceCode').find('d'), undefined)
})

test('records carry what they are found and revoked by', async () => {
  const { store, adapter } = stage()
  const payload = { grantId: 'g', accountId: 'ada', clientId: 'wiki', sessionUid: 'u' }
  await adapter('RefreshToken').upsert('r', payload, 10)
  assert.deepEqual((await store.get('RefreshToken', 'r'))?.indexes, {
    grant: 'g',
    session: 'u',
    subject: 'ada',
    client: 'wiki',
  })
  await adapter('Grant').upsert('g', { accountId: 'ada', clientId: 'wiki' }, 10)
  assert.equal((await store.get('Grant', 'g'))?.indexes?.grant, 'g')
  await adapter('Interaction').upsert('i', { grantId: 'g' }, 10)
  assert.equal((await store.get('Interaction', 'i'))?.indexes?.grant, undefined)
})

test('a grant that is revoked takes its codes and tokens along, not what is under way', async () => {
  const { adapter } = stage()
  for (const kind of ['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode', 'Interaction']) {
    for (const grantId of ['g', 'h']) await adapter(kind).upsert(grantId, { grantId }, 10)
  }
  await adapter('RefreshToken').revokeByGrantId('g')
  for (const kind of ['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode']) {
    assert.equal(await adapter(kind).find('g'), undefined)
    assert.ok(await adapter(kind).find('h'))
  }
  assert.ok(await adapter('Interaction').find('g'))
})

test('a token that was used says when, and stays so when it is written again', async () => {
  const { adapter } = stage()
  const tokens = adapter('RefreshToken')
  await tokens.upsert('r', { scope: 'openid' }, 10)
  await tokens.consume('r')
  assert.deepEqual(await tokens.find('r'), { scope: 'openid', consumed: START / 1000 })
  await tokens.upsert('r', { scope: 'openid email' }, 10)
  assert.equal((await tokens.find('r'))?.consumed, START / 1000)
})

test('who comes second is refused, and the grant ends (RFC 6749 §4.1.2, RFC 9700 §4.14.2)', async () => {
  for (const kind of ['AuthorizationCode', 'RefreshToken', 'DeviceCode']) {
    const { adapter } = stage()
    await adapter('Grant').upsert('g', {}, 10)
    await adapter('AccessToken').upsert('a', { grantId: 'g' }, 10)
    await adapter(kind).upsert('x', { grantId: 'g' }, 10)
    await adapter(kind).consume('x')
    assert.ok(await adapter('AccessToken').find('a'))
    await assert.rejects(adapter(kind).consume('x'), { error: 'invalid_grant', statusCode: 400, expose: true })
    assert.equal(await adapter('AccessToken').find('a'), undefined)
    assert.equal(await adapter('Grant').find('g'), undefined)
  }
})

test('within the interval of reuse a refresh token that comes second is refused and no more', async () => {
  const { clock, adapter } = stage({ reuseInterval: 3000 })
  const tokens = adapter('RefreshToken')
  await adapter('Grant').upsert('g', {}, 100)
  await tokens.upsert('r', { grantId: 'g' }, 100)
  await tokens.consume('r')
  clock.now += 2999
  await assert.rejects(tokens.consume('r'), { error: 'invalid_grant' })
  assert.ok(await adapter('Grant').find('g'))
  clock.now += 1
  await assert.rejects(tokens.consume('r'), { error: 'invalid_grant' })
  assert.equal(await adapter('Grant').find('g'), undefined)
})

test('what is gone cannot be used', async () => {
  const { adapter } = stage()
  await assert.rejects(adapter('AuthorizationCode').consume('gone'), { error: 'invalid_grant' })
})

test('a proof that two requests bring at once is new for one of them', async () => {
  const { clock, adapter } = stage()
  const results = await Promise.allSettled(
    [1, 2, 3].map(() => adapter('ReplayDetection').upsert('p', { iss: 'a' }, 10)),
  )
  assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected', 'rejected'])
  clock.now += 10_000
  await adapter('ReplayDetection').upsert('p', { iss: 'a' }, 10)
})

/** Lets nobody go on from reading a record of this kind before `count` have read it: the worst moment of a race. */
function meetingAt(store: Store, { kind, count }: { kind: string; count: number }): Store {
  let arrived = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  return {
    async get(wanted, id) {
      const record = await store.get(wanted, id)
      if (wanted !== kind) return record
      if (++arrived === count) resolve()
      await promise
      return record
    },
    put: store.put.bind(store),
    findBy: store.findBy.bind(store),
    list: store.list.bind(store),
    consume: store.consume.bind(store),
    delete: store.delete.bind(store),
    deleteBy: store.deleteBy.bind(store),
    count: store.count.bind(store),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

function signingKey(): JWK {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' } as JWK
}

/** A provider over `store`, served on loopback. */
async function serveProvider(store: Store) {
  const { Provider } = await loadOidcLibrary()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const url = `http://127.0.0.1:${address.port}`
  const provider = new Provider(url, {
    adapter: storeAdapter({ store, now: Date.now }),
    clients: [
      {
        client_id: 'wiki',
        client_secret: 'wiki-secret',
        redirect_uris: ['https://wiki.app.test/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
      },
    ],
    scopes: ['openid', 'offline_access'],
    jwks: { keys: [signingKey()] },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => false },
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    findAccount: (_context, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
    ttl: { AccessToken: 60, AuthorizationCode: 60, Grant: 60, IdToken: 60, RefreshToken: 60 },
  })
  server.on('request', provider.callback())
  const redeem = async (parameters: Record<string, string>) => {
    const response = await fetch(`${url}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('wiki:wiki-secret').toString('base64')}` },
      body: new URLSearchParams(parameters),
    })
    return { status: response.status, body: (await response.json()) as Record<string, string> }
  }
  return {
    provider,
    redeem,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function issueCode(provider: ProviderType): Promise<string> {
  const client = await provider.Client.find('wiki')
  assert.ok(client)
  const grant = new provider.Grant({ accountId: 'ada', clientId: 'wiki' })
  grant.addOIDCScope('openid offline_access')
  const code = new provider.AuthorizationCode({
    client,
    accountId: 'ada',
    grantId: await grant.save(),
    redirectUri: 'https://wiki.app.test/callback',
    scope: 'openid offline_access',
  } as ConstructorParameters<typeof provider.AuthorizationCode>[0])
  return code.save()
}

const codeGrant = (code: string) => ({
  grant_type: 'authorization_code',
  redirect_uri: 'https://wiki.app.test/callback',
  code,
})

test('of many who redeem one code at the same moment one gets tokens, and they do not last', async () => {
  const memory = openMemoryStore({ now: Date.now })
  await using served = await serveProvider(meetingAt(memory, { kind: 'AuthorizationCode', count: 4 }))
  const code = await issueCode(served.provider)
  const answers = await Promise.all([1, 2, 3, 4].map(() => served.redeem(codeGrant(code))))
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 400, 400, 400])
  for (const { status, body } of answers) if (status === 400) assert.equal(body['error'], 'invalid_grant')
  const refresh = answers.find(({ status }) => status === 200)?.body['refresh_token'] ?? ''
  assert.ok(refresh)
  const later = await served.redeem({ grant_type: 'refresh_token', refresh_token: refresh })
  assert.deepEqual([later.status, later.body['error']], [400, 'invalid_grant'])
})

test('of many who use one refresh token at the same moment one gets the next', async () => {
  const memory = openMemoryStore({ now: Date.now })
  await using served = await serveProvider(meetingAt(memory, { kind: 'RefreshToken', count: 4 }))
  const first = await served.redeem(codeGrant(await issueCode(served.provider)))
  assert.equal(first.status, 200)
  const parameters = { grant_type: 'refresh_token', refresh_token: first.body['refresh_token'] ?? '' }
  const answers = await Promise.all([1, 2, 3, 4].map(() => served.redeem(parameters)))
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 400, 400, 400])
  for (const { status, body } of answers) if (status === 400) assert.equal(body['error'], 'invalid_grant')
})

test('without a race a code and a refresh token work once, and their tokens last', async () => {
  await using served = await serveProvider(openMemoryStore({ now: Date.now }))
  const first = await served.redeem(codeGrant(await issueCode(served.provider)))
  const second = await served.redeem({ grant_type: 'refresh_token', refresh_token: first.body['refresh_token'] ?? '' })
  const third = await served.redeem({ grant_type: 'refresh_token', refresh_token: second.body['refresh_token'] ?? '' })
  assert.deepEqual([first.status, second.status, third.status], [200, 200, 200])
  assert.notEqual(second.body['refresh_token'], first.body['refresh_token'])
  const replay = await served.redeem({ grant_type: 'refresh_token', refresh_token: first.body['refresh_token'] ?? '' })
  assert.equal(replay.status, 400)
  const after = await served.redeem({ grant_type: 'refresh_token', refresh_token: third.body['refresh_token'] ?? '' })
  assert.equal(after.status, 400, 'a replayed token did not end its family')
})
