/** What every store has to do, whatever it keeps its records in. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NewRecord, Store } from '#src/broker/store/store.ts'

export interface StoreActor {
  /** An empty store that reads the time of `clock` and holds about `limit` records. */
  open(options: { readonly now: () => number; readonly limit?: number }): Promise<Store>
  readonly skip?: string | false
}

const START = 1_800_000_000_000

const hostileTexts: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  'a',
  "'; DROP TABLE ostiary_records; --",
  '"quoted" `back` \\ %_',
  '$1 ?1 :id @id',
  'grüße 日本語 🔑',
  // The same letter, written in two ways.
  'é',
  'e\u0301',
  '\ud800',
  '\ud801',
  '\ufffd',
  '~',
  '__proto__',
  'constructor',
  'A',
  'x'.repeat(128),
  'x'.repeat(129),
  'y'.repeat(1_000_000),
  `${'y'.repeat(999_999)}z`,
]

export function testStore(name: string, actor: StoreActor): void {
  const it = (sentence: string, body: (stage: Stage) => Promise<void>, limit?: number) =>
    test(`${name}: ${sentence}`, { skip: actor.skip ?? false }, async () => {
      const clock = { now: START }
      await using store = await actor.open({ now: () => clock.now, ...(limit !== undefined && { limit }) })
      await body({ store, clock })
    })

  it('what was put is there whole, and a change raises the version by one', async ({ store }) => {
    const record: NewRecord = {
      kind: 'RefreshToken',
      id: 'a',
      value: {
        text: 'ü\0"\ud800',
        number: -1.5,
        yes: true,
        none: null,
        list: [1, 'two', { three: 3 }],
        deep: { a: {} },
      },
      expiresAt: START + 1000.5,
      indexes: { grant: 'g', subject: 's', client: undefined },
    }
    assert.equal(await store.put(record), 1)
    const { indexes: _, ...plain } = record
    const stored = { ...plain, version: 1, expiresAt: START + 1000, indexes: { grant: 'g', subject: 's' } }
    assert.deepEqual(await store.get('RefreshToken', 'a'), stored)
    assert.equal(await store.put({ kind: 'RefreshToken', id: 'a', value: {} }), 2)
    assert.deepEqual(await store.get('RefreshToken', 'a'), { kind: 'RefreshToken', id: 'a', value: {}, version: 2 })
    assert.equal(await store.findBy('RefreshToken', 'grant', 'g'), undefined, 'an index outlived its record')
  })

  it('nobody can change what lies in it through what they put or got', async ({ store }) => {
    const value = { list: ['a'] }
    await store.put({ kind: 'Session', id: 'a', value })
    value.list.push('b')
    const got = (await store.get('Session', 'a'))?.value as { list: string[] }
    got.list.push('c')
    assert.deepEqual((await store.get('Session', 'a'))?.value, { list: ['a'] })
  })

  it('kinds do not see one another', async ({ store }) => {
    await store.put({ kind: 'Session', id: 'a', value: {}, indexes: { uid: 'u' } })
    assert.equal(await store.get('Grant', 'a'), undefined)
    assert.equal(await store.findBy('Grant', 'uid', 'u'), undefined)
    assert.equal(await store.consume('Grant', 'a', START), false)
    assert.equal(await store.delete('Grant', 'a'), false)
    assert.deepEqual(await store.list('Grant'), [])
    assert.equal(await store.count('Grant'), 0)
    assert.equal(await store.count('Session'), 1)
  })

  it('ifVersion writes only over that version, and 0 only where there is nothing', async ({ store }) => {
    const record = { kind: 'Connector', id: 'ldap', value: { n: 1 } }
    assert.equal(await store.put(record, { ifVersion: 1 }), undefined)
    assert.equal(await store.get('Connector', 'ldap'), undefined)
    assert.equal(await store.put(record, { ifVersion: 0 }), 1)
    assert.equal(await store.put({ ...record, value: { n: 2 } }, { ifVersion: 0 }), undefined)
    assert.equal(await store.put({ ...record, value: { n: 3 } }, { ifVersion: 2 }), undefined)
    assert.deepEqual((await store.get('Connector', 'ldap'))?.value, { n: 1 })
    assert.equal(await store.put({ ...record, value: { n: 4 } }, { ifVersion: 1 }), 2)
    assert.deepEqual((await store.get('Connector', 'ldap'))?.value, { n: 4 })
  })

  it('of many who write over one version at once one succeeds', async ({ store }) => {
    for (const ifVersion of [0, 1, 2]) {
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, n) => store.put({ kind: 'Connector', id: 'x', value: { n } }, { ifVersion })),
      )
      assert.deepEqual(
        results.filter((version) => version !== undefined),
        [ifVersion + 1],
      )
      assert.deepEqual((await store.get('Connector', 'x'))?.value, { n: results.indexOf(ifVersion + 1) })
    }
  })

  it('of many who consume at once one gets it, and the mark outlives a change', async ({ store }) => {
    await store.put({ kind: 'AuthorizationCode', id: 'c', value: {} })
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) => store.consume('AuthorizationCode', 'c', START + n)),
    )
    assert.equal(results.filter(Boolean).length, 1)
    const consumedAt = START + results.indexOf(true)
    assert.equal((await store.get('AuthorizationCode', 'c'))?.consumedAt, consumedAt)
    assert.equal((await store.get('AuthorizationCode', 'c'))?.version, 1)
    assert.equal(await store.put({ kind: 'AuthorizationCode', id: 'c', value: { more: 1 } }), 2)
    assert.equal((await store.get('AuthorizationCode', 'c'))?.consumedAt, consumedAt)
    assert.equal(await store.consume('AuthorizationCode', 'c', START), false)
    assert.equal(await store.consume('AuthorizationCode', 'gone', START), false)
  })

  it('of many who delete at once one has deleted', async ({ store }) => {
    await store.put({ kind: 'Session', id: 's', value: {} })
    const results = await Promise.all(Array.from({ length: 8 }, () => store.delete('Session', 's')))
    assert.equal(results.filter(Boolean).length, 1)
    assert.equal(await store.get('Session', 's'), undefined)
  })

  it('what has ended is gone for every call, and its place can be taken as if it were new', async ({
    store,
    clock,
  }) => {
    const record = { kind: 'Session', id: 's', value: {}, expiresAt: START + 10, indexes: { uid: 'u' } }
    await store.put(record)
    await store.put({ kind: 'Session', id: 'later', value: {} })
    await store.consume('Session', 's', START)
    clock.now = START + 9
    assert.ok(await store.get('Session', 's'))
    clock.now = START + 10
    assert.equal(await store.get('Session', 's'), undefined)
    assert.equal(await store.findBy('Session', 'uid', 'u'), undefined)
    assert.equal((await store.list('Session')).length, 1)
    assert.deepEqual(await store.list('Session', { where: { uid: 'u' } }), [])
    assert.equal(await store.count('Session'), 1)
    assert.equal(await store.put(record, { ifVersion: 1 }), undefined)
    assert.equal(await store.consume('Session', 's', clock.now), false)
    assert.equal(await store.deleteBy(['Session'], 'uid', 'u'), 0)
    assert.equal(await store.delete('Session', 's'), false)
    assert.equal(await store.put({ ...record, expiresAt: START + 20 }, { ifVersion: 0 }), 1)
    assert.equal((await store.get('Session', 's'))?.consumedAt, undefined)
    const order = (await store.list('Session')).map(({ id }) => id)
    assert.deepEqual(order, ['later', 's'])
  })

  it('an ended record that is put again without a condition starts anew, too', async ({ store, clock }) => {
    await store.put({ kind: 'Session', id: 's', value: {}, expiresAt: START + 10 })
    await store.consume('Session', 's', START)
    clock.now = START + 10
    assert.equal(await store.put({ kind: 'Session', id: 's', value: {}, expiresAt: START + 20 }), 1)
    assert.equal((await store.get('Session', 's'))?.consumedAt, undefined)
  })

  it('records are found by each index, by the value they have now, the last one written first', async ({ store }) => {
    for (const index of ['grant', 'uid', 'userCode', 'session', 'subject', 'client'] as const) {
      await store.put({ kind: 'Thing', id: `1 ${index}`, value: {}, indexes: { [index]: 'one' } })
      await store.put({ kind: 'Thing', id: `2 ${index}`, value: {}, indexes: { [index]: 'one' } })
      assert.equal((await store.findBy('Thing', index, 'one'))?.id, `2 ${index}`)
      await store.put({ kind: 'Thing', id: `2 ${index}`, value: {}, indexes: { [index]: 'two' } })
      assert.equal((await store.findBy('Thing', index, 'one'))?.id, `1 ${index}`)
      assert.deepEqual((await store.findBy('Thing', index, 'two'))?.indexes, { [index]: 'two' })
      assert.equal(await store.findBy('Thing', index, 'three'), undefined)
    }
  })

  it('deleteBy deletes the kinds that are named, and tells how many', async ({ store }) => {
    for (const kind of ['AccessToken', 'RefreshToken', 'Grant', 'Interaction']) {
      for (const grant of ['g', 'h']) await store.put({ kind, id: `${kind} ${grant}`, value: {}, indexes: { grant } })
    }
    await store.put({ kind: 'AccessToken', id: 'second', value: {}, indexes: { grant: 'g' } })
    assert.equal(await store.deleteBy(['AccessToken', 'RefreshToken', 'Grant'], 'grant', 'g'), 4)
    assert.equal(await store.deleteBy(['AccessToken', 'RefreshToken', 'Grant'], 'grant', 'g'), 0)
    assert.equal(await store.deleteBy([], 'grant', 'h'), 0)
    assert.ok(await store.get('Interaction', 'Interaction g'))
    assert.ok(await store.get('AccessToken', 'AccessToken h'))
    assert.equal(await store.get('AccessToken', 'second'), undefined)
  })

  it('lists come in the order of first writing, in pages, by one index or several', async ({ store }) => {
    for (let n = 0; n < 25; n++) {
      const indexes = { client: n % 2 ? 'odd' : 'even', subject: n % 3 ? 'other' : 'third' }
      await store.put({ kind: 'RefreshToken', id: `t${(n * 7) % 25}`, value: { n }, indexes })
    }
    await store.put({ kind: 'RefreshToken', id: 't7', value: { n: 1 }, indexes: { client: 'odd', subject: 'other' } })
    const ns = async (options: Parameters<Store['list']>[1]) =>
      (await store.list('RefreshToken', options)).map(({ value }) => value['n'])
    const all = Array.from({ length: 25 }, (_, n) => n)
    assert.deepEqual(await ns({}), all)
    const pages: unknown[] = []
    for (let after: string | undefined; ; ) {
      const page = await store.list('RefreshToken', { limit: 10, ...(after !== undefined && { after }) })
      if (page.length === 0) break
      pages.push(page.map(({ value }) => value['n']))
      after = page.at(-1)?.id
    }
    assert.deepEqual(pages, [all.slice(0, 10), all.slice(10, 20), all.slice(20)])
    assert.deepEqual(
      await ns({ where: { client: 'odd' } }),
      all.filter((n) => n % 2),
    )
    assert.deepEqual(await ns({ where: { client: 'even', subject: 'third' }, limit: 3 }), [0, 6, 12])
    assert.deepEqual(await ns({ where: { client: 'even', subject: 'third' }, limit: 3, after: 't9' }), [18, 24])
    assert.deepEqual(await ns({ where: { client: undefined }, limit: 2 }), [0, 1])
    await assert.rejects(ns({ after: 'gone' }), { code: 'BROKER_STORE_FAILED' })
  })

  it('ids and index values may be any text', async ({ store }) => {
    for (const [n, id] of hostileTexts.entries()) {
      assert.equal(await store.put({ kind: 'Thing', id, value: { n }, indexes: { subject: id, uid: 'same' } }), 1)
    }
    for (const [n, id] of hostileTexts.entries()) {
      const expected = { kind: 'Thing', id, value: { n }, version: 1, indexes: { subject: id, uid: 'same' } }
      assert.deepEqual(await store.get('Thing', id), expected)
      assert.deepEqual(await store.findBy('Thing', 'subject', id), expected)
    }
    assert.deepEqual(
      (await store.list('Thing')).map(({ id }) => id),
      hostileTexts,
    )
    for (const [n, id] of hostileTexts.entries()) {
      assert.equal(await store.consume('Thing', id, START), true)
      assert.equal(
        n % 2 ? await store.delete('Thing', id) : await store.deleteBy(['Thing'], 'subject', id),
        n % 2 ? true : 1,
      )
      assert.equal(await store.count('Thing'), hostileTexts.length - n - 1)
    }
    assert.equal(await store.get('Thing', 'unknown'.repeat(200_000)), undefined)
  })

  it('a value may be large, and may have any key', async ({ store }) => {
    const value = { text: 'ü'.repeat(1_000_000), ...JSON.parse('{"__proto__": {"a": 1}, "": 0}') }
    await store.put({ kind: 'Thing', id: 'big', value })
    assert.deepEqual((await store.get('Thing', 'big'))?.value, value)
  })

  it('a flood of one kind pushes out its own oldest records, never what has no end', async ({ store, clock }) => {
    await store.put({ kind: 'Client', id: 'forever', value: {} })
    await store.put({ kind: 'Session', id: 'quiet', value: {}, expiresAt: START + 1_000_000 })
    // More than a database store adds before it counts.
    const flood = 10_200
    for (let n = 0; n < flood; ) {
      const puts = Array.from({ length: 200 }, () =>
        store.put({ kind: 'Interaction', id: `i${n++}`, value: {}, expiresAt: START + 1_000_000 }),
      )
      await Promise.all(puts)
    }
    await settled(store)
    const left = await store.count('Interaction')
    assert.ok(left <= 1_000, `${left} records are kept`)
    assert.ok(await store.get('Client', 'forever'))
    assert.ok(await store.get('Session', 'quiet'))
    assert.ok(await store.get('Interaction', `i${flood - 1}`))
    assert.equal(await store.get('Interaction', 'i0'), undefined)
    clock.now += 1_000_000
    assert.equal(await store.count('Interaction'), 0)
  }, 500)
}

interface Stage {
  readonly store: Store
  readonly clock: { now: number }
}

/** Databases count and make room in the background. */
async function settled(store: Store): Promise<void> {
  const until = Date.now() + 10_000
  while ((await store.count('Interaction')) > 1_000 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
