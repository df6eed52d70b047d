/** The provider's keys, kept and fetched again within bounds; the last good set serves while a new one is unusable. */
import type { Fetch } from './provider-fetch.ts'
import { fetchWhole } from './provider-fetch.ts'

interface KeptKeys {
  readonly text: string
  readonly ids: ReadonlySet<string>
  readonly fetchedAt: number
}

/** Milliseconds. */
const freshFor = 10 * 60_000
const usableFor = 24 * 60 * 60_000
/** Downloads that unknown key ids (or failures) may cause in a minute. */
const downloadsPerMinute = 6

export class KeySet {
  #kept: KeptKeys | undefined
  #download: Promise<void> | undefined
  #downloads: number[] = []

  /**
   * The key set as the provider's answer would be. A kept one serves while it is fresh and knows `keyId`; a key that
   * nobody knows is looked for at once, because providers change keys without notice, but only so often.
   */
  async respond({
    url,
    keyId,
    fetch,
    options,
    now,
  }: {
    url: string
    keyId: string | undefined
    fetch: Fetch
    options?: RequestInit | undefined
    now: number
  }): Promise<Response> {
    const kept = this.#kept
    const isFresh = kept && now - kept.fetchedAt < freshFor && (keyId === undefined || kept.ids.has(keyId))
    if (!isFresh && this.#mayDownload(now)) {
      this.#download ??= this.#fetch({ url, fetch, options, now }).finally(() => {
        this.#download = undefined
      })
      try {
        await this.#download
      } catch (error) {
        if (!kept || now - kept.fetchedAt > usableFor) throw error
      }
    }
    const text = this.#kept?.text ?? '{"keys":[]}'
    return new Response(text, { headers: { 'content-type': 'application/json' } })
  }

  #mayDownload(now: number): boolean {
    if (this.#download) return true
    this.#downloads = this.#downloads.filter((at) => now - at < 60_000)
    if (this.#downloads.length >= downloadsPerMinute) return false
    this.#downloads.push(now)
    return true
  }

  async #fetch({
    url,
    fetch,
    options,
    now,
  }: {
    url: string
    fetch: Fetch
    options?: RequestInit | undefined
    now: number
  }): Promise<void> {
    const response = await fetchWhole(fetch, { url, options })
    if (response.status !== 200) throw new TypeError(`cannot use key set: status ${response.status}`)
    const keys = usableKeys(await response.text())
    if (keys.length === 0) throw new TypeError('cannot use key set: it holds no usable key')
    const ids = new Set(keys.map(({ kid }) => kid).filter((kid) => typeof kid === 'string'))
    this.#kept = { text: JSON.stringify({ keys }), ids, fetchedAt: now }
  }
}

interface UsableKey {
  readonly kty: string
  readonly kid?: unknown
}

/** The public signature keys of a set. One odd member must not end every sign-in, so it is left out alone. */
export function usableKeys(text: string): UsableKey[] {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    throw new TypeError('cannot use key set: it is no JSON')
  }
  const keys: unknown = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys)) throw new TypeError('cannot use key set: it has no list of keys')
  return keys.filter(isUsable)
}

const publicTypes = new Set(['RSA', 'EC', 'OKP'])

function isUsable(key: unknown): key is UsableKey {
  if (typeof key !== 'object' || key === null || Array.isArray(key)) return false
  const { kty, kid, alg, use, key_ops: operations } = key as Record<string, unknown>
  const isTextOrAbsent = (value: unknown) => value === undefined || typeof value === 'string'
  return (
    typeof kty === 'string' &&
    publicTypes.has(kty) &&
    [kid, alg, use].every(isTextOrAbsent) &&
    (operations === undefined || Array.isArray(operations))
  )
}
