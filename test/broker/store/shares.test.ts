import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ShareLimits, Shares } from '#src/broker/store/shares.ts'

const limits: ShareLimits = { each: { count: 3, octets: 100 }, all: { count: 6, octets: 150 }, whenFull: 'drop' }

function start(more: Partial<ShareLimits> = {}) {
  const dropped: string[] = []
  const shares = new Shares({ ...limits, ...more }, ({ id }) => dropped.push(id))
  const take = (owner: string, id: string, octets = 1, endsAt = 1_000, now = 0) =>
    shares.take(owner, { kind: 'K', id, octets, endsAt }, now)
  return { dropped, shares, take }
}

test('whoever takes too many, or too much, loses the oldest of their own', () => {
  const { dropped, take } = start()
  for (const id of ['a', 'b', 'c', 'd']) take('eve', id)
  take('bob', 'x')
  assert.deepEqual(dropped, ['a'])
  take('eve', 'big', 99)
  assert.deepEqual(dropped, ['a', 'b', 'c'])
})

test('when all have too much whoever has most makes room, and a newcomer finds it', () => {
  const { dropped, take } = start()
  for (const id of ['a', 'b', 'c']) take('eve', id)
  for (const id of ['d', 'e', 'f']) take('mallory', id)
  take('bob', 'x')
  assert.deepEqual(dropped, ['a'])
  take('mallory', 'g')
  assert.deepEqual(dropped, ['a', 'd'], 'who is full pushes out their own')
})

test('what has ended, was given back or is written again takes no room', () => {
  const { dropped, shares, take } = start()
  take('eve', 'a', 1, 10)
  take('eve', 'b', 1, 10)
  for (const id of ['c', 'd', 'e']) take('eve', id, 1, 1_000, 20)
  shares.giveBack({ kind: 'K', id: 'c' })
  take('eve', 'f', 1, 1_000, 20)
  take('eve', 'f', 90, 1_000, 20)
  assert.deepEqual(dropped, [])
  assert.equal(shares.size, 3)
})

test('one that only counts no longer is not dropped', () => {
  const { dropped, shares, take } = start({ whenFull: 'forget' })
  for (let at = 0; at < 20; at++) take(`somebody-${at}`, `id-${at}`)
  assert.deepEqual(dropped, [])
  assert.equal(shares.size, 6)
})

test('whatever is taken and given back, nobody and all together have more than they may', () => {
  const step = fc.record({
    owner: fc.constantFrom('a', 'b', 'c', 'd'),
    id: fc.integer({ min: 0, max: 30 }).map(String),
    octets: fc.integer({ min: 0, max: 120 }),
    endsAt: fc.integer({ min: 0, max: 60 }),
    back: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const held = new Map<string, { owner: string; octets: number }>()
      const shares = new Shares(limits, ({ id }) => held.delete(id))
      for (const [now, { owner, id, octets, endsAt, back }] of steps.entries()) {
        if (back) {
          shares.giveBack({ kind: 'K', id })
          held.delete(id)
          continue
        }
        held.set(id, { owner, octets })
        shares.take(owner, { kind: 'K', id, octets, endsAt }, now)
        assert.ok(shares.size <= limits.all.count)
        const own = [...held.values()].filter((one) => one.owner === owner)
        assert.ok(own.length <= limits.each.count + held.size - shares.size)
      }
    }),
  )
})
