/** A source's public keys, kept and fetched again within bounds; the last good set serves while a new one is unusable. */
import { ProxyError } from '../../../errors/proxy-error.ts'
import { UpstreamFailure, type UpstreamHttp } from '../upstream-http.ts'

/** Milliseconds. */
const freshFor = 10 * 60_000
const usableFor = 24 * 60 * 60_000
/** Downloads that unknown key ids (or failures) may cause in a minute: anybody can make up a token. */
const downloadsPerMinute = 6
const mostKeys = 100

interface KeptKeys {
  readonly url: string
  readonly text: string
  readonly ids: ReadonlySet<string>
  readonly fetchedAt: number
}

export interface KeyRequest {
  readonly url: string
  /** The `kid` that is looked for: one that nobody knows is fetched at once, as sources rotate without notice. */
  readonly keyId: string | undefined
  readonly http: UpstreamHttp
  readonly now: number
}

export class UpstreamKeys {
  #kept: KeptKeys | undefined
  #download: Promise<void> | undefined
  #downloads: number[] = []

  /** The key set as the source's answer would be. */
  async respond({ url, keyId, http, now }: KeyRequest): Promise<Response> {
    const kept = this.#kept?.url === url ? this.#kept : undefined
    const isFresh = kept && now - kept.fetchedAt < freshFor && (keyId === undefined || kept.ids.has(keyId))
    if (!isFresh && this.#mayDownload(now)) {
      this.#download ??= this.#fetch({ url, http, now }).finally(() => {
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

  async #fetch({ url, http, now }: Omit<KeyRequest, 'keyId'>): Promise<void> {
    const response = await http.fetch(url)
    const { status } = response
    if (status >= 500) throw new UpstreamFailure(new ProxyError('CONNECTOR_UNREACHABLE', `key set: status ${status}`))
    if (status !== 200) throw new TypeError(`cannot use key set: status ${status}`)
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
export function usableKeys(text: string): UsableKey[] {
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

const publicTypes = new Set(['RSA', 'EC', 'OKP'])

/** Symmetric keys are none of these: a published one is known to everybody. */
function isUsable(key: unknown): key is UsableKey {
  if (typeof key !== 'object' || key === null || Array.isArray(key)) return false
  const { kty, kid, alg, use, key_ops: operations } = key as Record<string, unknown>
  const isTextOrAbsent = (value: unknown) => value === undefined || typeof value === 'string'
  return (
    typeof kty === 'string' &&
    publicTypes.has(kty) &&
    [kid, alg, use].every(isTextOrAbsent) &&
    (use === undefined || use === 'sig') &&
    (operations === undefined || Array.isArray(operations))
  )
}
