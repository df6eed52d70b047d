/**
 * What the broker's stores take: `node bench/broker-store.ts` puts 100,000 refresh tokens into each (sealed, except in
 * memory), reads and writes some, and writes bench/RESULTS-broker-store.md. Each store in a process of its own;
 * PostgreSQL, where it is there, waits for the disk as a real one does.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../src/broker/store/open-store.ts'
import type { NewRecord, Store } from '../src/broker/store/store.ts'
import type { StorageSettings } from '../src/config/dex/broker-settings.ts'
import { Secret } from '../src/crypto/secret.ts'
import { skipWithoutPostgres, startPostgres } from '../test/actors/postgres.ts'

const COUNT = 100_000
/** Calls of one kind that are timed; a third where each waits for the disk alone. */
const CALLS = 6_000
const AT_ONCE = 64
const DAY = 86_400_000

/** As oidc-provider makes them: some 600 octets, found by grant, session, user and client. */
function refreshToken(at: number): NewRecord {
  const seconds = Math.floor(Date.now() / 1000)
  const [grantId, sessionUid] = [`grant-${at}-${'g'.repeat(30)}`, `session-${at % 20_000}-${'s'.repeat(12)}`]
  const accountId = `CgoxODYwMjAw${at % 5000}EgRsZGFw`
  return {
    kind: 'RefreshToken',
    id: idOf(at),
    value: {
      ...{ iat: seconds, exp: seconds + 86_400, iiat: seconds, jti: idOf(at), kind: 'RefreshToken' },
      ...{ accountId, authTime: seconds, clientId: 'wiki', grantId, gty: 'authorization_code', nonce: 'n'.repeat(22) },
      ...{ scope: 'openid profile email groups offline_access', sessionUid, sid: 'i'.repeat(21), rotations: 3 },
    },
    expiresAt: Date.now() + DAY,
    indexes: { grant: grantId, session: sessionUid, subject: accountId, client: 'wiki' },
  }
}

const idOf = (at: number) => `token-${at}-${'x'.repeat(30)}`
const anyOf = (at: number) => (at * 7919) % COUNT

/** Calls a second, `atOnce` of them under way. */
async function rate(calls: number, atOnce: number, call: (at: number) => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  let next = 0
  const walk = async () => {
    while (next < calls) await call(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, walk))
  return Math.round(calls / ((performance.now() - begin) / 1000))
}

async function measure(name: string, store: Store): Promise<string[]> {
  const resident = () => {
    globalThis.gc?.()
    globalThis.gc?.()
    return process.memoryUsage().rss
  }
  const before = resident()
  const filled = await rate(COUNT, AT_ONCE, (at) => store.put(refreshToken(at)))
  const memory = resident() - before
  const gets = await rate(CALLS, 1, (at) => store.get('RefreshToken', idOf(anyOf(at))))
  const finds = await rate(CALLS, 1, (at) =>
    store.findBy('RefreshToken', 'grant', `grant-${anyOf(at)}-${'g'.repeat(30)}`),
  )
  const alone = await rate(CALLS / 3, 1, (at) => store.put(refreshToken(anyOf(at))))
  const together = await rate(CALLS, AT_ONCE, (at) => store.put(refreshToken(anyOf(at))))
  const consumed = await rate(CALLS, AT_ONCE, (at) => store.consume('RefreshToken', idOf(anyOf(at)), Date.now()))
  const mib = `${Math.round(memory / 1024 / 1024)} MiB`
  return [name, mib, ...[filled, gets, finds, alone, together, consumed].map((one) => one.toLocaleString('en'))]
}

/** One store in this process: prints its cells as JSON. */
async function run(kind: string): Promise<void> {
  const secrets = [new Secret(Buffer.alloc(32, 1).toString('base64'))]
  const folder = mkdtempSync(join(tmpdir(), 'ostiary-bench-store-'))
  await using cleanup = new AsyncDisposableStack()
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }))
  const server = kind === 'postgres' ? cleanup.use(await startPostgres({ isDurable: true })) : undefined
  const storage: StorageSettings =
    server?.settings ?? (kind === 'sqlite3' ? { type: 'sqlite3', file: join(folder, 'broker.db') } : { type: 'memory' })
  const store = cleanup.use(await openStore(storage, { secrets, now: Date.now }))
  const cells = await measure(kind, store)
  const [row] = (await server?.run("SELECT pg_total_relation_size('ostiary_records') AS size")) ?? []
  const size = row
    ? Number(row['size'])
    : readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0)
  process.stdout.write(
    JSON.stringify([...cells.slice(0, 2), `${Math.round(size / 1024 / 1024)} MiB`, ...cells.slice(2)]),
  )
}

function runAll(): void {
  const kinds = ['memory', 'sqlite3', ...(skipWithoutPostgres() ? [] : ['postgres'])]
  const rows = kinds.map((kind) => {
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--expose-gc', import.meta.filename, kind])
    if (status !== 0) throw new Error(`${kind}: ${stderr}`)
    return JSON.parse(stdout.toString()) as string[]
  })
  const head = [
    'store',
    'memory',
    'on disk',
    'filled',
    'get',
    'by grant',
    'put',
    'put, 64 at once',
    'consume, 64 at once',
  ]
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const table = [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
  const text = `# What the broker's stores take

\`node bench/broker-store.ts\`, on a virtual machine with two cores that other work shared, Node ${process.versions.node}: ${COUNT.toLocaleString('en')} refresh tokens in
each store, calls a second. SQLite and PostgreSQL are sealed and wait for the disk before they say that something is
written; PostgreSQL runs on the same two cores. "Memory" is what the process grew by, "filled" the first writing.

${table}

The write that comes alone waits for the disk alone. Those of one turn of the event loop share that wait in SQLite, and
PostgreSQL lets its five connections share it.
`
  writeFileSync(join(import.meta.dirname, 'RESULTS-broker-store.md'), text)
  process.stdout.write(`${table}\n`)
}

const kind = process.argv[2]
if (kind === undefined) runAll()
else await run(kind)
