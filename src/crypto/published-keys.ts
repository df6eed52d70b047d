/** Public keys of an issuer, kept and fetched again within bounds; the last good set serves while a new one is unusable. */

interface KeptKeys {
  readonly url: string
  readonly text: string
  readonly ids: ReadonlySet<string>
  readonly fetchedAt: number
}

/** Milliseconds. */
const freshFor = 10 * 60_000
const usableFor = 24 * 60 * 60_000
/** Downloads that unknown key ids (or failures) may cause in a minute: anybody can make up a token. */
const downloadsPerMinute = 6
const mostKeys = 100

export interface KeyRequest {
  /** The issuer's `jwks_uri`. */
  readonly url: string
  /** The `kid` that is looked for: one that nobody knows is fetched at once, as issuers change keys without notice. */
  readonly keyId: string | undefined
  /** Fetches `url`, bounded in time and size; rejects where nobody answers. */
  readonly download: () => Promise<Response>
  /** Milliseconds since the epoch. */
  readonly now: number
}

export class PublishedKeys {
  #kept: KeptKeys | undefined
  #download: Promise<void> | undefined
  #downloads: number[] = []

  /**
   * The key set as the issuer's answer would be (RFC 7517 §5), with its usable keys only.
   *
   * @throws TypeError where there is no good set, and what was fetched is none; whatever `download` rejects with
   */
  async respond({ url, keyId, download, now }: KeyRequest): Promise<Response> {
    const kept = this.#kept?.url === url ? this.#kept : undefined
    const isFresh = kept && now - kept.fetchedAt < freshFor && (keyId === undefined || kept.ids.has(keyId))
    if (!isFresh && this.#mayDownload(now)) {
      this.#download ??= this.#take({ url, download, now }).finally(() => {
        this.#download = undefined
      })
      try {
        await this.#download
      } catch (error) {
        if (!kept || now - kept.fetchedAt > usableFor) throw error
      }
    }
    const text = this.#kept?.url === url ? this.#kept.text : '{"keys":[]}'
    return new Response(text, { headers: { 'content-type': 'application/json' } })
  }

  #mayDownload(now: number): boolean {
    if (this.#download) return true
    this.#downloads = this.#downloads.filter((at) => now - at < 60_000)
    if (this.#downloads.length >= downloadsPerMinute) return false
    this.#downloads.push(now)
    return true
  }

  async #take({ url, download, now }: Omit<KeyRequest, 'keyId'>): Promise<void> {
    const response = await download()
    if (response.status !== 200) throw new TypeError(`cannot use key set: status ${response.status}`)
    const keys = usableKeys(await response.text())
    const ids = new Set(keys.map(({ kid }) => kid).filter((kid) => typeof kid === 'string'))
    this.#kept = { url, text: JSON.stringify({ keys }), ids, fetchedAt: now }
  }
}

interface UsableKey {
  readonly kty: string
  readonly kid?: unknown
}

/** The public signature keys of a set. One odd member must not end every sign-in, so it is left out alone. */
function usableKeys(text: string): UsableKey[] {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    throw new TypeError('cannot use key set: it is no JSON')
  }
  const keys: unknown = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys)) throw new TypeError('cannot use key set: it has no list of keys')
  const usable = keys.slice(0, mostKeys).filter(isUsable)
  if (usable.length === 0) throw new TypeError('cannot use key set: it holds no usable key')
  return usable
}

/** Symmetric keys are none of these: a published one is known to everybody. */
const publicTypes = new Set(['RSA', 'EC', 'OKP'])

function isUsable(key: unknown): key is UsableKey {
  if (typeof key !== 'object' || key === null || Array.isArray(key)) return false
  const { kty, kid, alg, use, key_ops: operations } = key as Record<string, unknown>
  const isTextOrAbsent = (value: unknown) => value === undefined || typeof value === 'string'
  return (
    typeof kty === 'string' &&
    publicTypes.has(kty) &&
    [kid, alg].every(isTextOrAbsent) &&
    (use === undefined || use === 'sig') &&
    (operations === undefined || Array.isArray(operations))
  )
}
