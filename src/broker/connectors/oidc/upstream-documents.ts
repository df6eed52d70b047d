/** What a source says about itself: found when first needed, kept, refreshed in the background, tried again after a pause. */
import type { ServerMetadata } from 'openid-client'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { UpstreamHttp } from '../upstream-http.ts'
import { readMetadata } from './read-metadata.ts'

export interface UpstreamDocumentOptions {
  /** Id of the connector, for messages. */
  readonly id: string
  readonly issuer: string
  /** What tokens name as their issuer, where it is not `issuer`. */
  readonly issuerAlias: string
  /** Endpoints to use instead of those found, by their metadata names. */
  readonly overrides: Readonly<Record<string, string>>
  readonly http: () => Promise<UpstreamHttp>
  readonly now: () => number
}

/** Milliseconds. */
const freshFor = 60 * 60_000
const firstPause = 500
/** Short, because a source that is back should be found within seconds. */
const longestPause = 5_000

export class UpstreamDocuments {
  readonly #options: UpstreamDocumentOptions
  #kept: { readonly metadata: ServerMetadata; readonly fetchedAt: number } | undefined
  #finding: Promise<ServerMetadata> | undefined
  #failed: { readonly error: unknown; readonly until: number; readonly pause: number } | undefined

  constructor(options: UpstreamDocumentOptions) {
    this.#options = options
  }

  /**
   * The metadata. A kept one serves for an hour, and longer while no better one is to be had; `fresh` asks again now.
   * @throws ProxyError CONNECTOR_UNREACHABLE, CONNECTOR_MISCONFIGURED
   */
  async metadata({ fresh = false }: { readonly fresh?: boolean } = {}): Promise<ServerMetadata> {
    if (fresh) return this.#find()
    const now = this.#options.now()
    const isPausing = this.#failed !== undefined && now < this.#failed.until
    if (this.#kept) {
      if (now - this.#kept.fetchedAt > freshFor && !isPausing) this.#find().catch(() => {})
      return this.#kept.metadata
    }
    if (isPausing) throw this.#failed?.error
    return this.#find()
  }

  #find(): Promise<ServerMetadata> {
    this.#finding ??= this.#discover().finally(() => {
      this.#finding = undefined
    })
    return this.#finding
  }

  async #discover(): Promise<ServerMetadata> {
    const { now } = this.#options
    try {
      const metadata = await this.#fetch()
      this.#kept = { metadata, fetchedAt: now() }
      this.#failed = undefined
      return metadata
    } catch (error) {
      const pause = Math.min((this.#failed?.pause ?? firstPause / 2) * 2, longestPause)
      this.#failed = { error, until: now() + pause, pause }
      throw error
    }
  }

  async #fetch(): Promise<ServerMetadata> {
    const { id, issuer, issuerAlias, overrides } = this.#options
    const misconfigured = (found: string) =>
      new ProxyError('CONNECTOR_MISCONFIGURED', `cannot use issuer of connector ${id}: ${found}`)
    if (!isIssuer(issuer)) throw misconfigured(`it is no http(s) address without query, got "${issuer}"`)
    if (issuer.endsWith(WELL_KNOWN)) throw misconfigured(`it is written without ${WELL_KNOWN}, got "${issuer}"`)
    const http = await this.#options.http()
    const url = discoveryAddress(issuer)
    const { status, text } = await http.request(url, { headers: { accept: 'application/json' } })
    if (status >= 500 || status === 429)
      throw new ProxyError('CONNECTOR_UNREACHABLE', `cannot read ${url} of connector ${id}: status ${status}`, {
        headers: ['retry-after', '5'],
      })
    if (status !== 200) throw misconfigured(`${url} answered ${status}`)
    return readMetadata(text, { url, issuer, issuerAlias, overrides, misconfigured })
  }
}

/** OpenID Connect Discovery §4: below the issuer, whose trailing slash does not count here. */
export function discoveryAddress(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}${WELL_KNOWN}`
}

const WELL_KNOWN = '/.well-known/openid-configuration'

function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, search, hash, username } = new URL(text)
  return ['http:', 'https:'].includes(protocol) && search === '' && hash === '' && username === ''
}
