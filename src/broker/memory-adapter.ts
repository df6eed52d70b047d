/**
 * Where the broker keeps sessions, codes and tokens: in this process, each with its end, at most `limit` of them.
 * One store per broker, so that two in one process know nothing of each other.
 */
import type { Adapter, AdapterConstructor, AdapterPayload } from 'oidc-provider'

interface Entry {
  readonly payload: AdapterPayload
  readonly endsAt: number
}

const DEFAULT_LIMIT = 10_000
/** Kinds that end with the grant they came from. An interaction names one too, and goes on without it. */
const GRANTED = /^(?:AccessToken|AuthorizationCode|RefreshToken):/

/** An adapter class for one provider. When the store is full, what was written longest ago goes first. */
export function memoryAdapter(options: { readonly now: () => number; readonly limit?: number }): AdapterConstructor {
  const { now, limit = DEFAULT_LIMIT } = options
  const entries = new Map<string, Entry>()

  const read = (key: string): AdapterPayload | undefined => {
    const entry = entries.get(key)
    if (entry && entry.endsAt > now()) return entry.payload
    entries.delete(key)
    return undefined
  }

  return class MemoryAdapter implements Adapter {
    readonly #prefix: string

    constructor(model: string) {
      this.#prefix = `${model}:`
    }

    async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
      const key = this.#prefix + id
      entries.delete(key)
      if (entries.size >= limit) makeRoom(entries, now())
      entries.set(key, { payload, endsAt: expiresIn ? now() + expiresIn * 1000 : Number.POSITIVE_INFINITY })
    }

    async find(id: string): Promise<AdapterPayload | undefined> {
      return read(this.#prefix + id)
    }

    async findByUid(uid: string): Promise<AdapterPayload | undefined> {
      return this.#findBy((payload) => payload.uid === uid)
    }

    async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
      return this.#findBy((payload) => payload.userCode === userCode)
    }

    async consume(id: string): Promise<void> {
      const payload = read(this.#prefix + id)
      if (payload) payload['consumed'] = Math.floor(now() / 1000)
    }

    async destroy(id: string): Promise<void> {
      entries.delete(this.#prefix + id)
    }

    /** Ends every code and token that came from one sign-in: a replayed code takes its tokens along. */
    async revokeByGrantId(grantId: string): Promise<void> {
      for (const [key, { payload }] of entries) {
        if (payload.grantId === grantId && GRANTED.test(key)) entries.delete(key)
      }
    }

    #findBy(matches: (payload: AdapterPayload) => boolean): AdapterPayload | undefined {
      for (const [key, { payload }] of entries) {
        if (key.startsWith(this.#prefix) && matches(payload)) return read(key)
      }
      return undefined
    }
  }
}

/** Drops what has ended; when that is nothing, the oldest tenth. */
function makeRoom(entries: Map<string, Entry>, now: number): void {
  const before = entries.size
  for (const [key, { endsAt }] of entries) if (endsAt <= now) entries.delete(key)
  if (entries.size < before) return
  let count = Math.ceil(before / 10)
  for (const key of entries.keys()) {
    if (count-- <= 0) return
    entries.delete(key)
  }
}
