import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { openSqliteStore } from '#src/broker/store/sqlite-store.ts'
import { temporaryFolder } from '#test/actors/program.ts'
import { testStore } from './contract.ts'

const folder = temporaryFolder('sqlite')
after(() => folder[Symbol.dispose]())
let files = 0
const newFile = () => join(folder.path, `${++files}.db`)
const now = () => 1_800_000_000_000
const failed = { code: 'BROKER_STORE_FAILED' }

testStore('SQLite', { open: (options) => openSqliteStore({ file: newFile(), ...options }) })

test('what was written is there after the file was closed and opened again', async () => {
  const file = newFile()
  {
    await using store = await openSqliteStore({ file, now })
    await store.put({ kind: 'Session', id: 's', value: { a: 1 }, indexes: { uid: 'u' } })
    await store.consume('Session', 's', 5)
  }
  await using again = await openSqliteStore({ file, now })
  const expected = { kind: 'Session', id: 's', value: { a: 1 }, version: 1, consumedAt: 5, indexes: { uid: 'u' } }
  assert.deepEqual(await again.findBy('Session', 'uid', 'u'), expected)
})

test('the file and its side files are for the owner alone, whatever the umask says', async () => {
  const file = newFile()
  const umask = process.umask(0)
  try {
    await using store = await openSqliteStore({ file, now })
    await store.put({ kind: 'Session', id: 's', value: {} })
    for (const path of [file, `${file}-wal`, `${file}-shm`]) assert.equal(statSync(path).mode & 0o777, 0o600, path)
  } finally {
    process.umask(umask)
  }
})

test('what cannot be a store is refused with a reason', async () => {
  await assert.rejects(openSqliteStore({ file: join(folder.path, 'no/such/store.db'), now }), {
    ...failed,
    message: /^cannot open the store .*: its folder must be there, got none$/,
  })
  const text = newFile()
  writeFileSync(text, 'this is no database, and was never meant to be one\n'.repeat(100))
  await assert.rejects(openSqliteStore({ file: text, now }), { ...failed, message: /: file is not a database$/ })
  assert.match(readFileSync(text, 'utf8'), /^this is no database/)
  const directory = newFile()
  mkdirSync(directory)
  await assert.rejects(openSqliteStore({ file: directory, now }), failed)
})

// Nobody can write there, root included.
test('a folder that cannot be written is told, with the way out', { skip: !existsSync('/sys/kernel') }, async () => {
  await assert.rejects(openSqliteStore({ file: '/sys/ostiary.db', now }), {
    ...failed,
    message: /: this process must be able to write its folder, got E\w+; storage\.config\.file names another place$/,
  })
})

test('a file that a newer release wrote is refused and left alone', async () => {
  const file = newFile()
  await (await openSqliteStore({ file, now }))[Symbol.asyncDispose]()
  const database = new DatabaseSync(file)
  database.exec('UPDATE ostiary_schema SET version = 99')
  database.close()
  await assert.rejects(openSqliteStore({ file, now }), {
    ...failed,
    message: /its schema must be of version 1 or older, got 99: a newer release wrote it$/,
  })
})

test("tables of another program in the same file, such as Dex's, stay as they are", async () => {
  const file = newFile()
  const database = new DatabaseSync(file)
  database.exec("CREATE TABLE client (id TEXT); INSERT INTO client VALUES ('wiki')")
  database.close()
  await using store = await openSqliteStore({ file, now })
  await store.put({ kind: 'Client', id: 'x', value: {} })
  const again = new DatabaseSync(file, { readOnly: true })
  assert.deepEqual(again.prepare('SELECT count(*) AS n FROM client').get()?.['n'], 1)
  again.close()
})

/** Opens the file in a process of its own, does what `body` says with `store`, and gives back what it printed. */
async function inAnotherProcess(file: string, body: string): Promise<string> {
  const module = new URL('../../../src/broker/store/sqlite-store.ts', import.meta.url).href
  const code = `import { openSqliteStore } from ${JSON.stringify(module)}
    await using store = await openSqliteStore({ file: ${JSON.stringify(file)}, now: () => 1800000000000 })
    ${body}`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [status] = await once(child, 'close')
  assert.equal(status, 0)
  return output
}

test('three processes on one new file make one schema, lose no write, and one of them consumes each code', {
  timeout: 20_000,
}, async () => {
  const file = newFile()
  const body = `
    for (let n = 0; n < 150; n++) {
      await store.put({ kind: 'Mine', id: process.pid + ' ' + n, value: {} })
      await store.put({ kind: 'Code', id: 'c' + n, value: {} }, { ifVersion: 0 })
    }
    const won = await Promise.all(Array.from({ length: 150 }, (_, n) => store.consume('Code', 'c' + n, 1)))
    console.log(won.filter(Boolean).length)`
  const outputs = await Promise.all([1, 2, 3].map(() => inAnotherProcess(file, body)))
  assert.equal(
    outputs.reduce((sum, output) => sum + Number(output), 0),
    150,
    `won: ${outputs}`,
  )
  await using store = await openSqliteStore({ file, now })
  assert.equal(await store.count('Mine'), 450)
  assert.equal(await store.count('Code'), 150)
})

test('what was told to be written is there after the process was killed', { timeout: 20_000 }, async () => {
  const file = newFile()
  const body = `
    await store.put({ kind: 'Session', id: 's', value: {} })
    void store.put({ kind: 'Session', id: 'under way', value: {} })
    console.log('written')
    process.kill(process.pid, 'SIGKILL')`
  await assert.rejects(inAnotherProcess(file, body))
  await using store = await openSqliteStore({ file, now })
  assert.ok(await store.get('Session', 's'))
})

test('while another process holds the file, reads go on, writes wait, and the event loop is not held', {
  timeout: 20_000,
}, async () => {
  const file = newFile()
  await using store = await openSqliteStore({ file, now })
  await store.put({ kind: 'Session', id: 's', value: {} })
  const other = new DatabaseSync(file)
  other.exec('BEGIN IMMEDIATE')
  let longest = 0
  let last = performance.now()
  const watch = setInterval(() => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 5)
  let isWritten = false
  const write = store.put({ kind: 'Session', id: 's', value: { n: 2 } }).then(() => {
    isWritten = true
  })
  for (let n = 0; n < 30; n++) {
    assert.ok(await store.get('Session', 's'))
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.ok(!isWritten)
  other.exec('COMMIT')
  other.close()
  await write
  clearInterval(watch)
  assert.deepEqual((await store.get('Session', 's'))?.value, { n: 2 })
  assert.ok(longest < 100, `held for ${longest} ms`)
})

test('closing waits for the writes under way, and a closed store refuses', async () => {
  const file = newFile()
  const store = await openSqliteStore({ file, now })
  const writes = Array.from({ length: 1000 }, (_, n) => store.put({ kind: 'Session', id: `${n}`, value: {} }))
  await store[Symbol.asyncDispose]()
  assert.equal((await Promise.all(writes)).length, 1000)
  await assert.rejects(store.put({ kind: 'Session', id: 'late', value: {} }), failed)
  await assert.rejects(store.get('Session', '1'), failed)
  await store[Symbol.asyncDispose]()
  await using again = await openSqliteStore({ file, now })
  assert.equal(await again.count('Session'), 1000)
})

test('more writes at once than may wait are refused', async () => {
  await using store = await openSqliteStore({ file: newFile(), now })
  const results = await Promise.allSettled(
    Array.from({ length: 10_050 }, (_, n) => store.consume('Session', `${n}`, 1)),
  )
  assert.equal(results.filter(({ status }) => status === 'rejected').length, 50)
})

test('what has ended leaves the file within a minute of use', async () => {
  const file = newFile()
  const clock = { now: now() }
  await using store = await openSqliteStore({ file, now: () => clock.now })
  for (let n = 0; n < 1200; n++) {
    void store.put({ kind: 'Code', id: `${n}`, value: {}, expiresAt: clock.now + 1000 })
  }
  clock.now += 61_000
  await store.put({ kind: 'Session', id: 's', value: {} })
  const rows = () => {
    const database = new DatabaseSync(file, { readOnly: true })
    const count = Number(database.prepare('SELECT count(*) AS n FROM ostiary_records').get()?.['n'])
    database.close()
    return count
  }
  for (let tries = 0; tries < 100 && rows() > 1; tries++) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(rows(), 1)
})
