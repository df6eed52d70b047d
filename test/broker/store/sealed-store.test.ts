import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from '#src/broker/store/memory-store.ts'
import { openSealedStore } from '#src/broker/store/sealed-store.ts'
import type { Store, StoredRecord } from '#src/broker/store/store.ts'
import { Secret } from '#src/crypto/secret.ts'
import { testStore } from './contract.ts'

const START = 1_800_000_000_000
const secretOf = (octet: number) => new Secret(Buffer.alloc(32, octet).toString('base64'))
const [first, second] = [secretOf(1), secretOf(2)]
const failed = { code: 'BROKER_STORE_FAILED' }

testStore('sealed', {
  open: async ({ limit, ...options }) => {
    const inner = openMemoryStore({ ...options, ...(limit !== undefined && { limit }) })
    return openSealedStore(inner, [first])
  },
})

/** A sealed store and what lies below it, as whoever has the database sees it. */
async function stage() {
  const inner = openMemoryStore({ now: () => START })
  return { inner, store: await openSealedStore(inner, [first]) }
}

const token = {
  kind: 'RefreshToken',
  id: 'the-refresh-token',
  value: { accountId: 'CgRhZGEx', scope: 'openid groups' },
  expiresAt: START + 1000,
  indexes: { grant: 'the-grant', subject: 'CgRhZGEx', client: 'wiki' },
} as const

async function only(inner: Store, kind: string): Promise<StoredRecord> {
  const [record, ...others] = await inner.list(kind)
  assert.ok(record)
  assert.deepEqual(others, [])
  return record
}

test('whoever reads the database finds no token, no grant, no user and no client', async () => {
  const { inner, store } = await stage()
  await store.put(token)
  const seen = JSON.stringify(await only(inner, 'RefreshToken'))
  for (const text of [token.id, 'the-grant', 'CgRhZGEx', 'wiki', 'openid', 'accountId']) {
    assert.ok(!seen.includes(text), `${text} lies there in clear`)
    for (const form of ['base64', 'base64url', 'hex'] as const)
      assert.ok(!seen.includes(Buffer.from(text).toString(form)))
  }
  await store.put({ ...token, id: 'another' })
  const [one, other] = await inner.list('RefreshToken')
  assert.deepEqual(one?.indexes, other?.indexes, 'records that belong together are not found together')
  assert.notEqual(one?.value['sealed'], other?.value['sealed'])
})

test('one value sealed twice does not look the same', async () => {
  const { inner, store } = await stage()
  await store.put(token)
  const before = await only(inner, 'RefreshToken')
  await store.put(token)
  assert.notEqual((await only(inner, 'RefreshToken')).value['sealed'], before.value['sealed'])
})

test('a record that was moved to another id does not open', async () => {
  const { inner, store } = await stage()
  await store.put(token)
  await store.put({ kind: 'RefreshToken', id: 'mine', value: { accountId: 'mallory' } })
  const [victim, mine] = await inner.list('RefreshToken')
  assert.ok(victim && mine)
  await inner.put({ ...mine, value: victim.value, expiresAt: victim.expiresAt, indexes: victim.indexes ?? {} })
  await assert.rejects(store.get('RefreshToken', 'mine'), {
    ...failed,
    message: 'cannot open a RefreshToken: it must be as it was sealed, got something else',
  })
  await assert.rejects(store.list('RefreshToken'), failed)
})

test('a record that was moved to another kind does not open', async () => {
  const { inner, store } = await stage()
  await store.put(token)
  await store.put({ kind: 'AccessToken', id: 'x', value: {} })
  const [access, refresh] = [await only(inner, 'AccessToken'), await only(inner, 'RefreshToken')]
  await inner.put({ ...refresh, kind: 'AccessToken', id: access.id })
  await assert.rejects(store.get('AccessToken', 'x'), failed)
})

test('an end that was put off does not open, and none that was taken away', async () => {
  const { inner, store } = await stage()
  await store.put(token)
  const record = await only(inner, 'RefreshToken')
  for (const expiresAt of [START + 9_999_999, undefined]) {
    await inner.put({ ...record, expiresAt })
    await assert.rejects(store.get('RefreshToken', token.id), failed)
  }
})

test('an index that was pointed at another record does not find it', async () => {
  const { inner, store } = await stage()
  await store.put({ kind: 'Session', id: 'victim', value: {}, indexes: { uid: 'u1' } })
  await store.put({ kind: 'Session', id: 'mine', value: {}, indexes: { uid: 'u2' } })
  const [victim, mine] = await inner.list('Session')
  assert.ok(victim && mine)
  await inner.put({ ...victim, indexes: mine.indexes ?? {} })
  await inner.put({ ...mine, indexes: {} })
  await assert.rejects(store.findBy('Session', 'uid', 'u2'), failed)
  await assert.rejects(store.list('Session', { where: { uid: 'u2' } }), failed)
})

test('every octet of a sealed value counts', async () => {
  const { inner, store } = await stage()
  await store.put({ kind: 'Thing', id: 'a', value: { n: 1 } })
  const record = await only(inner, 'Thing')
  const octets = Buffer.from(String(record.value['sealed']), 'base64url')
  for (let at = 0; at < octets.length; at++) {
    const changed = Buffer.from(octets)
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
    await inner.put({ ...record, value: { sealed: changed.toString('base64url') } })
    await assert.rejects(store.get('Thing', 'a'), failed)
  }
  for (const sealed of ['', 'AAAA', 1, null]) {
    await inner.put({ ...record, value: { sealed } })
    await assert.rejects(store.get('Thing', 'a'), failed)
  }
  await inner.put(record)
  assert.deepEqual((await store.get('Thing', 'a'))?.value, { n: 1 })
})

test('a new secret in front opens what the old one sealed, and then the old one can go', async () => {
  const { inner, store } = await stage()
  await store.put(token)
  const rotated = await openSealedStore(inner, [second, first])
  assert.deepEqual((await rotated.get('RefreshToken', token.id))?.value, token.value)
  const alone = await openSealedStore(inner, [second])
  assert.equal((await alone.findBy('RefreshToken', 'grant', 'the-grant'))?.id, token.id)
  await assert.rejects(openSealedStore(inner, [first]), {
    ...failed,
    message: 'cannot open the store: the key must be the one that it was sealed with, got another',
  })
})

test('two who open a new store at once seal it with one key', async () => {
  const inner = openMemoryStore({ now: () => START })
  const [one, other] = await Promise.all([openSealedStore(inner, [first]), openSealedStore(inner, [first])])
  await one.put(token)
  assert.deepEqual((await other.get('RefreshToken', token.id))?.value, token.value)
})

test('a data key that was changed in the database is refused', async () => {
  const { inner } = await stage()
  const record = await only(inner, 'StoreKey')
  const wrapped = String(record.value['wrapped'])
  for (const changed of ['', 'x', `1${wrapped}`, wrapped.replace(/.$/, ''), wrapped.split('.')[0]]) {
    await inner.put({ ...record, value: { wrapped: changed ?? '' } })
    await assert.rejects(openSealedStore(inner, [first]), failed)
  }
})
