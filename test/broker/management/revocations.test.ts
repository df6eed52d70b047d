import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Revocations } from '#src/broker/management/revocations.ts'
import { openMemoryStore } from '#src/broker/store/memory-store.ts'
import type { Store } from '#src/broker/store/store.ts'

const clock = { now: 1_800_000_000_000 }
const now = () => clock.now

/** One instance at the store, and what it was told. */
function instance(store: Store) {
  const told: [string, number][] = []
  return { told, revocations: new Revocations({ store, now, tell: (...what) => told.push(what) }) }
}

test('whose sessions one instance ends, the others end too, once each time, and so does one that is started later', async () => {
  await using store = openMemoryStore({ now })
  const [one, other] = [instance(store), instance(store)]
  await other.revocations.look()
  const first = clock.now
  await one.revocations.add('ada')
  assert.deepEqual(one.told, [['ada', first]], 'at once')
  for (let n = 0; n < 3; n++) await other.revocations.look()
  assert.deepEqual(other.told, [['ada', first]])
  clock.now += 60_000
  await other.revocations.add('bob')
  await other.revocations.add('ada')
  await one.revocations.look()
  assert.deepEqual(one.told.slice(1).toSorted(), [
    ['ada', clock.now],
    ['bob', clock.now],
  ])
  const later = instance(store)
  await later.revocations.look()
  assert.deepEqual(later.told.toSorted(), one.told.slice(1).toSorted())
  // No session is as old as that.
  clock.now += 367 * 24 * 3_600_000
  const muchLater = instance(store)
  await muchLater.revocations.look()
  assert.deepEqual(muchLater.told, [])
})

test('where the store fails this instance knows all the same, and whoever asked is told', async () => {
  await using store = openMemoryStore({ now, limit: 0 })
  const { told, revocations } = instance(store)
  await assert.rejects(revocations.add('ada'), { code: 'BROKER_STORE_FAILED' })
  assert.equal(told.length, 1)
})
