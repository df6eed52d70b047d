import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryAdapter } from '#src/broker/memory-adapter.ts'

function stores(limit?: number) {
  const clock = { now: 0 }
  const MemoryAdapter = memoryAdapter({ now: () => clock.now, ...(limit !== undefined && { limit }) })
  return { clock, codes: new MemoryAdapter('AuthorizationCode'), sessions: new MemoryAdapter('Session') }
}

test('what has ended is not found', async () => {
  const { clock, codes } = stores()
  await codes.upsert('a', { jti: 'a' }, 10)
  clock.now = 9_999
  assert.deepEqual(await codes.find('a'), { jti: 'a' })
  clock.now = 10_000
  assert.equal(await codes.find('a'), undefined)
})

test('kinds do not see one another, and sessions are found by their uid', async () => {
  const { codes, sessions } = stores()
  await sessions.upsert('s', { uid: 'u' }, 10)
  assert.equal(await codes.find('s'), undefined)
  assert.equal(await codes.findByUid('u'), undefined)
  assert.deepEqual(await sessions.findByUid('u'), { uid: 'u' })
})

test('a grant that is revoked takes everything of it along', async () => {
  const { codes, sessions } = stores()
  await codes.upsert('a', { grantId: 'g' }, 10)
  await codes.upsert('b', { grantId: 'h' }, 10)
  await sessions.upsert('s', { uid: 'u' }, 10)
  await codes.revokeByGrantId('g')
  assert.equal(await codes.find('a'), undefined)
  assert.ok(await codes.find('b'))
  assert.ok(await sessions.find('s'))
})

test('the store does not grow over its limit: what has ended goes first, then the oldest', async () => {
  const { clock, codes } = stores(10)
  await codes.upsert('short', {}, 1)
  for (let index = 0; index < 9; index++) await codes.upsert(`old ${index}`, {}, 100)
  clock.now = 2_000
  await codes.upsert('new', {}, 100)
  assert.ok(await codes.find('old 0'), 'something that had not ended was dropped')
  await codes.upsert('newer', {}, 100)
  assert.equal(await codes.find('old 0'), undefined)
  assert.ok(await codes.find('newer'))
})
