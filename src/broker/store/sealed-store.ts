/** A store whose database learns nothing but kinds, counts, ends and which records belong together. */
import { keyRing, type Revealable } from '../../crypto/key-ring.ts'
import { makeDataKey, openDataKey, type RecordSeal } from '../../crypto/record-seal.ts'
import { definedIndexes, wholeMoment } from './rows.ts'
import {
  indexNames,
  type JsonObject,
  type NewRecord,
  type RecordIndexes,
  type Store,
  type StoredRecord,
} from './store.ts'
import { storeFailure } from './store-failure.ts'

/** Where the wrapped data key lies, in the store that it seals. */
const KEY_KIND = 'StoreKey'
const KEY_ID = 'data-key'
/** Somebody else may write it first; twice is enough, since it is never deleted. */
const KEY_TRIES = 3

export async function isSealed(inner: Store): Promise<boolean> {
  return (await inner.get(KEY_KIND, KEY_ID)) !== undefined
}

/**
 * Seals `inner` with its data key, which is made when there is none yet. Where an older secret of the ring opens it, it
 * is wrapped again with the newest, so that the older one can be taken away.
 *
 * @param secrets base64 of 32 octets each, the newest first
 */
export async function openSealedStore(inner: Store, secrets: readonly Revealable[]): Promise<Store> {
  const ring = keyRing(secrets, 'broker store')
  for (let attempt = 0; attempt < KEY_TRIES; attempt++) {
    const stored = await inner.get(KEY_KIND, KEY_ID)
    if (!stored) {
      const { seal, wrapped } = makeDataKey(ring)
      const written = await inner.put({ kind: KEY_KIND, id: KEY_ID, value: { wrapped } }, { ifVersion: 0 })
      if (written) return sealedStore(inner, seal)
      continue
    }
    const opened = openDataKey(String(stored.value['wrapped']), ring)
    if (!opened) throw storeFailure('open the store', 'the key must be the one that it was sealed with, got another')
    if (opened.rewrapped) {
      const record = { kind: KEY_KIND, id: KEY_ID, value: { wrapped: opened.rewrapped } }
      // Whoever else does so at the same time does the same.
      await inner.put(record, { ifVersion: stored.version })
    }
    return sealedStore(inner, opened.seal)
  }
  throw storeFailure('open the store', 'its data key comes and goes')
}

/** What lies under the seal: all that the outside must not tell, and all that it must not be able to change. */
interface Content {
  readonly id: string
  readonly value: JsonObject
  readonly indexes?: RecordIndexes
  readonly expiresAt?: number
}

export function sealedStore(inner: Store, seal: RecordSeal): Store {
  const hideIndexes = (indexes: RecordIndexes | undefined): RecordIndexes =>
    Object.fromEntries(
      indexNames.flatMap((name) => {
        const value = indexes?.[name]
        return value === undefined ? [] : [[name, seal.hideIndex(name, value)]]
      }),
    )

  const open = (record: StoredRecord): StoredRecord => {
    const { kind, version, consumedAt, expiresAt } = record
    const text = seal.open(String(record.value['sealed']), { kind, hiddenId: record.id })
    if (text === undefined) throw tampered(kind)
    const content = JSON.parse(text) as Content
    // A later end, written by somebody who cannot seal.
    if (content.expiresAt !== expiresAt) throw tampered(kind)
    return { kind, version, ...content, ...(consumedAt !== undefined && { consumedAt }) }
  }

  /** As `open`, and it is what was asked for: an index column can be changed without the seal. */
  const openWhere = (record: StoredRecord, where: RecordIndexes | undefined): StoredRecord => {
    const opened = open(record)
    const isAsked = indexNames.every((name) => where?.[name] === undefined || where[name] === opened.indexes?.[name])
    if (!isAsked) throw tampered(record.kind)
    return opened
  }

  return {
    async put(record: NewRecord, options) {
      const { kind, id, value } = record
      const [expiresAt, indexes] = [wholeMoment(record.expiresAt), definedIndexes(record.indexes)]
      const content: Content = { id, value, ...(indexes && { indexes }), ...(expiresAt !== undefined && { expiresAt }) }
      const hiddenId = seal.hideId(kind, id)
      const sealed = seal.seal(JSON.stringify(content), { kind, hiddenId })
      return inner.put({ kind, id: hiddenId, value: { sealed }, expiresAt, indexes: hideIndexes(indexes) }, options)
    },
    async get(kind, id) {
      const record = await inner.get(kind, seal.hideId(kind, id))
      return record && open(record)
    },
    async findBy(kind, index, value) {
      const record = await inner.findBy(kind, index, seal.hideIndex(index, value))
      return record && openWhere(record, { [index]: value })
    },
    async list(kind, { where, after, limit } = {}) {
      const records = await inner.list(kind, {
        where: hideIndexes(where),
        ...(limit !== undefined && { limit }),
        ...(after !== undefined && { after: seal.hideId(kind, after) }),
      })
      return records.map((record) => openWhere(record, where))
    },
    consume: (kind, id, now) => inner.consume(kind, seal.hideId(kind, id), now),
    delete: (kind, id) => inner.delete(kind, seal.hideId(kind, id)),
    deleteBy: (kinds, index, value) => inner.deleteBy(kinds, index, seal.hideIndex(index, value)),
    count: (kind) => inner.count(kind),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }
}

function tampered(kind: string) {
  return storeFailure(`open a ${kind}`, 'it must be as it was sealed, got something else')
}
