import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManagementError, type ManagementFailure } from '#src/broker/management/management.ts'
import { openMemoryStore } from '#src/broker/store/memory-store.ts'
import type { Store } from '#src/broker/store/store.ts'
import { away, careful, fileConnector, forced, kilgore, makeWorld } from './world.ts'

function refusal(failure: ManagementFailure, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ManagementError, String(error))
    assert.equal(error.failure, failure)
    assert.match([error.message, ...error.details].join('\n'), message)
    return true
  }
}

test('a connector is made at version 0, or at the one that is named, and found again', async () => {
  await using world = makeWorld()
  const { management, book } = world
  assert.equal((await management.createConnector(kilgore, careful)).version, 0)
  assert.equal((await management.createConnector({ ...kilgore, id: 'other', version: 7 }, careful)).version, 7)
  assert.deepEqual(await management.getConnector('kilgore'), { ...kilgore, version: 0, origin: 'store' })
  assert.deepEqual(
    (await management.listConnectors()).map(({ id }) => id),
    ['kilgore', 'other'],
  )
  assert.deepEqual(
    book.list().map(({ id }) => id),
    ['kilgore', 'other'],
  )
  await assert.rejects(
    management.createConnector(kilgore, careful),
    refusal('exists', /"kilgore": the id exists already/),
  )
})

test('the new version must be the old one and one more, and the refusal names both', async () => {
  await using world = makeWorld()
  const { management } = world
  await management.createConnector({ ...kilgore, version: 3 }, careful)
  for (const version of [3, 5, 0, 'abc'])
    await assert.rejects(
      management.updateConnector({ id: 'kilgore', version, name: 'New' }, careful),
      refusal('conflict', new RegExp(`the new version must be 4 \\(it is at 3\\), got ${version}`)),
    )
  assert.equal((await management.updateConnector({ id: 'kilgore', version: 4, name: 'New' }, careful)).version, 4)
  // Who names none is the last writer.
  assert.equal((await management.updateConnector({ id: 'kilgore', name: 'Newer' }, careful)).version, 5)
  await assert.rejects(management.updateConnector({ id: 'nobody' }, careful), refusal('not-found', /there is none/))
})

test('what an update leaves out or empty stays, and config is replaced whole', async () => {
  await using world = makeWorld()
  const { management } = world
  await management.createConnector(kilgore, careful)
  const config = { username: 'root', password: 'other-pw' }
  const updated = await management.updateConnector({ id: 'kilgore', name: '', type: '', config }, careful)
  assert.deepEqual(updated, { ...kilgore, config, version: 1, origin: 'store' })
})

test('settings that are wrong are refused though forced, and a source that does not answer unless forced', async () => {
  await using world = makeWorld()
  const { management, store } = world
  const wrong = { ...kilgore, config: { username: 'admin' } }
  for (const how of [careful, forced])
    await assert.rejects(
      management.createConnector(wrong, how),
      refusal('invalid', /its settings are wrong\n.*password/),
    )
  await assert.rejects(management.createConnector({ ...kilgore, type: 'ldpa' }, careful), refusal('invalid', /"ldpa"/))
  await assert.rejects(
    management.createConnector(away, careful),
    refusal('does-not-work', /it does not work\n.*127\.0\.0\.1:9/),
  )
  assert.equal(await store.count('Connector'), 0)
  await management.createConnector(away, forced)
  await assert.rejects(management.updateConnector({ id: 'away', name: 'x' }, careful), refusal('does-not-work', /away/))
})

test('a dry run does everything but the writing', async () => {
  await using world = makeWorld()
  const { management } = world
  const dry = { force: false, dryRun: true }
  assert.equal((await management.createConnector(kilgore, dry)).version, 0)
  assert.deepEqual(await management.listConnectors(), [])
  await assert.rejects(management.createConnector(away, dry), refusal('does-not-work', /./))
  await management.createConnector(kilgore, careful)
  await assert.rejects(management.createConnector(kilgore, dry), refusal('exists', /./))
  assert.equal((await management.updateConnector({ id: 'kilgore', name: 'New' }, dry)).version, 1)
  assert.equal((await management.getConnector('kilgore')).name, 'Kilgore')
})

test('what was changed is served at once, and who holds the old one keeps it until they give it back', async () => {
  await using world = makeWorld()
  const { management, book, openings } = world
  await management.createConnector(kilgore, forced)
  const credentials = { login: 'admin', password: 'other-pw' }
  const options = { scopes: { groups: false, offlineAccess: false }, signal: AbortSignal.timeout(5_000) }
  {
    using before = await book.borrow('kilgore')
    await management.updateConnector({ id: 'kilgore', config: { username: 'admin', password: 'other-pw' } }, forced)
    using after = await book.borrow('kilgore')
    assert.ok(before?.connector.kind === 'password' && after?.connector.kind === 'password')
    assert.equal(await before.connector.signIn(credentials, options), undefined)
    assert.equal((await after.connector.signIn(credentials, options))?.name, 'Kilgore Trout')
    assert.deepEqual(openings, ['+kilgore', '+kilgore'])
    await management.deleteConnector('kilgore')
    assert.equal(await book.borrow('kilgore'), undefined)
    assert.deepEqual(openings, ['+kilgore', '+kilgore'])
  }
  await new Promise(setImmediate)
  assert.deepEqual(openings, ['+kilgore', '+kilgore', '-kilgore', '-kilgore'])
  await assert.rejects(management.deleteConnector('kilgore'), refusal('not-found', /cannot delete connector "kilgore"/))
})

test('connectors of the file come first, are read-only, and are reconciled: created, updated, deleted', async () => {
  await using world = makeWorld()
  const { management, book } = world
  await management.createConnector(kilgore, careful)
  await management.createConnector({ ...kilgore, id: 'b', name: 'Ours' }, careful)
  const first = await management.reconcile([fileConnector('a'), fileConnector('b')])
  assert.deepEqual(first, { created: ['a', 'b'], updated: [], deleted: [], unchanged: [], shadowed: ['b'] })
  assert.deepEqual(
    book.list().map(({ id }) => id),
    ['a', 'b', 'kilgore'],
  )
  assert.equal((await management.getConnector('b')).name, 'Kilgore')
  for (const act of [
    () => management.updateConnector({ id: 'a', name: 'x' }, forced),
    () => management.deleteConnector('b'),
  ])
    await assert.rejects(act, refusal('read-only', /it comes from the configuration file/))
  await assert.rejects(management.createConnector({ ...kilgore, id: 'a' }, careful), refusal('exists', /configuration/))

  const second = await management.reconcile([fileConnector('b', 'new-pw'), fileConnector('c')])
  assert.deepEqual(second, { created: ['c'], updated: ['b'], deleted: ['a'], unchanged: [], shadowed: ['b'] })
  assert.equal((await management.getConnector('b')).version, 2)
  // When the file gives the id up, what management made is there again.
  const third = await management.reconcile([fileConnector('c')])
  assert.deepEqual(third, { created: [], updated: [], deleted: ['b'], unchanged: ['c'], shadowed: [] })
  assert.equal((await management.getConnector('b')).name, 'Ours')
})

test('a reload that changes nothing keeps connectors open', async () => {
  await using world = makeWorld()
  const { management, book, openings } = world
  await management.reconcile([fileConnector('a')])
  using _ = await book.borrow('a')
  await management.reconcile([fileConnector('a')])
  using __ = await book.borrow('a')
  assert.deepEqual(openings, ['+a'])
})

test('a restart tells only what changed, and a broken connector in the store disturbs no other', async () => {
  const store = openMemoryStore({ now: Date.now })
  await using first = makeWorld({ store })
  await first.management.createConnector(kilgore, careful)
  await first.management.reconcile([fileConnector('a')])
  await store.put({ kind: 'Connector', id: 'broken', value: { type: 'nonsense', name: 'x', version: 1, config: {} } })
  await using second = makeWorld({ store })
  assert.deepEqual((await second.management.reconcile([fileConnector('a')])).unchanged, ['a'])
  assert.deepEqual(
    second.book.list().map(({ id }) => id),
    ['a', 'kilgore'],
  )
  await second.management.refresh()
  assert.equal(second.warnings.length, 1)
  assert.match(second.warnings.join('\n'), /connector "broken" is not served: .*nonsense/)
  assert.deepEqual(
    (await second.management.listConnectors()).map(({ id }) => id),
    ['a', 'kilgore', 'broken'],
  )
  await second.management.deleteConnector('broken')
  // What one instance changes the other serves after it has looked.
  await first.management.deleteConnector('kilgore')
  assert.ok(second.book.find('kilgore'))
  await second.management.refresh()
  assert.equal(second.book.find('kilgore'), undefined)
})

test('one that cannot be opened is tried again by the next who asks, and the others are served', async () => {
  await using world = makeWorld()
  const { management, book } = world
  await management.reconcile([fileConnector('a')])
  book.replace({ ...fileConnector('odd'), type: 'nonsense' } as unknown as ReturnType<typeof fileConnector>)
  for (let tries = 0; tries < 2; tries++)
    await assert.rejects(book.borrow('odd'), {
      code: 'CONNECTOR_MISCONFIGURED',
      message: /cannot open connector "odd"/,
    })
  using lease = await book.borrow('a')
  assert.equal(lease?.connector.kind, 'password')
})

test('the walk through a connector ends with claims, sub and the routes that they open', async () => {
  await using world = makeWorld({
    routesOpenTo: ({ subject, claims }) => [
      { route: 'wiki', isOpen: claims['email'] === 'kilgore@kilgore.trout', why: 'its address is named' },
      { route: 'git', isOpen: false, why: `no rule lets ${subject.slice(0, 6)} in` },
    ],
  })
  const { management } = world
  await management.createConnector({ ...kilgore, id: 'mock', type: 'mockCallback', config: {} }, careful)
  const steps = []
  const how = { user: undefined, signal: AbortSignal.timeout(5_000) }
  for await (const step of management.testConnector('mock', how)) steps.push(step)
  assert.deepEqual(
    steps.map(({ name, outcome }) => `${name} ${outcome}`),
    ['mock doubtful', 'claims ok', 'routes ok'],
  )
  // The vector of a real Dex for this user.
  assert.equal(steps[1]?.found, 'sub Cg0wLTM4NS0yODA4OS0wEgRtb2Nr')
  assert.ok(steps[1]?.details?.includes('groups: ["authors"]'))
  assert.equal(steps[2]?.found, '1 of 2 open')
  assert.deepEqual(steps[2]?.details, ['open  wiki: its address is named', 'shut  git: no rule lets Cg0wLT in'])
  await assert.rejects(
    async () => {
      for await (const _ of management.testConnector('nobody', how));
    },
    refusal('not-found', /cannot test connector "nobody"/),
  )
})

test('of two who write one after the other the later is served, though the earlier answer of the store comes last', async () => {
  const inner = openMemoryStore({ now: Date.now })
  const delayed = Promise.withResolvers<void>()
  let writes = 0
  let isDelayed = false
  const store: Store = {
    put: async (...given) => {
      writes++
      return await inner.put(...given)
    },
    get: async (kind, id) => {
      const found = await inner.get(kind, id)
      // What the first update reads to serve it.
      if (writes === 2 && !isDelayed) {
        isDelayed = true
        await delayed.promise
      }
      return found
    },
    findBy: (...given) => inner.findBy(...given),
    list: (...given) => inner.list(...given),
    consume: (...given) => inner.consume(...given),
    delete: (...given) => inner.delete(...given),
    deleteBy: (...given) => inner.deleteBy(...given),
    count: (...given) => inner.count(...given),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }
  await using world = makeWorld({ store })
  const { management, book } = world
  await management.createConnector(kilgore, careful)
  const first = management.updateConnector({ id: 'kilgore', name: 'first' }, careful)
  while (!isDelayed) await new Promise(setImmediate)
  const second = management.updateConnector({ id: 'kilgore', name: 'second' }, careful)
  while (writes < 3) await new Promise(setImmediate)
  await new Promise(setImmediate)
  delayed.resolve()
  await Promise.all([first, second])
  assert.equal((await management.getConnector('kilgore')).name, 'second')
  assert.equal(book.find('kilgore')?.settings.name, 'second')
})
