import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMemoryStore } from '#src/broker/store/memory-store.ts'
import { testStore } from './contract.ts'

testStore('memory', { open: async (options) => openMemoryStore(options) })

test('a memory store full of what has no end refuses more, and drops nothing', async () => {
  await using store = openMemoryStore({ now: () => 0, limit: 3 })
  for (const id of ['a', 'b', 'c']) await store.put({ kind: 'Client', id, value: {} })
  await assert.rejects(store.put({ kind: 'Session', id: 's', value: {}, expiresAt: 10 }), {
    code: 'BROKER_STORE_FAILED',
    message: 'cannot put Session: the memory store holds 3 records at most',
  })
  assert.equal(await store.put({ kind: 'Client', id: 'a', value: { changed: true } }), 2)
  assert.equal(await store.count('Client'), 3)
})

test('what has ended makes room before anything else in a memory store', async () => {
  let now = 0
  await using store = openMemoryStore({ now: () => now, limit: 3 })
  await store.put({ kind: 'Session', id: 'a', value: {}, expiresAt: 100 })
  await store.put({ kind: 'Session', id: 'b', value: {}, expiresAt: 100 })
  await store.put({ kind: 'Interaction', id: 'short', value: {}, expiresAt: 10 })
  now = 10
  await store.put({ kind: 'Session', id: 'c', value: {}, expiresAt: 100 })
  assert.equal(await store.count('Session'), 3)
})
