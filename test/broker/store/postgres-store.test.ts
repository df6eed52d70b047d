import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { inspect } from 'node:util'
import { openPostgresStore, type PostgresSettings } from '#src/broker/store/postgres-store.ts'
import { Secret } from '#src/crypto/secret.ts'
import { makeCertificate } from '#test/actors/certificate.ts'
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/actors/postgres.ts'
import { freePort, temporaryFolder } from '#test/actors/program.ts'
import { testStore } from './contract.ts'

const skip = skipWithoutPostgres()
let server: Postgres
before(async () => {
  if (!skip) server = await startPostgres()
})
after(() => server?.[Symbol.asyncDispose]())

testStore('PostgreSQL', { skip, open: async (options) => openPostgresStore(await server.makeDatabase(), options) })

const clock = { now: () => 1_800_000_000_000 }
const failed = { code: 'BROKER_STORE_FAILED' }

test('PostgreSQL: instances that start at once on an empty database make one schema and agree', { skip }, async () => {
  const settings = await server.makeDatabase()
  const stores = await Promise.all(Array.from({ length: 6 }, () => openPostgresStore(settings, clock)))
  await Promise.all(stores.map((store, n) => store.put({ kind: 'Session', id: `${n}`, value: {} })))
  for (let n = 0; n < 20; n++) {
    await stores[0]?.put({ kind: 'Code', id: `${n}`, value: {} })
    const won = await Promise.all(stores.map((store) => store.consume('Code', `${n}`, 1)))
    assert.equal(won.filter(Boolean).length, 1)
    const written = await Promise.all(
      stores.map((store, value) => store.put({ kind: 'Keys', id: 'k', value: { value } }, { ifVersion: n })),
    )
    assert.deepEqual(
      written.filter((version) => version !== undefined),
      [n + 1],
    )
  }
  assert.equal(await stores[5]?.count('Session'), 6)
  await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()))
})

test('PostgreSQL: deletes that cross one another all end', { skip }, async () => {
  const settings = await server.makeDatabase()
  await using one = await openPostgresStore(settings, clock)
  await using other = await openPostgresStore(settings, clock)
  for (let round = 0; round < 5; round++) {
    await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        one.put({ kind: 'Token', id: `${n}`, value: {}, indexes: { grant: 'g', subject: `s${n % 5}` } }),
      ),
    )
    const counts = await Promise.all([
      one.deleteBy(['Token'], 'grant', 'g'),
      ...[0, 1, 2, 3, 4].map((n) => other.deleteBy(['Token'], 'subject', `s${n}`)),
    ])
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      200,
    )
  }
})

test('PostgreSQL: a server that is restarted is found again, and says in between that it cannot be reached', {
  skip,
}, async () => {
  await using own = await startPostgres()
  await using store = await openPostgresStore(own.settings, clock)
  await Promise.all(Array.from({ length: 10 }, (_, n) => store.put({ kind: 'Session', id: `${n}`, value: {} })))
  await own.stop()
  await assert.rejects(store.get('Session', '1'), failed)
  await assert.rejects(store.put({ kind: 'Session', id: 'x', value: {} }), failed)
  await own.start()
  assert.ok(await store.get('Session', '1'))
  assert.equal(await store.put({ kind: 'Session', id: 'x', value: {} }), 1)
  // Connections are cut at the other end, and the very next read does not notice.
  await Promise.all(Array.from({ length: 10 }, () => store.get('Session', '1')))
  await own.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ostiary'")
  assert.ok(await store.get('Session', '1'))
})

test('PostgreSQL: a call that the database holds up ends in time and has changed nothing', {
  skip,
  timeout: 15_000,
}, async () => {
  const settings = await server.makeDatabase()
  await using store = await openPostgresStore(settings, clock)
  await store.put({ kind: 'Session', id: 's', value: { n: 1 } })
  const locked = server.run('BEGIN; LOCK ostiary_records; SELECT pg_sleep(6.5); COMMIT', settings.database)
  await new Promise((resolve) => setTimeout(resolve, 300))
  const start = performance.now()
  await assert.rejects(store.put({ kind: 'Session', id: 's', value: { n: 2 } }), failed)
  assert.ok(performance.now() - start < 6_000)
  await locked
  assert.deepEqual((await store.get('Session', 's'))?.value, { n: 1 })
})

test('PostgreSQL: of a server that has fallen silent one call finds out, the next ones need not wait, and it heals', {
  skip,
  timeout: 30_000,
}, async () => {
  const settings = await server.makeDatabase()
  const sockets = new Set<Socket>()
  let isSilent = false
  // A link that dies: connections stay, and nothing comes through.
  const link = createServer((near) => {
    const far = connect({ host: settings.host, port: settings.port })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (chunk) => isSilent || to.write(chunk))
      from.on('error', () => undefined)
      from.on('close', () => to.destroy())
    }
  }).listen(0, '127.0.0.1')
  await once(link, 'listening')
  const { port } = link.address() as AddressInfo
  try {
    await using store = await openPostgresStore({ ...settings, port }, clock)
    await store.put({ kind: 'Session', id: 's', value: {} })
    isSilent = true
    const start = performance.now()
    await assert.rejects(store.get('Session', 's'), failed)
    assert.ok(performance.now() - start < 8_000)
    const then = performance.now()
    for (let n = 0; n < 20; n++) await assert.rejects(store.get('Session', 's'), failed)
    assert.ok(performance.now() - then < 3_000, 'everybody waited')
    isSilent = false
    let found: unknown
    for (const until = Date.now() + 12_000; !found && Date.now() < until; ) {
      await new Promise((resolve) => setTimeout(resolve, 250))
      found = await store.get('Session', 's').catch(() => undefined)
    }
    assert.ok(found)
  } finally {
    for (const socket of sockets) socket.destroy()
    link.close()
  }
})

test('PostgreSQL: a wrong password, a database that is not there and a port that nobody has are told apart', {
  skip,
}, async () => {
  const { settings } = server
  const open = (changes: Partial<typeof settings>) => openPostgresStore({ ...settings, ...changes }, clock)
  await assert.rejects(open({ password: new Secret('wrong-password') }), (error: Error) => {
    assert.match(error.message, /^cannot open the store at 127\.0\.0\.1:\d+, database postgres: password auth/)
    assert.doesNotMatch(inspect(error), /wrong-password/)
    return true
  })
  await assert.rejects(open({ password: undefined }), { ...failed, message: /password/ })
  await assert.rejects(open({ database: 'nowhere' }), { ...failed, message: /database "nowhere" does not exist/ })
  await assert.rejects(open({ port: await freePort() }), { ...failed, message: /ECONNREFUSED/ })
})

test('PostgreSQL: a database that a newer release wrote is refused', { skip }, async () => {
  const settings = await server.makeDatabase()
  await (await openPostgresStore(settings, clock))[Symbol.asyncDispose]()
  await server.run('UPDATE ostiary_schema SET version = 99', settings.database)
  await assert.rejects(openPostgresStore(settings, clock), { ...failed, message: /got 99: a newer release wrote it$/ })
})

test('PostgreSQL: a role that may not create tables can use those that are there', { skip }, async () => {
  const settings = await server.makeDatabase()
  await (await openPostgresStore(settings, clock))[Symbol.asyncDispose]()
  await server.run(
    `CREATE ROLE small LOGIN PASSWORD 'small-pw';
     GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO small;
     GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO small`,
    settings.database,
  )
  await using store = await openPostgresStore({ ...settings, user: 'small', password: new Secret('small-pw') }, clock)
  assert.equal(await store.put({ kind: 'Session', id: 's', value: {} }), 1)
})

test('PostgreSQL: TLS is verified as sslmode says', { skip }, async () => {
  using folder = temporaryFolder('postgres-tls')
  const certificate = await makeCertificate(folder.path, ['db.corp.test'])
  await using own = await startPostgres({ certificate })
  const tries = async (host: string, ssl: Partial<PostgresSettings['ssl']>) => {
    const settings = { ...own.settings, host, ssl: { ...own.settings.ssl, ...ssl } }
    try {
      await using store = await openPostgresStore(settings, clock)
      await store.put({ kind: 'Session', id: 's', value: {} })
      return 'in'
    } catch (error) {
      return error instanceof Error ? error.message.replace(/^.*?database postgres: /, '') : ''
    }
  }
  const { ca } = certificate
  assert.equal(await tries(own.host, { mode: 'require' }), 'in')
  assert.equal(await tries(own.host, { mode: 'verify-ca', ca }), 'in')
  assert.match(await tries(own.host, { mode: 'verify-ca' }), /certificate/)
  assert.match(await tries(own.host, { mode: 'verify-full', ca }), /^Hostname\/IP does not match/)
  using other = temporaryFolder('postgres-tls')
  const stranger = await makeCertificate(other.path, ['db.corp.test'])
  assert.match(await tries(own.host, { mode: 'verify-ca', ca: stranger.ca }), /certificate/)
  assert.match(await tries(own.host, { mode: 'require', ca: stranger.ca }), /certificate/)
  const plain = await openPostgresStore(
    { ...server.settings, ssl: { ...server.settings.ssl, mode: 'require' } },
    clock,
  ).catch((error: Error) => error.message)
  assert.match(String(plain), /does not support SSL/)
})

test('PostgreSQL: verify-full lets in a server whose certificate bears its address', { skip }, async () => {
  using folder = temporaryFolder('postgres-tls')
  const certificate = await makeCertificate(folder.path, ['127.0.0.1'])
  await using own = await startPostgres({ certificate })
  const ssl = { ...own.settings.ssl, mode: 'verify-full', ca: certificate.ca } as const
  await using store = await openPostgresStore({ ...own.settings, ssl }, clock)
  assert.equal(await store.put({ kind: 'Session', id: 's', value: {} }), 1)
})

test('PostgreSQL: a flood of calls has a bounded number of connections, and more than can wait are turned away', {
  skip,
}, async () => {
  const settings = { ...(await server.makeDatabase()), maxOpenConns: 3 }
  await using store = await openPostgresStore(settings, { now: Date.now })
  const calls = Promise.allSettled(Array.from({ length: 2_000 }, (_, at) => store.get('Session', `id-${at}`)))
  const [{ count } = { count: undefined }] = await server.run(
    "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'ostiary' AND datname = current_database()",
    settings.database,
  )
  assert.ok(Number(count) <= 3, `${count} connections`)
  const ends = await calls
  const refused = ends.filter((end) => end.status === 'rejected')
  assert.ok(refused.length > 500 && refused.length < 1_500, `${refused.length} of 2,000 were turned away`)
  for (const { reason } of refused) assert.equal(reason.code, 'BROKER_STORE_FAILED')
  assert.equal(await store.get('Session', 'afterwards'), undefined)
})
