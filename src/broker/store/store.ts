/** Where the broker keeps what must outlive a request: one small interface, three places (memory, SQLite, PostgreSQL). */

export type JsonObject = { readonly [key: string]: JsonValue }
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject

/** By what records are found besides their id. */
export interface RecordIndexes {
  /** Everything that came from one sign-in at one application ends together. */
  readonly grant?: string | undefined
  readonly uid?: string | undefined
  readonly userCode?: string | undefined
  /** The browser session (its uid) behind it. */
  readonly session?: string | undefined
  readonly subject?: string | undefined
  readonly client?: string | undefined
}

/** Every index, for whoever has to go through them. */
export const indexNames = [
  'grant',
  'uid',
  'userCode',
  'session',
  'subject',
  'client',
] as const satisfies readonly (keyof RecordIndexes)[]

export interface NewRecord {
  /** `Session`, `RefreshToken`, `Connector`: what it is; ids are unique within a kind. */
  readonly kind: string
  readonly id: string
  readonly value: JsonObject
  /** Milliseconds since the epoch; absent: until it is deleted. */
  readonly expiresAt?: number | undefined
  readonly indexes?: RecordIndexes
}

export interface StoredRecord extends NewRecord {
  /** 1 when new, one more each time it is put. */
  readonly version: number
  /** When it was used up (codes, rotated refresh tokens), milliseconds since the epoch. */
  readonly consumedAt?: number | undefined
}

/**
 * Records that have expired are never returned. Every call may reject with a ProxyError BROKER_STORE_FAILED, and has then
 * changed nothing. Implementations bound what they keep (`limit` records) and drop what has ended.
 */
export interface Store extends AsyncDisposable {
  /**
   * Writes the record whole. `ifVersion`: only where the stored one has this version (0: where there is none);
   * undefined is returned, and nothing written, where it has not. Returns the new version. `consumedAt` is kept.
   */
  put(record: NewRecord, options?: { readonly ifVersion?: number }): Promise<number | undefined>
  get(kind: string, id: string): Promise<StoredRecord | undefined>
  /** One that has this index value (uid and user code are unique), the one written last, or undefined. */
  findBy(kind: string, index: keyof RecordIndexes, value: string): Promise<StoredRecord | undefined>
  /**
   * In the order they were first written; at most `limit` (10,000 where it is absent or more) after the id `after`.
   * Rejects where `after` is not there any more: a page without its beginning would leave records out without a word.
   */
  list(
    kind: string,
    options?: {
      readonly where?: RecordIndexes
      readonly limit?: number
      readonly after?: string
    },
  ): Promise<readonly StoredRecord[]>
  /** Marks it used; false where it was used before or is gone. Of two at the same time one gets true. */
  consume(kind: string, id: string, now: number): Promise<boolean>
  /** False where there was none. */
  delete(kind: string, id: string): Promise<boolean>
  /** Deletes all of these kinds with this index value; how many. */
  deleteBy(kinds: readonly string[], index: keyof RecordIndexes, value: string): Promise<number>
  /** Records of a kind. */
  count(kind: string): Promise<number>
}
