/** Records as rows of a database, and back: short keys that every database compares alike, and one text for the rest. */
import { createHash } from 'node:crypto'
import { indexNames, type JsonObject, type NewRecord, type RecordIndexes, type StoredRecord } from './store.ts'

/** What a cell holds; moments and versions are whole numbers, which PostgreSQL's driver gives as text. */
export type Cell = string | number | null
export type Row = Readonly<Record<string, unknown>>

type IndexName = (typeof indexNames)[number]

/** The column of each index. */
export const indexColumns: Readonly<Record<IndexName, string>> = {
  grant: 'by_grant',
  uid: 'by_uid',
  userCode: 'by_user_code',
  session: 'by_session',
  subject: 'by_subject',
  client: 'by_client',
}

/** What a row cannot say by its key columns. */
interface LongNames {
  readonly id?: string
  readonly indexes?: RecordIndexes
}

/** Texts that are their own key: no NUL (which PostgreSQL refuses), no other spelling, short enough for an index. */
const ownKey = /^[\x20-\x7d]{0,128}$/

/**
 * The text as a key. What is long or not plain becomes a hash, whose sign `~` no plain one has; JSON spells lone
 * surrogates out, so that no two texts have one key.
 */
export function keyOf(text: string): string {
  return ownKey.test(text) ? text : `~${createHash('sha256').update(JSON.stringify(text)).digest('base64url')}`
}

/** The indexes that have a value, or undefined. */
export function definedIndexes(indexes: RecordIndexes | undefined): RecordIndexes | undefined {
  const entries = indexNames.flatMap((name) => (indexes?.[name] === undefined ? [] : [[name, indexes[name]]]))
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}

/** A moment as a store keeps it: whole milliseconds, or undefined for never. */
export function wholeMoment(moment: number | undefined): number | undefined {
  return moment !== undefined && Number.isFinite(moment) ? Math.trunc(moment) : undefined
}

/** kind, id, expires_at, the six indexes, body. */
export function cellsOf({ kind, id, value, expiresAt, indexes }: NewRecord): Cell[] {
  const keys = indexNames.map((name) => (indexes?.[name] === undefined ? null : keyOf(indexes[name])))
  const long: LongNames = {
    ...(keyOf(id) !== id && { id }),
    ...(indexNames.some((name, at) => keys[at] !== null && keys[at] !== indexes?.[name]) && {
      indexes: definedIndexes(indexes) ?? {},
    }),
  }
  const body = JSON.stringify(Object.keys(long).length > 0 ? [value, long] : [value])
  return [kind, keyOf(id), wholeMoment(expiresAt) ?? null, ...keys, body]
}

export function recordOf(row: Row): StoredRecord {
  const [value, long = {}] = JSON.parse(String(row['body'])) as [JsonObject, LongNames?]
  const indexes =
    long.indexes ?? definedIndexes(Object.fromEntries(indexNames.map((name) => [name, textIn(row, name)])))
  return {
    kind: String(row['kind']),
    id: long.id ?? String(row['id']),
    value,
    version: Number(row['version']),
    ...(row['expires_at'] !== null && { expiresAt: Number(row['expires_at']) }),
    ...(row['consumed_at'] !== null && { consumedAt: Number(row['consumed_at']) }),
    ...(indexes && { indexes }),
  }
}

function textIn(row: Row, name: IndexName): string | undefined {
  const cell = row[indexColumns[name]]
  return typeof cell === 'string' ? cell : undefined
}
