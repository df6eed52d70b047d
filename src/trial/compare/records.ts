/** Records in a comparison: who has a row, those first whose row differs. */
import type { Settings } from '../../config/schema.ts'
import { isMap } from '../../policy/rules.ts'

export type Records = Settings['records']

/** Rows of one type that are asked for. */
const mostRows = 500

export interface NamedRow {
  readonly key: 'user.id' | 'user.email' | 'user.domain' | 'client.address'
  readonly name: string
}

/** Everybody (or every address) who has a row of the type that `data` of a `record` criterion names. */
export function rowsOf(data: unknown, sides: readonly Records[]): readonly NamedRow[] {
  const type = isMap(data) ? data['type'] : undefined
  const sets = sides.flatMap((records) => (typeof type === 'string' ? (records.get(type) ?? []) : []))
  const names = new Set(sets.flatMap(({ rows }) => [...rows.keys()]))
  const [key] = sets.map((set) => set.key)
  const text = (name: string) => sets.map(({ rows }) => JSON.stringify(rows.get(name)))
  const differs = (name: string) => new Set(text(name)).size > 1
  const ordered = sets.length < 2 ? [...names] : [...names].sort((a, b) => Number(differs(b)) - Number(differs(a)))
  return key === undefined ? [] : ordered.slice(0, mostRows).map((name) => ({ key, name }))
}

/** Text that is the same where, and only where, all records are. */
export function recordsText(records: Records): string {
  return JSON.stringify([...records].map(([type, { key, rows }]) => [type, key, [...rows]]))
}
