/**
 * The keys that sign tokens: made here, kept in the store, changed every `rotationPeriod`. All instances on one store
 * have the same. The next key is published before it signs, so that nobody meets a signature whose key they cannot
 * find; the last ones stay published for as long as a token of theirs may live.
 */
import { createHash, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import type { JWK } from 'oidc-provider'
import type { JsonObject, JsonValue, Store } from '../store/store.ts'

export type SigningAlgorithm = 'RS256' | 'ES256'

export interface SigningKeysOptions {
  readonly store: Store
  readonly algorithm: SigningAlgorithm
  /** How long a key signs, milliseconds. */
  readonly rotationPeriod: number
  /** How long it is published after that: the life of what it has signed. */
  readonly keepFor: number
  readonly now: () => number
  /** Told when the store fails in the background; the keys stay as they are until it answers. */
  readonly onError?: (error: unknown) => void
}

export interface CurrentKeys {
  /** Private parts included: the one that signs first, then the next one, then the old ones, newest first. */
  readonly keys: readonly JWK[]
  /** Id of the key that signs. */
  readonly signingKid: string
}

export interface SigningKeys extends Disposable {
  current(): CurrentKeys
  /** Called whenever `current()` has changed; gives back how to end that. */
  onChange(listener: (keys: CurrentKeys) => void): () => void
}

/** A key from the moment it was made. */
type Entry = {
  readonly kid: string
  readonly alg: string
  /** Private. oidc-provider takes no other, not even of keys that only verify any more. */
  readonly jwk: JsonObject
  /** From then on it signs; of its algorithm the one with the latest such moment is the one that does. */
  readonly signsFrom: number
}

const KIND = 'SigningKeys'
const ID = 'keys'
/** How often others are looked after. */
const POLL_MS = 60_000
/** How long before it signs a key is published: five looks of the others, and what clients may cache (10 min). */
const AHEAD_MS = 15 * 60_000
/** Each failure to write means that somebody else has written. */
const TRIES = 10
const SHORTEST_WAIT_MS = 10
/** Old keys that are published at most: where keys would change more often than that allows, they change less often. */
const MOST_KEPT = 100

/** Reads the keys, or makes the first one. */
export async function openSigningKeys(options: SigningKeysOptions): Promise<SigningKeys> {
  const keys = new StoredSigningKeys(options)
  await keys.refresh()
  keys.watch()
  return keys
}

class StoredSigningKeys implements SigningKeys {
  readonly #options: SigningKeysOptions
  readonly #period: number
  readonly #ahead: number
  readonly #listeners = new Set<(keys: CurrentKeys) => void>()
  #entries: readonly Entry[] = []
  /** The ids that the listeners know, in order. */
  #told = ''
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: SigningKeysOptions) {
    this.#options = options
    this.#period = Math.max(options.rotationPeriod, options.keepFor / MOST_KEPT)
    this.#ahead = Math.min(AHEAD_MS, this.#period / 4)
  }

  current(): CurrentKeys {
    const entries = this.#published(this.#entries, this.#options.now())
    const [first] = entries
    if (!first) throw new Error('cannot sign: there must be a key, got none')
    return { keys: entries.map(({ jwk }) => jwk as JWK), signingKid: first.kid }
  }

  onChange(listener: (keys: CurrentKeys) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Brings the keys up to date: those of the store, and what is due there. */
  async refresh(): Promise<void> {
    const { store, now } = this.#options
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const record = await store.get(KIND, ID)
      const entries = entriesOf(record?.value['keys'])
      const due = await this.#advance(entries, now())
      if (due !== entries) {
        const changed = { kind: KIND, id: ID, value: { keys: due } }
        if ((await store.put(changed, { ifVersion: record?.version ?? 0 })) === undefined) continue
      }
      this.#entries = due
      this.#tell()
      return
    }
    throw new Error(`cannot change signing keys: others did so ${TRIES} times meanwhile`)
  }

  watch(): void {
    if (this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#look()
        .catch((error) => this.#options.onError?.(error))
        .finally(() => this.watch())
    }, this.#wait()).unref()
  }

  [Symbol.dispose](): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#listeners.clear()
  }

  /** A key begins or ends even where the store does not answer. */
  async #look(): Promise<void> {
    this.#tell()
    await this.refresh()
  }

  /** What has to stand in the store at this moment; the same list where that is what stands there. */
  async #advance(entries: readonly Entry[], moment: number): Promise<readonly Entry[]> {
    const { algorithm } = this.#options
    const kept = this.#published(entries, moment)
    const newest = entries.filter(({ alg }) => alg === algorithm).toSorted(latestFirst)[0]
    if (!newest) return [await makeEntry(algorithm, moment), ...kept]
    const nextFrom = newest.signsFrom + this.#period
    // One that is overdue (nobody ran) signs on until the next has been published long enough.
    if (moment >= nextFrom - this.#ahead) {
      return [await makeEntry(algorithm, Math.max(nextFrom, moment + this.#ahead)), ...kept]
    }
    return kept.length === entries.length ? entries : kept
  }

  /** The one that signs at this moment, those to come, and those that have ended less than `keepFor` ago. */
  #published(entries: readonly Entry[], moment: number): readonly Entry[] {
    const { algorithm, keepFor } = this.#options
    const sorted = entries.toSorted(latestFirst)
    const own = sorted.filter(({ alg }) => alg === algorithm)
    // Where all begin later, our clock is behind that of whoever made them.
    const signing = own.find(({ signsFrom }) => signsFrom <= moment) ?? own.at(-1)
    const others = sorted.filter((entry) => entry !== signing && this.#endOf(entries, entry) + keepFor > moment)
    return signing ? [signing, ...others] : others
  }

  /**
   * When a key stops to sign: when the next of its algorithm begins. One of an algorithm that we do not use (any more)
   * may sign elsewhere, for a period at most.
   */
  #endOf(entries: readonly Entry[], { alg, signsFrom }: Entry): number {
    const later = entries.filter((other) => other.alg === alg && other.signsFrom > signsFrom)
    const last = alg === this.#options.algorithm ? Number.POSITIVE_INFINITY : signsFrom + this.#period
    return Math.min(last, ...later.map((other) => other.signsFrom))
  }

  /** Until the next key begins, has to be made, or an old one ends; never longer than until the next look. */
  #wait(): number {
    const { now, keepFor } = this.#options
    const moment = now()
    const waits = this.#entries
      .flatMap((entry) => [
        entry.signsFrom,
        entry.signsFrom + this.#period - this.#ahead,
        this.#endOf(this.#entries, entry) + keepFor,
      ])
      .filter((one) => one > moment)
      .map((one) => one - moment)
    return Math.max(SHORTEST_WAIT_MS, Math.min(POLL_MS, ...waits))
  }

  #tell(): void {
    const current = this.current()
    const told = current.keys.map(({ kid }) => kid).join(' ')
    if (told === this.#told) return
    const isFirst = this.#told === ''
    this.#told = told
    if (!isFirst) for (const listener of this.#listeners) listener(current)
  }
}

function entriesOf(value: JsonValue | undefined): readonly Entry[] {
  return Array.isArray(value) ? (value as readonly Entry[]) : []
}

const latestFirst = (one: Entry, other: Entry) => other.signsFrom - one.signsFrom

async function makeEntry(algorithm: SigningAlgorithm, signsFrom: number): Promise<Entry> {
  const { privateKey } =
    algorithm === 'RS256'
      ? await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
      : await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  const parts = privateKey.export({ format: 'jwk' }) as Readonly<Record<string, string>>
  const kid = thumbprint(parts)
  return { kid, alg: algorithm, signsFrom, jwk: { ...parts, use: 'sig', alg: algorithm, kid } }
}

/** RFC 7638 §3: the required members, in the order of their names. */
function thumbprint({ kty = '', crv = '', x = '', y = '', e = '', n = '' }: Readonly<Record<string, string>>): string {
  const required = kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y }
  return createHash('sha256').update(JSON.stringify(required)).digest('base64url')
}
