/** The store in a SQLite file: the default. Several processes may open one file; each change is safe on disk when it is told. */
import { chmodSync, closeSync, openSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Cell, Row } from './rows.ts'
import { type Dialect, pendingMigrations, schemaStatements } from './sql-statements.ts'
import { DEFAULT_SQL_LIMIT, type SqlEngine, SqlStore } from './sql-store.ts'
import type { Store } from './store.ts'
import { storeFailure, storeFailureOf } from './store-failure.ts'

export interface SqliteStoreOptions {
  /** Absolute path. */
  readonly file: string
  readonly now: () => number
  readonly limit?: number
}

const dialect: Dialect = {
  nextOrder: '(SELECT max(seq) + 1 FROM ostiary_records)',
  integer: 'INTEGER',
  order: 'INTEGER PRIMARY KEY',
  before: [],
  tableOptions: ' STRICT',
  skipLocked: '',
}

/** How long opening waits for another process, milliseconds; nothing else runs yet. */
const OPEN_WAIT_MS = 5_000
/** How long one call may hold the event loop for another process. */
const BUSY_WAIT_MS = 5
/** How long a write waits in all, with the event loop free. */
const WRITE_WAIT_MS = 5_000
const RETRY_MS = 10
const WAITING_LIMIT = 10_000
/** Writes in one transaction: some 10 ms. */
const BATCH = 300
const STATEMENT_LIMIT = 200
/** SQLITE_BUSY, the low octet of an extended code. */
const BUSY = 5

/** Opens the file, makes it (for the owner alone) where it is not there, and brings its schema up to date. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { file, now, limit = DEFAULT_SQL_LIMIT } = options
  try {
    makeFile(file)
    const database = new DatabaseSync(file, { timeout: OPEN_WAIT_MS })
    try {
      prepareDatabase(database)
    } catch (error) {
      database.close()
      throw error
    }
    return new SqlStore(new SqliteEngine(database), { now, limit })
  } catch (error) {
    throw storeFailureOf(`open the store ${file}`, error)
  }
}

/** SQLite gives its side files (-wal, -shm) the mode of the database. */
function makeFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
    chmodSync(file, 0o600)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST') return
    if (code === 'ENOENT') throw storeFailure(`open the store ${file}`, 'its folder must be there, got none', error)
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
      const why = `this process must be able to write its folder, got ${code}; storage.config.file names another place`
      throw storeFailure(`open the store ${file}`, why, error)
    }
    throw error
  }
}

function prepareDatabase(database: DatabaseSync): void {
  // With FULL, what was told to be done outlives a loss of power: a revoked token must not come back.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864')
  database.exec('BEGIN IMMEDIATE')
  try {
    database.exec(schemaStatements.create)
    const rows = database.prepare(schemaStatements.read).all()
    for (const statement of pendingMigrations(dialect, rows)) database.exec(statement)
    database.exec('COMMIT')
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
  database.exec(`PRAGMA busy_timeout = ${BUSY_WAIT_MS}`)
}

interface Job {
  readonly sql: string
  readonly cells: readonly Cell[]
  readonly since: number
  resolve(result: Result): void
  reject(reason: unknown): void
}

interface Result {
  readonly rows: readonly Row[]
  readonly count: number
}

/**
 * Writes of one turn of the event loop share a transaction, since a transaction costs a wait for the disk and a
 * statement next to nothing. Where another process writes, they wait without holding the event loop.
 */
class SqliteEngine implements SqlEngine {
  readonly dialect = dialect
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #waiting: Job[] = []
  #timer: NodeJS.Timeout | NodeJS.Immediate | undefined
  #closed: (() => void) | undefined

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  async read(sql: string, cells: readonly Cell[]): Promise<readonly Row[]> {
    return this.#statement(sql).all(...cells)
  }

  write(sql: string, cells: readonly Cell[]): Promise<Result> {
    if (this.#closed) return Promise.reject(new Error('the store must be open, got a closed one'))
    if (this.#waiting.length >= WAITING_LIMIT) return Promise.reject(new Error(`${WAITING_LIMIT} writes wait already`))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sql, cells, since: performance.now(), resolve, reject })
      this.#timer ??= setImmediate(() => this.#flush())
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    await new Promise<void>((resolve) => {
      this.#closed = resolve
      this.#timer ??= setImmediate(() => this.#flush())
    })
    this.#statements.clear()
    this.#database.close()
  }

  #flush(): void {
    this.#timer = undefined
    const jobs = this.#waiting.splice(0, BATCH)
    if (jobs.length > 0) this.#commit(jobs)
    if (this.#timer) return
    if (this.#waiting.length > 0) this.#timer = setImmediate(() => this.#flush())
    else this.#closed?.()
  }

  #commit(jobs: readonly Job[]): void {
    const database = this.#database
    const ends: (() => void)[] = []
    try {
      database.exec('BEGIN IMMEDIATE')
      for (const job of jobs) ends.push(this.#run(job))
      database.exec('COMMIT')
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      this.#giveBack(jobs, error)
      return
    }
    for (const end of ends) end()
  }

  /** A statement that fails takes the others along only where SQLite has ended the transaction for it (disk full). */
  #run({ sql, cells, resolve, reject }: Job): () => void {
    try {
      const statement = this.#statement(sql)
      const rows = statement.columns().length > 0 ? statement.all(...cells) : undefined
      const result = rows ? { rows, count: rows.length } : { rows: [], count: Number(statement.run(...cells).changes) }
      return () => resolve(result)
    } catch (error) {
      if (!this.#database.isTransaction) throw error
      return () => reject(error)
    }
  }

  /** Nothing was written. Where somebody else was writing, it is tried again until it has taken too long. */
  #giveBack(jobs: readonly Job[], error: unknown): void {
    const isPatient = ({ since }: Job) => isBusy(error) && performance.now() - since < WRITE_WAIT_MS
    for (const job of jobs) if (!isPatient(job)) job.reject(error)
    const patient = jobs.filter(isPatient)
    if (patient.length === 0) return
    this.#waiting.unshift(...patient)
    this.#timer = setTimeout(() => this.#flush(), RETRY_MS)
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) return known
    // There are a few dozen: lists by combinations of indexes.
    if (this.#statements.size >= STATEMENT_LIMIT) this.#statements.clear()
    const statement = this.#database.prepare(sql.replaceAll('$', '?'))
    this.#statements.set(sql, statement)
    return statement
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === BUSY
}
