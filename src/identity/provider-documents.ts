/** The provider's metadata and keys: found when first needed, kept, refreshed in the background, tried again after a pause. */
import {
  allowInsecureRequests,
  type ClientAuth,
  type Configuration,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  type ServerMetadata,
} from 'openid-client'
import { PublishedKeys } from '../crypto/published-keys.ts'
import { ProxyError } from '../errors/proxy-error.ts'
import { providerFailure } from './failures.ts'
import { type Fetch, fetchWhole } from './provider-fetch.ts'

export interface ProviderDocumentOptions {
  readonly issuer: string
  readonly clientId: string
  readonly authentication: (supported: readonly string[] | undefined) => ClientAuth
  readonly fetch: Fetch
  readonly clock: () => number
}

/** Milliseconds. */
const freshFor = 60 * 60_000
const firstPause = 500
/** Short, because a provider that is back should be found within seconds. */
const longestPause = 5_000
/** Of every call to the provider, in seconds as openid-client takes it. */
const timeLimit = 10

export class ProviderDocuments {
  readonly #options: ProviderDocumentOptions
  readonly #keys = new PublishedKeys()
  #kept: { readonly text: string; readonly metadata: ServerMetadata; readonly fetchedAt: number } | undefined
  #finding: Promise<void> | undefined
  #failed: { readonly error: ProxyError; readonly until: number; readonly pause: number } | undefined

  constructor(options: ProviderDocumentOptions) {
    this.#options = options
  }

  /** What the provider says about itself, if it was ever reached; asks nobody. */
  get known(): ServerMetadata | undefined {
    return this.#kept?.metadata
  }

  /**
   * A fresh configuration of openid-client for one conversation, with all checks on. It reads metadata and keys through
   * this object, which keeps them for all conversations. `onRefreshToken` hears of a refresh token as soon as it comes,
   * whatever is wrong with the rest of that answer: the one that was sent for it may be used up.
   *
   * @throws PROVIDER_UNREACHABLE, PROVIDER_INVALID
   */
  async openConversation(onRefreshToken: (token: string) => void = () => {}): Promise<Configuration> {
    await this.#ensureKnown()
    const kept = this.#kept
    if (!kept) throw new ProxyError('PROVIDER_UNREACHABLE', `cannot use provider ${this.#options.issuer}: no metadata`)
    let keyId: string | undefined
    return this.#configure(kept.metadata, async (url, options) => {
      if (url.endsWith(wellKnown)) return new Response(kept.text, { headers: json })
      if (url === kept.metadata.jwks_uri) {
        const download = () => fetchWhole(this.#options.fetch, { url, options })
        return this.#keys.respond({ url, keyId, download, now: this.#options.clock() })
      }
      const response = await fetchWhole(this.#options.fetch, { url, options })
      if (url === kept.metadata.token_endpoint) {
        const { id_token: idToken, refresh_token: refreshToken } = await readTokens(response.clone())
        keyId = keyIdOf(idToken)
        if (typeof refreshToken === 'string' && refreshToken !== '') onRefreshToken(refreshToken)
      }
      return response
    })
  }

  async #ensureKnown(): Promise<void> {
    const now = this.#options.clock()
    if (this.#kept) {
      if (now - this.#kept.fetchedAt > freshFor && !this.#isPausing(now)) this.#find().catch(() => {})
      return
    }
    if (this.#failed && this.#isPausing(now)) throw this.#failed.error
    await this.#find()
  }

  #isPausing(now: number): boolean {
    return this.#failed !== undefined && now < this.#failed.until
  }

  #find(): Promise<void> {
    this.#finding ??= this.#discover().finally(() => {
      this.#finding = undefined
    })
    return this.#finding
  }

  async #discover(): Promise<void> {
    let text = ''
    try {
      const configuration = await this.#configure(undefined, async (url, options) => {
        const response = await fetchWhole(this.#options.fetch, { url, options })
        text = await response.clone().text()
        return response
      })
      const metadata = configuration.serverMetadata()
      for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) {
        if (!metadata[name])
          throw new ProxyError('PROVIDER_INVALID', `cannot use provider: its metadata has no ${name}`)
      }
      this.#kept = { text, metadata, fetchedAt: this.#options.clock() }
      this.#failed = undefined
    } catch (cause) {
      const pause = Math.min((this.#failed?.pause ?? firstPause / 2) * 2, longestPause)
      const failure = providerFailure(cause, `read the metadata of ${this.#options.issuer}`)
      // Nothing was said by a token yet: what cannot be trusted here is how the provider, or its address, is set up.
      const error = failure.code === 'TOKEN_INVALID' ? new ProxyError('PROVIDER_INVALID', failure.message) : failure
      this.#failed = { error, until: this.#options.clock() + pause, pause }
      throw error
    }
  }

  #configure(metadata: ServerMetadata | undefined, fetch: Fetch): Promise<Configuration> {
    const { issuer, clientId, authentication } = this.#options
    const server = new URL(issuer)
    const execute = [enableNonRepudiationChecks]
    // Plain http for an issuer that is configured so, and for nothing else.
    if (server.protocol === 'http:') execute.push(allowInsecureRequests)
    const auth = authentication(metadata?.token_endpoint_auth_methods_supported)
    return discovery(server, clientId, undefined, auth, {
      execute,
      timeout: timeLimit,
      [customFetch]: (url, init) => fetch(url, init as RequestInit),
    })
  }
}

const wellKnown = '/.well-known/openid-configuration'
const json = { 'content-type': 'application/json' }

/** The token endpoint's answer, unchecked; what is wrong with it is found by others. */
async function readTokens(response: Response): Promise<{ id_token?: unknown; refresh_token?: unknown }> {
  try {
    return response.status === 200 ? ((await response.json()) ?? {}) : {}
  } catch {
    return {}
  }
}

/** Key id in the head of an ID token. */
function keyIdOf(idToken: unknown): string | undefined {
  try {
    const { kid } = JSON.parse(Buffer.from(String(idToken).split('.', 1)[0] ?? '', 'base64url').toString()) as {
      kid?: unknown
    }
    return typeof kid === 'string' ? kid : undefined
  } catch {
    return undefined
  }
}
