/** The store in this process: gone when it ends, as Dex's memory storage is. */
import { definedIndexes, wholeMoment } from './rows.ts'
import { indexNames, type NewRecord, type RecordIndexes, type Store, type StoredRecord } from './store.ts'
import { storeFailure } from './store-failure.ts'

export interface MemoryStoreOptions {
  readonly now: () => number
  /** Records that it holds at most. */
  readonly limit?: number
}

interface Entry {
  readonly id: string
  /** When it was first written, as a number that only grows. */
  readonly order: number
  /** The value as JSON text: smaller than objects are, and nobody can change what lies here. */
  text: string
  version: number
  expiresAt: number | undefined
  consumedAt: number | undefined
  indexes: RecordIndexes | undefined
}

type IndexName = keyof RecordIndexes
/** Most values have one entry, and a set is ten times as large. */
type Holders = Entry | Set<Entry>

interface Kind {
  /** In the order they were first written. */
  readonly entries: Map<string, Entry>
  readonly indexes: Map<IndexName, Map<string, Holders>>
  /** Entries that end some day: the ones that may make room. */
  ending: number
}

/** Some 330 MiB of refresh tokens (bench/RESULTS-broker-store.md). */
const DEFAULT_LIMIT = 200_000
const LIST_LIMIT = 10_000
const SWEEP_EVERY_MS = 60_000

export function openMemoryStore(options: MemoryStoreOptions): Store {
  return new MemoryStore(options)
}

class MemoryStore implements Store {
  readonly #now: () => number
  readonly #limit: number
  readonly #kinds = new Map<string, Kind>()
  #size = 0
  #order = 0
  #sweptAt: number

  constructor({ now, limit = DEFAULT_LIMIT }: MemoryStoreOptions) {
    this.#now = now
    this.#limit = limit
    this.#sweptAt = now()
  }

  async put(record: NewRecord, { ifVersion }: { readonly ifVersion?: number } = {}): Promise<number | undefined> {
    const { kind: name, id } = record
    const now = this.#now()
    const text = JSON.stringify(record.value)
    const old = this.#live(name, id, now)
    if (ifVersion !== undefined && ifVersion !== (old?.version ?? 0)) return undefined
    if (now - this.#sweptAt >= SWEEP_EVERY_MS) this.#sweep(now)
    if (!old && this.#size >= this.#limit) this.#makeRoom(name, now)

    const kind = this.#kindOf(name)
    const entry = old ?? emptyEntry(id, ++this.#order)
    if (old) detach(kind, old)
    else this.#size++
    entry.text = text
    entry.version++
    entry.expiresAt = wholeMoment(record.expiresAt)
    entry.indexes = definedIndexes(record.indexes)
    kind.entries.set(id, entry)
    attach(kind, entry)
    return entry.version
  }

  async get(kind: string, id: string): Promise<StoredRecord | undefined> {
    const entry = this.#live(kind, id, this.#now())
    return entry && recordOf(kind, entry)
  }

  async findBy(kind: string, index: IndexName, value: string): Promise<StoredRecord | undefined> {
    const now = this.#now()
    let last: Entry | undefined
    for (const entry of this.#holders(kind, index, value)) {
      if (isLive(entry, now) && (!last || entry.order > last.order)) last = entry
    }
    return last && recordOf(kind, last)
  }

  async list(
    kind: string,
    { where, limit = LIST_LIMIT, after }: { where?: RecordIndexes; limit?: number; after?: string } = {},
  ): Promise<readonly StoredRecord[]> {
    const now = this.#now()
    const from = after === undefined ? undefined : this.#live(kind, after, now)
    if (after !== undefined && !from) throw storeFailure(`list ${kind}`, 'the record to go on after is gone')
    const wanted = indexNames.filter((name) => where?.[name] !== undefined)
    const most = Math.min(limit, LIST_LIMIT)
    const found: StoredRecord[] = []
    for (const entry of this.#candidates(kind, where ?? {}, wanted[0])) {
      if (found.length >= most) break
      if (!isLive(entry, now) || (from && entry.order <= from.order)) continue
      if (wanted.every((name) => entry.indexes?.[name] === where?.[name])) found.push(recordOf(kind, entry))
    }
    return found
  }

  async consume(kind: string, id: string, now: number): Promise<boolean> {
    const entry = this.#live(kind, id, now)
    if (!entry || entry.consumedAt !== undefined) return false
    entry.consumedAt = now
    return true
  }

  async delete(kind: string, id: string): Promise<boolean> {
    const entry = this.#live(kind, id, this.#now())
    if (entry) this.#drop(kind, entry)
    return entry !== undefined
  }

  async deleteBy(kinds: readonly string[], index: IndexName, value: string): Promise<number> {
    const now = this.#now()
    let count = 0
    for (const kind of new Set(kinds)) {
      for (const entry of this.#holders(kind, index, value)) {
        if (isLive(entry, now)) count++
        this.#drop(kind, entry)
      }
    }
    return count
  }

  async count(kind: string): Promise<number> {
    const now = this.#now()
    let count = 0
    for (const entry of this.#kinds.get(kind)?.entries.values() ?? []) if (isLive(entry, now)) count++
    return count
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kinds.clear()
    this.#size = 0
  }

  #kindOf(name: string): Kind {
    const known = this.#kinds.get(name)
    if (known) return known
    const kind: Kind = { entries: new Map(), indexes: new Map(), ending: 0 }
    this.#kinds.set(name, kind)
    return kind
  }

  #live(kind: string, id: string, now: number): Entry | undefined {
    const entry = this.#kinds.get(kind)?.entries.get(id)
    if (!entry || isLive(entry, now)) return entry
    this.#drop(kind, entry)
    return undefined
  }

  #holders(kind: string, index: IndexName, value: string): readonly Entry[] {
    const holders = this.#kinds.get(kind)?.indexes.get(index)?.get(value)
    if (!holders) return []
    return holders instanceof Set ? [...holders] : [holders]
  }

  /** In the order they were first written; by an index where one is asked for, since most of a kind would not fit. */
  #candidates(kind: string, where: RecordIndexes, index: IndexName | undefined): Iterable<Entry> {
    const value = index && where[index]
    if (!index || value === undefined) return this.#kinds.get(kind)?.entries.values() ?? []
    return this.#holders(kind, index, value).toSorted((one, other) => one.order - other.order)
  }

  #drop(name: string, entry: Entry): void {
    const kind = this.#kindOf(name)
    if (!kind.entries.delete(entry.id)) return
    detach(kind, entry)
    this.#size--
  }

  #sweep(now: number): void {
    this.#sweptAt = now
    for (const [name, kind] of this.#kinds) {
      for (const entry of kind.entries.values()) if (!isLive(entry, now)) this.#drop(name, entry)
    }
  }

  /**
   * Drops what has ended; when that is nothing, the oldest tenth of the kind that has most records, so that a flood of
   * sign-ins under way pushes out sign-ins under way, and neither sessions nor what was set up.
   */
  #makeRoom(wanted: string, now: number): void {
    this.#sweep(now)
    if (this.#size < this.#limit) return
    const [largest] = [...this.#kinds].toSorted(([, one], [, other]) => other.ending - one.ending)
    if (!largest || largest[1].ending === 0) {
      throw storeFailure(`put ${wanted}`, `the memory store holds ${this.#limit} records at most`)
    }
    const [name, kind] = largest
    let count = Math.ceil(kind.ending / 10)
    for (const entry of kind.entries.values()) {
      if (entry.expiresAt === undefined) continue
      this.#drop(name, entry)
      if (--count <= 0) return
    }
  }
}

function emptyEntry(id: string, order: number): Entry {
  return { id, order, text: '', version: 0, expiresAt: undefined, consumedAt: undefined, indexes: undefined }
}

function isLive(entry: Entry, now: number): boolean {
  return entry.expiresAt === undefined || entry.expiresAt > now
}

function recordOf(kind: string, { id, text, version, expiresAt, consumedAt, indexes }: Entry): StoredRecord {
  return {
    kind,
    id,
    value: JSON.parse(text),
    version,
    ...(expiresAt !== undefined && { expiresAt }),
    ...(consumedAt !== undefined && { consumedAt }),
    ...(indexes && { indexes: { ...indexes } }),
  }
}

/** Enters it in the indexes, and in the count of those that end. */
function attach(kind: Kind, entry: Entry): void {
  if (entry.expiresAt !== undefined) kind.ending++
  for (const name of indexNames) {
    const value = entry.indexes?.[name]
    if (value === undefined) continue
    const index = kind.indexes.get(name) ?? new Map<string, Holders>()
    kind.indexes.set(name, index)
    const holders = index.get(value)
    if (holders instanceof Set) holders.add(entry)
    else index.set(value, holders ? new Set([holders, entry]) : entry)
  }
}

function detach(kind: Kind, entry: Entry): void {
  if (entry.expiresAt !== undefined) kind.ending--
  for (const name of indexNames) {
    const value = entry.indexes?.[name]
    const index = kind.indexes.get(name)
    const holders = value === undefined ? undefined : index?.get(value)
    if (value === undefined || !index || !holders) continue
    if (holders instanceof Set) holders.delete(entry)
    if (!(holders instanceof Set) || holders.size === 0) index.delete(value)
  }
}
