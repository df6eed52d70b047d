/** The ways to providers and to the services behind connectors: straight, or through a proxy of the environment. */
import { isIP } from 'node:net'
import { getCACertificates } from 'node:tls'
import { Agent, buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici'
import type { EnvironmentProxy, ProxyFor } from './environment-proxy.ts'

export interface WaysOptions {
  /** PEM texts, trusted besides the machine's own authorities. */
  readonly roots: readonly string[]
  readonly insecureSkipVerify: boolean
  /** Milliseconds for one call. */
  readonly timeLimit: number
  readonly proxyFor: ProxyFor | undefined
  /** Connections to one origin, or through one proxy. */
  readonly connections?: number
}

export interface Way {
  readonly dispatcher: Dispatcher
  /** Without user and password; undefined: straight. */
  readonly proxy: string | undefined
}

export class OutboundWays {
  readonly #options: WaysOptions
  readonly #straight: Agent
  /** By origin: at most one for http and one for https, as the environment of a process stays the same. */
  readonly #proxied = new Map<string, ProxyAgent>()

  constructor(options: WaysOptions) {
    this.#options = options
    this.#straight = new Agent({ ...this.#bounds(), connect: this.#tls() })
  }

  /** @throws TypeError where the address is none, or its proxy cannot be used */
  to(url: string): Way {
    const proxy = this.#options.proxyFor?.(new URL(url))
    if (proxy === undefined) return { dispatcher: this.#straight, proxy: undefined }
    const agent = this.#proxied.get(proxy.origin) ?? this.#through(proxy)
    this.#proxied.set(proxy.origin, agent)
    return { dispatcher: agent, proxy: proxy.origin }
  }

  /** Cuts what is under way. */
  async close(): Promise<void> {
    await Promise.all([this.#straight, ...this.#proxied.values()].map((dispatcher) => dispatcher.destroy()))
  }

  /** Plain http is asked for in absolute form and https through CONNECT (RFC 9110 §9.3.6), as many proxies insist on. */
  #through({ origin, authorization }: EnvironmentProxy): ProxyAgent {
    return new ProxyAgent({
      ...this.#bounds(),
      uri: origin,
      ...(authorization !== undefined && { token: authorization }),
      proxyTunnel: false,
      requestTls: this.#tls(),
      proxyTls: this.#tls(),
      clientFactory: (to) => new Pool(to, { ...this.#bounds(), connect: this.#toProxy() }),
    })
  }

  /** The library names a proxy by its address as well, which is no server name (RFC 6066 §3). */
  #toProxy(): buildConnector.connector {
    const connect = buildConnector(this.#tls())
    return ({ servername, ...options }, callback) =>
      connect({ ...options, ...(servername && isIP(servername) === 0 && { servername }) }, callback)
  }

  #bounds() {
    const { timeLimit, connections = 16 } = this.#options
    return { connections, keepAliveTimeout: 10_000, headersTimeout: timeLimit, bodyTimeout: timeLimit }
  }

  #tls() {
    const { roots, insecureSkipVerify, timeLimit } = this.#options
    return {
      timeout: Math.min(timeLimit, 5_000),
      rejectUnauthorized: !insecureSkipVerify,
      ...(roots.length > 0 && { ca: [...getCACertificates('default'), ...roots] }),
    }
  }
}
