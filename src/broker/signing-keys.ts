/**
 * The keys that sign tokens: made here, kept in the store, changed every `rotationPeriod`. All instances on one store
 * have the same. The next key is published before it signs, so that nobody meets a signature whose key they cannot
 * find; the last ones stay published for as long as a token of theirs may live.
 */
import { createHash, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import type { JWK } from 'oidc-provider'
import type { JsonObject, Store } from './store/store.ts'

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
interface Entry {
  readonly jwk: JWK & JsonObject & { readonly kid: string; readonly alg: string }
  /** From then on it signs; the one with the latest such moment is the one that does. */
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

/** Reads the keys, or makes the first one. */
export async function openSigningKeys(options: SigningKeysOptions): Promise<SigningKeys> {
  const keys = new StoredSigningKeys(options)
  await keys.refresh()
  keys.watch()
  return keys
}

class StoredSigningKeys implements SigningKeys {
  readonly #options: SigningKeysOptions
  readonly #ahead: number
  readonly #listeners = new Set<(keys: CurrentKeys) => void>()
  #entries: readonly Entry[] = []
  /** The ids that the listeners know, in order. */
  #told = ''
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: SigningKeysOptions) {
    this.#options = options
    this.#ahead = Math.min(AHEAD_MS, options.rotationPeriod / 4)
  }

  current(): CurrentKeys {
    const { now, keepFor } = this.#options
    const moment = now()
    const entries = inOrder(this.#entries, moment, keepFor)
    const [first] = entries
    if (!first) throw new Error('cannot sign: there must be a key, got none')
    return { keys: entries.map(({ jwk }) => jwk), signingKid: first.jwk.kid }
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
      const entries = record ? entriesOf(record.value) : []
      const due = await this.#advance(entries, now())
      const isWritten =
        due === entries ||
        (await store.put(
          { kind: KIND, id: ID, value: { keys: due } as unknown as JsonObject },
          { ifVersion: record?.version ?? 0 },
        )) !== undefined
      if (!isWritten) continue
      this.#entries = due
      this.#tell()
      return
    }
    throw new Error(`cannot change signing keys: somebody else did so ${TRIES} times meanwhile`)
  }

  watch(): void {
    if (this.#isClosed) return
    this.#timer = setTimeout(() => {
      // A key may begin or end without anything to write.
      this.#tell()
      this.refresh()
        .catch((error) => this.#options.onError?.(error))
        .finally(() => this.watch())
    }, this.#wait()).unref()
  }

  [Symbol.dispose](): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#listeners.clear()
  }

  /** What has to stand in the store at this moment; the same list where that is what stands there. */
  async #advance(entries: readonly Entry[], moment: number): Promise<readonly Entry[]> {
    const { algorithm, keepFor, rotationPeriod } = this.#options
    const kept = inOrder(entries, moment, keepFor)
    const newest = entries.toSorted(latestFirst)[0]
    // None yet, or the setting has changed: it signs at once.
    if (newest?.jwk.alg !== algorithm) return [{ jwk: await makeKey(algorithm), signsFrom: moment }, ...kept]
    const nextFrom = newest.signsFrom + rotationPeriod
    if (moment >= nextFrom - this.#ahead) {
      return [{ jwk: await makeKey(algorithm), signsFrom: Math.max(nextFrom, moment) }, ...kept]
    }
    return kept.length === entries.length ? entries : kept
  }

  /** Until the next key begins, has to be made, or an old one ends; never longer than until the next look. */
  #wait(): number {
    const { now, keepFor, rotationPeriod } = this.#options
    const moment = now()
    const moments = this.#entries.flatMap((entry) => {
      const end = endOf(this.#entries, entry)
      const next = [entry.signsFrom, entry.signsFrom + rotationPeriod - this.#ahead]
      return end === undefined ? next : [...next, end + keepFor]
    })
    const waits = moments.filter((one) => one > moment).map((one) => one - moment)
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

function entriesOf(value: JsonObject): readonly Entry[] {
  return Array.isArray(value['keys']) ? (value['keys'] as unknown as readonly Entry[]) : []
}

const latestFirst = (one: Entry, other: Entry) => other.signsFrom - one.signsFrom

/** When a key stops to sign: when the one after it begins. */
function endOf(entries: readonly Entry[], entry: Entry): number | undefined {
  const later = entries.map(({ signsFrom }) => signsFrom).filter((from) => from > entry.signsFrom)
  return later.length > 0 ? Math.min(...later) : undefined
}

/** The one that signs at this moment, those to come, and those that have ended less than `keepFor` ago. */
function inOrder(entries: readonly Entry[], moment: number, keepFor: number): readonly Entry[] {
  const sorted = entries.toSorted(latestFirst)
  const signing = sorted.find(({ signsFrom }) => signsFrom <= moment) ?? sorted.at(-1)
  if (!signing) return []
  const others = sorted.filter((entry) => {
    if (entry === signing) return false
    const end = endOf(entries, entry)
    return end === undefined || end + keepFor > moment
  })
  return [signing, ...others]
}

async function makeKey(algorithm: SigningAlgorithm): Promise<Entry['jwk']> {
  const { privateKey } =
    algorithm === 'RS256'
      ? await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
      : await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  const jwk = privateKey.export({ format: 'jwk' }) as Record<string, string>
  return { ...jwk, use: 'sig', alg: algorithm, kid: thumbprint(jwk) }
}

/** RFC 7638 §3: the required members, in the order of their names. */
function thumbprint({ kty = '', crv = '', x = '', y = '', e = '', n = '' }: Readonly<Record<string, string>>): string {
  const required = kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y }
  return createHash('sha256').update(JSON.stringify(required)).digest('base64url')
}
