/** The way to a source over HTTP, opened when first used: the authorities that it trusts stand in files. */
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { ConnectorTools } from '../connector.ts'
import { openUpstreamHttp, type UpstreamHttp } from '../upstream-http.ts'
import { readRoots } from '../upstream-roots.ts'

export interface UpstreamConnectionSettings {
  readonly rootCAs: readonly string[]
  readonly insecureSkipVerify: boolean
}

export class UpstreamConnection {
  readonly #settings: UpstreamConnectionSettings
  readonly #tools: ConnectorTools
  #opening: Promise<UpstreamHttp> | undefined
  #isClosed = false

  constructor(settings: UpstreamConnectionSettings, tools: ConnectorTools) {
    this.#settings = settings
    this.#tools = tools
  }

  /** @throws ProxyError CONNECTOR_MISCONFIGURED; tried again at the next call */
  readonly http = (): Promise<UpstreamHttp> => {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  /** PEM texts. @throws ProxyError CONNECTOR_MISCONFIGURED */
  roots(): Promise<readonly string[]> {
    return readRoots(this.#settings.rootCAs, this.#tools)
  }

  /** The proxy that leads to an address. @throws TypeError where it cannot be used */
  readonly proxyOf = (url: string): string | undefined => this.#tools.proxyFor?.(new URL(url))?.origin

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#opening?.then(
      (http) => http.close(),
      () => undefined,
    )
  }

  async #open(): Promise<UpstreamHttp> {
    const { insecureSkipVerify } = this.#settings
    const roots = await this.roots()
    if (this.#isClosed)
      throw new ProxyError('CONNECTOR_UNREACHABLE', `cannot use connector ${this.#tools.id}: it is closed`)
    return openUpstreamHttp({ roots, insecureSkipVerify, proxyFor: this.#tools.proxyFor })
  }
}
