/** The store over a database: one class for SQLite and PostgreSQL, which differ in how a statement gets there. */
import { type Cell, cellsOf, keyOf, type Row, recordOf } from './rows.ts'
import { type Dialect, statements } from './sql-statements.ts'
import { indexNames, type NewRecord, type RecordIndexes, type Store, type StoredRecord } from './store.ts'
import { storeFailureOf } from './store-failure.ts'

export interface SqlEngine extends AsyncDisposable {
  readonly dialect: Dialect
  read(sql: string, cells: readonly Cell[]): Promise<readonly Row[]>
  /** Resolves when it is safe: rows where the statement returns some, and how many were changed. */
  write(sql: string, cells: readonly Cell[]): Promise<{ readonly rows: readonly Row[]; readonly count: number }>
}

export interface SqlStoreOptions {
  readonly now: () => number
  /** About as many records are kept at most: they are counted now and then, not at every write. */
  readonly limit: number
}

export const DEFAULT_SQL_LIMIT = 2_000_000

const LIST_LIMIT = 10_000
const SWEEP_EVERY_MS = 60_000
/** Records are counted after as many new ones. */
const COUNT_EVERY = 10_000
/** Rows deleted by one statement, so that none takes long. */
const BATCH = 500

export class SqlStore implements Store {
  readonly #engine: SqlEngine
  readonly #now: () => number
  readonly #limit: number
  readonly #sql: ReturnType<typeof statements>
  #sweptAt = Number.NEGATIVE_INFINITY
  #added = 0
  #tidying: Promise<void> | undefined
  #isClosed = false

  constructor(engine: SqlEngine, { now, limit }: SqlStoreOptions) {
    this.#engine = engine
    this.#now = now
    this.#limit = limit
    this.#sql = statements(engine.dialect)
  }

  async put(record: NewRecord, { ifVersion }: { readonly ifVersion?: number } = {}): Promise<number | undefined> {
    const cells = [...cellsOf(record), this.#now()]
    const { put, putNew, putOver } = this.#sql
    const what = `put ${record.kind}`
    const { rows } =
      ifVersion === undefined
        ? await this.#write(what, put, cells)
        : ifVersion === 0
          ? await this.#write(what, putNew, cells)
          : await this.#write(what, putOver, [...cells, ifVersion])
    const version = rows[0] && Number(rows[0]['version'])
    if (version === 1) this.#added++
    this.#tidy()
    return version
  }

  async get(kind: string, id: string): Promise<StoredRecord | undefined> {
    const [row] = await this.#read(`get ${kind}`, this.#sql.get, [kind, keyOf(id), this.#now()])
    return row && recordOf(row)
  }

  async findBy(kind: string, index: keyof RecordIndexes, value: string): Promise<StoredRecord | undefined> {
    const [row] = await this.#read(`find ${kind}`, this.#sql.findBy(index), [kind, keyOf(value), this.#now()])
    return row && recordOf(row)
  }

  async list(
    kind: string,
    { where, limit = LIST_LIMIT, after }: { where?: RecordIndexes; limit?: number; after?: string } = {},
  ): Promise<readonly StoredRecord[]> {
    const what = `list ${kind}`
    let order = -1
    if (after !== undefined) {
      const [row] = await this.#read(what, this.#sql.orderOf, [kind, keyOf(after)])
      if (!row) throw storeFailureOf(what, 'the record to go on after is gone')
      order = Number(row['seq'])
    }
    const wanted = indexNames.flatMap((name) => (where?.[name] === undefined ? [] : [{ name, value: where[name] }]))
    const rows = await this.#read(what, this.#sql.list(wanted.map(({ name }) => name)), [
      kind,
      this.#now(),
      order,
      Math.min(limit, LIST_LIMIT),
      ...wanted.map(({ value }) => keyOf(value)),
    ])
    return rows.map(recordOf)
  }

  async consume(kind: string, id: string, now: number): Promise<boolean> {
    const { count } = await this.#write(`consume ${kind}`, this.#sql.consume, [kind, keyOf(id), Math.trunc(now)])
    return count > 0
  }

  async delete(kind: string, id: string): Promise<boolean> {
    const { count } = await this.#write(`delete ${kind}`, this.#sql.delete, [kind, keyOf(id), this.#now()])
    return count > 0
  }

  async deleteBy(kinds: readonly string[], index: keyof RecordIndexes, value: string): Promise<number> {
    if (kinds.length === 0) return 0
    const sql = this.#sql.deleteBy(index, kinds.length)
    const { count } = await this.#write(`delete ${kinds.join(', ')}`, sql, [keyOf(value), this.#now(), ...kinds])
    return count
  }

  async count(kind: string): Promise<number> {
    const [row] = await this.#read(`count ${kind}`, this.#sql.count, [kind, this.#now()])
    return Number(row?.['count'] ?? 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#tidying
    await this.#engine[Symbol.asyncDispose]()
  }

  async #read(what: string, sql: string, cells: readonly Cell[]): Promise<readonly Row[]> {
    try {
      return await this.#engine.read(sql, cells)
    } catch (error) {
      throw storeFailureOf(what, error)
    }
  }

  async #write(what: string, sql: string, cells: readonly Cell[]) {
    try {
      return await this.#engine.write(sql, cells)
    } catch (error) {
      throw storeFailureOf(what, error)
    }
  }

  /** Drops what has ended, once a minute at most, and nobody waits for it. What fails is tried again later. */
  #tidy(): void {
    const isDue = this.#now() - this.#sweptAt >= SWEEP_EVERY_MS || this.#added >= COUNT_EVERY
    if (!isDue || this.#tidying || this.#isClosed) return
    this.#sweptAt = this.#now()
    const isCounted = this.#added >= COUNT_EVERY
    if (isCounted) this.#added = 0
    this.#tidying = this.#sweep()
      .then(() => (isCounted ? this.#makeRoom() : undefined))
      .catch(() => undefined)
      .finally(() => {
        this.#tidying = undefined
      })
  }

  async #sweep(): Promise<void> {
    for (let count = BATCH; count === BATCH && !this.#isClosed; ) {
      count = (await this.#engine.write(this.#sql.sweep, [this.#now(), BATCH])).count
    }
  }

  /** As the memory store: the kind that has most records makes room, its oldest ones first. */
  async #makeRoom(): Promise<void> {
    const sizes = (await this.#engine.read(this.#sql.sizes, [])).map((row) => ({
      kind: String(row['kind']),
      count: Number(row['count']),
      ending: Number(row['ending']),
    }))
    let surplus = sizes.reduce((sum, { count }) => sum + count, 0) - this.#limit
    const [largest] = sizes.toSorted((one, other) => other.ending - one.ending)
    while (surplus > 0 && largest && !this.#isClosed) {
      const most = Math.min(surplus, BATCH)
      const { count } = await this.#engine.write(this.#sql.dropOldest, [largest.kind, most])
      if (count === 0) return
      surplus -= count
    }
  }
}
