/**
 * What SQLite and PostgreSQL are asked: every change is one statement, so that of two at the same time one comes first
 * without a lock of ours. The tables carry our name, because the file or database may be the one that Dex had.
 */
import { indexColumns, type Row } from './rows.ts'
import { indexNames, type RecordIndexes } from './store.ts'

/** Where the two databases speak differently. Parameters are `$1`, `$2` … in the text. */
export interface Dialect {
  /** An expression for the next number in the order of first writing. */
  readonly nextOrder: string
  /** Column type of a whole number of 64 bits. */
  readonly integer: string
  /** Definition of the column `seq`. */
  readonly order: string
  /** Statements before the table. */
  readonly before: readonly string[]
  /** After a table's closing parenthesis. */
  readonly tableOptions: string
  /** At the end of a select of rows to delete, so that instances do not wait for one another. */
  readonly skipLocked: string
}

const columns = indexNames.map((name) => indexColumns[name])
/** kind, id, expires_at, six indexes, body: `$1` … `$10`; then the moment. */
const inserted = ['kind', 'id', 'expires_at', ...columns, 'body']
const marks = inserted.map((_, at) => `$${at + 1}`)
const momentMark = `$${inserted.length + 1}`
const versionMark = `$${inserted.length + 2}`

const table = 'ostiary_records'
const live = (moment: string) => `(${table}.expires_at IS NULL OR ${table}.expires_at > ${moment})`
const selected = `kind, id, version, expires_at, consumed_at, ${columns.join(', ')}, body`

/** Each entry brings a database from the version before it to its own (the first one to 1), and is never edited. */
export function migrations(dialect: Dialect): readonly (readonly string[])[] {
  const { integer, order, before, tableOptions } = dialect
  return [
    [
      ...before,
      `CREATE TABLE ${table} (
        seq ${order},
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        version ${integer} NOT NULL,
        expires_at ${integer},
        consumed_at ${integer},
        ${columns.map((column) => `${column} TEXT`).join(', ')},
        body TEXT NOT NULL,
        UNIQUE (kind, id)
      )${tableOptions}`,
      `CREATE INDEX ostiary_records_in_order ON ${table} (kind, seq)`,
      `CREATE INDEX ostiary_records_by_end ON ${table} (expires_at) WHERE expires_at IS NOT NULL`,
      ...columns.map(
        (column) => `CREATE INDEX ostiary_records_${column} ON ${table} (${column}, kind) WHERE ${column} IS NOT NULL`,
      ),
    ],
  ]
}

export function statements({ nextOrder, skipLocked }: Dialect) {
  const insert = `INSERT INTO ${table} (version, ${inserted.join(', ')}) VALUES (1, ${marks.join(', ')})`
  const taken = inserted.slice(2).map((column) => `${column} = excluded.${column}`)
  const given = inserted.slice(2).map((column, at) => `${column} = ${marks[at + 2]}`)
  const isLive = live(momentMark)
  return {
    /** What has ended is overwritten as if it were not there. */
    put: `${insert} ON CONFLICT (kind, id) DO UPDATE SET ${taken.join(', ')},
      version = CASE WHEN ${isLive} THEN ${table}.version + 1 ELSE 1 END,
      consumed_at = CASE WHEN ${isLive} THEN ${table}.consumed_at END,
      seq = CASE WHEN ${isLive} THEN ${table}.seq ELSE ${nextOrder} END
      RETURNING version`,
    putNew: `${insert} ON CONFLICT (kind, id) DO UPDATE SET ${taken.join(', ')},
      version = 1, consumed_at = NULL, seq = ${nextOrder} WHERE NOT ${isLive} RETURNING version`,
    putOver: `UPDATE ${table} SET ${given.join(', ')}, version = version + 1
      WHERE kind = $1 AND id = $2 AND version = ${versionMark} AND ${isLive} RETURNING version`,
    get: `SELECT ${selected} FROM ${table} WHERE kind = $1 AND id = $2 AND ${live('$3')}`,
    findBy: (index: keyof RecordIndexes) =>
      `SELECT ${selected} FROM ${table} WHERE kind = $1 AND ${indexColumns[index]} = $2 AND ${live('$3')}
        ORDER BY seq DESC LIMIT 1`,
    orderOf: `SELECT seq FROM ${table} WHERE kind = $1 AND id = $2`,
    /** kind, moment, after which number, how many, then the values of the indexes. */
    list: (indexes: readonly (keyof RecordIndexes)[]) =>
      `SELECT ${selected} FROM ${table} WHERE kind = $1 AND ${live('$2')} AND seq > $3
        ${indexes.map((index, at) => `AND ${indexColumns[index]} = $${at + 5}`).join(' ')} ORDER BY seq LIMIT $4`,
    consume: `UPDATE ${table} SET consumed_at = $3 WHERE kind = $1 AND id = $2 AND consumed_at IS NULL AND ${live('$3')}`,
    delete: `DELETE FROM ${table} WHERE kind = $1 AND id = $2 AND ${live('$3')}`,
    /** value, moment, then the kinds. */
    deleteBy: (index: keyof RecordIndexes, kinds: number) =>
      `DELETE FROM ${table} WHERE ${indexColumns[index]} = $1 AND ${live('$2')}
        AND kind IN (${Array.from({ length: kinds }, (_, at) => `$${at + 3}`).join(', ')})`,
    count: `SELECT count(*) AS count FROM ${table} WHERE kind = $1 AND ${live('$2')}`,
    /** moment, how many. */
    sweep: `DELETE FROM ${table} WHERE seq IN
      (SELECT seq FROM ${table} WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 ${skipLocked})`,
    sizes: `SELECT kind, count(*) AS count, count(expires_at) AS ending FROM ${table} GROUP BY kind`,
    /** kind, how many. */
    dropOldest: `DELETE FROM ${table} WHERE seq IN
      (SELECT seq FROM ${table} WHERE kind = $1 AND expires_at IS NOT NULL ORDER BY seq LIMIT $2 ${skipLocked})`,
  }
}

/** The version of the schema; there is no row before the first migration. */
export const schemaStatements = {
  create: 'CREATE TABLE IF NOT EXISTS ostiary_schema (version INTEGER NOT NULL)',
  read: 'SELECT version FROM ostiary_schema',
  clear: 'DELETE FROM ostiary_schema',
  /** The version is ours, and a number. */
  write: (version: number) => `INSERT INTO ostiary_schema (version) VALUES (${version})`,
}

/**
 * The statements that bring the schema up to date.
 *
 * @throws when a newer release has been here: it may keep records in a way that this one would spoil
 */
export function pendingMigrations(dialect: Dialect, rows: readonly Row[]): readonly string[] {
  const all = migrations(dialect)
  const version = Number(rows[0]?.['version'] ?? 0)
  if (version > all.length) {
    throw new Error(`its schema must be of version ${all.length} or older, got ${version}: a newer release wrote it`)
  }
  if (version === all.length) return []
  return [...all.slice(version).flat(), schemaStatements.clear, schemaStatements.write(all.length)]
}
