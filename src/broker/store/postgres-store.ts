/** The store in PostgreSQL: several instances of the broker on one database. */
import type { ConnectionOptions } from 'node:tls'
import pg from 'pg'
import type { StorageSettings } from '../../config/dex/broker-settings.ts'
import type { Cell, Row } from './rows.ts'
import { type Dialect, pendingMigrations, schemaStatements } from './sql-statements.ts'
import { DEFAULT_SQL_LIMIT, type SqlEngine, SqlStore } from './sql-store.ts'
import type { Store } from './store.ts'
import { storeFailureOf } from './store-failure.ts'

export type PostgresSettings = Extract<StorageSettings, { readonly type: 'postgres' }>

export interface PostgresStoreOptions {
  readonly now: () => number
  readonly limit?: number
}

const dialect: Dialect = {
  nextOrder: "nextval('ostiary_records_seq')",
  integer: 'BIGINT',
  order: "BIGINT PRIMARY KEY DEFAULT nextval('ostiary_records_seq')",
  before: ['CREATE SEQUENCE ostiary_records_seq'],
  tableOptions: '',
  skipLocked: 'FOR UPDATE SKIP LOCKED',
}

/** The server gives a statement up before we do, so that what we call failed has not happened behind our back. */
const STATEMENT_MS = 5_000
const QUERY_MS = 7_000
const CONNECT_MS = 5_000
const IDLE_MS = 60_000
const WAITING_LIMIT = 1_000
const DEADLOCK_TRIES = 3
/** For so long after the database has not answered in time nobody else waits for it. */
const AWAY_MS = 3_000
/** Ours among the advisory locks of the database: "ostiary" in ASCII, as far as it goes. */
const SCHEMA_LOCK = '31370489498693241'

/** Connects, and brings the schema up to date; several instances may do so at once. */
export async function openPostgresStore(settings: PostgresSettings, options: PostgresStoreOptions): Promise<Store> {
  const { now, limit = DEFAULT_SQL_LIMIT } = options
  const pool = new pg.Pool(poolOptions(settings))
  // A connection that breaks while nobody uses it: the pool has dropped it already, and makes another when asked.
  pool.on('error', () => undefined)
  try {
    await prepareDatabase(pool)
  } catch (error) {
    await pool.end()
    throw storeFailureOf(`open the store at ${settings.host}:${settings.port}, database ${settings.database}`, error)
  }
  return new SqlStore(new PostgresEngine(pool), { now, limit })
}

function poolOptions(settings: PostgresSettings): pg.PoolConfig {
  const { host, port, database, user, password, connectionTimeout, maxOpenConns } = settings
  return {
    host,
    port,
    database,
    user,
    // A function, because the driver looks for an empty one in the environment and in ~/.pgpass.
    password: () => password?.reveal() ?? '',
    ssl: tlsOptions(settings),
    max: maxOpenConns > 0 ? maxOpenConns : 5,
    connectionTimeoutMillis: connectionTimeout > 0 ? connectionTimeout : CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: QUERY_MS,
    idle_in_transaction_session_timeout: QUERY_MS,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    application_name: 'ostiary',
  }
}

/** As libpq reads sslmode: `require` trusts anybody, or, where an authority is given, whoever it has signed. */
function tlsOptions({ host, ssl }: PostgresSettings): ConnectionOptions | false {
  const { mode, ca, cert, key } = ssl
  // A path is a socket of this machine; libpq speaks no TLS there, whatever the mode.
  if (mode === 'disable' || host.startsWith('/')) return false
  const options: ConnectionOptions = {
    minVersion: 'TLSv1.2',
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key: key.reveal() }),
  }
  switch (mode) {
    case 'require':
      return { ...options, rejectUnauthorized: ca !== undefined, checkServerIdentity: () => undefined }
    case 'verify-ca':
      return { ...options, rejectUnauthorized: true, checkServerIdentity: () => undefined }
    case 'verify-full':
      return { ...options, rejectUnauthorized: true }
  }
}

async function prepareDatabase(pool: pg.Pool): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK])
    // Looked for first, so that a role that may not create tables can run where they are.
    const { rows: found } = await client.query("SELECT to_regclass('ostiary_schema') AS name")
    if (found[0]?.name === null) await client.query(schemaStatements.create)
    const { rows } = await client.query(schemaStatements.read)
    for (const statement of pendingMigrations(dialect, rows)) await client.query(statement)
    await client.query('COMMIT')
    client.release()
  } catch (error) {
    // Closed, which rolls back.
    client.release(true)
    throw error
  }
}

class PostgresEngine implements SqlEngine {
  readonly dialect = dialect
  readonly #pool: pg.Pool
  #end: Promise<void> | undefined
  #awayUntil = 0

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /**
   * Asked again where the connection turns out to be dead, because a database that was restarted costs nobody a sign-in;
   * all of the pool's may be.
   */
  async read(sql: string, cells: readonly Cell[]): Promise<readonly Row[]> {
    for (let left = this.#pool.options.max; ; left--) {
      try {
        return (await this.#query(sql, cells)).rows
      } catch (error) {
        if (left <= 0 || !isLostConnection(error)) throw error
      }
    }
  }

  /** Not repeated, except after a deadlock, which has undone it: what was lost on the way may have been done. */
  async write(sql: string, cells: readonly Cell[]) {
    for (let attempt = 1; ; attempt++) {
      try {
        const { rows, rowCount } = await this.#query(sql, cells)
        return { rows, count: rowCount ?? 0 }
      } catch (error) {
        if (codeOf(error) !== '40P01' || attempt >= DEADLOCK_TRIES) throw error
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end ??= this.#pool.end()
    await this.#end
  }

  async #query(sql: string, cells: readonly Cell[]): Promise<pg.QueryResult> {
    if (this.#pool.waitingCount >= WAITING_LIMIT) throw new Error(`${WAITING_LIMIT} calls wait already`)
    // One request makes several calls: waiting for each would outlast whoever asked.
    if (performance.now() < this.#awayUntil) throw new Error('the database did not answer in time a moment ago')
    try {
      // No named statements: a pooler in front (PgBouncer) may give each one another connection.
      return await this.#pool.query(sql, [...cells])
    } catch (error) {
      if (isSilence(error)) this.#awayUntil = performance.now() + AWAY_MS
      throw error
    }
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** The driver's words for a server that accepts connections, or keeps them, and says nothing (frozen, or behind a dead link). */
function isSilence(error: unknown): boolean {
  return error instanceof Error && /^Query read timeout|timeout exceeded|connection timeout$/.test(error.message)
}

/** 57P01 to 57P03: the server shuts down, crashed, or is not up yet. The driver's own words have no code. */
function isLostConnection(error: unknown): boolean {
  const code = codeOf(error)
  if (typeof code === 'string') return /^57P0[123]$|^(?:ECONNRESET|EPIPE)$/.test(code)
  return error instanceof Error && error.message.startsWith('Connection terminated') && !isSilence(error)
}
