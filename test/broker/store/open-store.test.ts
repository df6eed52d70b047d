import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openStore } from '#src/broker/store/open-store.ts'
import { Secret } from '#src/crypto/secret.ts'
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/actors/postgres.ts'
import { temporaryFolder } from '#test/actors/program.ts'

const skip = skipWithoutPostgres()
const folder = temporaryFolder('store')
let server: Postgres
before(async () => {
  if (!skip) server = await startPostgres()
})
after(async () => {
  await server?.[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

let files = 0
const newStorage = () => ({ type: 'sqlite3', file: join(folder.path, `${++files}.db`) }) as const
const now = () => 1_800_000_000_000
const secretOf = (octet: number) => new Secret(Buffer.alloc(32, octet).toString('base64'))
const plain = { secrets: [], now }
const token = {
  kind: 'RefreshToken',
  id: 'the-token',
  value: { accountId: 'ada' },
  indexes: { subject: 'the-subject' },
}

test('in memory nothing outlives the store', async () => {
  {
    await using store = await openStore({ type: 'memory' }, plain)
    await store.put(token)
    assert.ok(await store.get(token.kind, token.id))
  }
  await using store = await openStore({ type: 'memory' }, plain)
  assert.equal(await store.get(token.kind, token.id), undefined)
})

test('a SQLite store without a secret makes its key beside it, for the owner alone, and finds it again', async () => {
  const storage = newStorage()
  {
    await using store = await openStore(storage, plain)
    await store.put(token)
    assert.equal(statSync(`${storage.file}.key`).mode & 0o777, 0o600)
    const content = ['', '-wal'].map((end) => readFileSync(storage.file + end, 'latin1')).join()
    for (const text of ['the-token', 'the-subject', 'ada']) assert.ok(!content.includes(text), `${text} is on disk`)
  }
  await using again = await openStore(storage, plain)
  assert.deepEqual(await again.get(token.kind, token.id), { ...token, version: 1 })
  const strays = readdirSync(folder.path).filter((name) => !/^\d+\.db(?:-wal|-shm|\.key)?$/.test(name))
  assert.deepEqual(strays, [])
})

test('several who open a new file at once agree on the key', async () => {
  const storage = newStorage()
  const stores = await Promise.all(Array.from({ length: 5 }, () => openStore(storage, plain)))
  await stores[0]?.put(token)
  for (const store of stores) assert.ok(await store.get(token.kind, token.id))
  await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()))
})

test('a key file that is lost, of another store, damaged or open to others is refused by name', async () => {
  const storage = newStorage()
  const path = `${storage.file}.key`
  await (await openStore(storage, plain))[Symbol.asyncDispose]()
  const key = readFileSync(path, 'utf8')
  const refused = (message: RegExp) =>
    assert.rejects(openStore(storage, plain), { code: 'BROKER_STORE_FAILED', message })

  rmSync(path)
  await refused(
    /^cannot open the store: it is sealed, and its key must be in .*\.db\.key, got no such file and no secret$/,
  )
  assert.ok(!existsSync(path), 'a new key was made over a store that has one')
  writeFileSync(path, Buffer.alloc(32, 7).toString('base64'), { mode: 0o600 })
  await refused(/^cannot open the store: the key must be the one that it was sealed with, got another$/)
  for (const damaged of ['', key.slice(0, 20), 'Fe26.2*', 'x'.repeat(10_000)]) {
    writeFileSync(path, damaged)
    await refused(/\.db\.key must hold base64 of 32 octets, got something else$/)
  }
  writeFileSync(path, key)
  chmodSync(path, 0o644)
  await refused(/\.db\.key must have mode 0600, got 0644$/)
  chmodSync(path, 0o640)
  await (await openStore(storage, plain))[Symbol.asyncDispose]()
})

test('a secret that is configured later takes over from the key file', async () => {
  const storage = newStorage()
  {
    await using store = await openStore(storage, plain)
    await store.put(token)
  }
  const secrets = [secretOf(1)]
  await (await openStore(storage, { secrets, now }))[Symbol.asyncDispose]()
  rmSync(`${storage.file}.key`)
  await using store = await openStore(storage, { secrets, now })
  assert.ok(await store.get(token.kind, token.id))
  assert.ok(!existsSync(`${storage.file}.key`))
  await assert.rejects(openStore(storage, { secrets: [secretOf(2)], now }), { code: 'BROKER_STORE_FAILED' })
})

test('a PostgreSQL store asks for a secret, and keeps nothing in clear', { skip }, async () => {
  const storage = await server.makeDatabase()
  await assert.rejects(openStore(storage, plain), {
    code: 'BROKER_STORE_FAILED',
    message: 'cannot open the store: PostgreSQL needs a secret that seals what is kept there (SHARED_SECRET), got none',
  })
  const secrets = [secretOf(1)]
  await using store = await openStore(storage, { secrets, now })
  await using other = await openStore(storage, { secrets: [secretOf(2), secretOf(1)], now })
  await store.put(token)
  assert.ok(await other.findBy(token.kind, 'subject', 'the-subject'))
  const rows = JSON.stringify(await server.run('SELECT * FROM ostiary_records', storage.database))
  for (const text of ['the-token', 'the-subject', 'ada']) assert.ok(!rows.includes(text), `${text} is in the database`)
})
