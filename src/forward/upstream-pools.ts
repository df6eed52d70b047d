/** Connections to applications: one pool for each origin and trust, leased by snapshots, closed by the last release. */
import { isIP } from 'node:net'
import type { SecureContext } from 'node:tls'
import { buildConnector, type Dispatcher, Pool } from 'undici'
import { ProxyError } from '../errors/proxy-error.ts'
import { trustOf, type UpstreamTls } from './upstream-tls.ts'

export interface PoolLimits {
  /** Connections to one origin. */
  readonly connections: number
  /** Requests to one origin that may wait for a connection; further ones are refused. */
  readonly pending: number
  /** Milliseconds for TCP and TLS together. */
  readonly connectTimeout: number
}

const defaultLimits: PoolLimits = { connections: 1024, pending: 1024, connectTimeout: 5000 }

/** Milliseconds an idle connection is kept where the application does not say; shorter than what servers usually keep. */
const idleConnection = 4000
/** Octets of an answer's head. */
const longestHead = 128 * 1024

/** How an origin is reached: shared by plain requests and upgrades, so that both trust alike. */
export interface Endpoint {
  /** `http://127.0.0.1:3000`: scheme, host and port, with `localhost` as an address. */
  readonly origin: string
  readonly secure: boolean
  readonly hostname: string
  readonly port: number
  /** SNI and name to verify; '' for an address, which is verified as such. */
  readonly serverName: string
  readonly verify: boolean
  readonly trust: SecureContext | undefined
  /** Milliseconds for TCP and TLS together. */
  readonly connectTimeout: number
}

export interface UpstreamLease {
  readonly endpoint: Endpoint
  /** Throws UPSTREAM_OVERLOADED where too many requests wait already. `done` must be called when the request has ended. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void
  done(): void
  release(): void
}

interface Shared {
  readonly pool: Pool
  readonly endpoint: Endpoint
  leases: number
  inFlight: number
}

export class UpstreamPools {
  readonly #shared = new Map<string, Shared>()
  readonly #limits: PoolLimits
  readonly #closing = new Set<Promise<void>>()

  constructor(limits: Partial<PoolLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits }
  }

  /** Origins with an open pool. */
  get size(): number {
    return this.#shared.size
  }

  /** A hold on the pool of `url`'s origin; the same origin and trust share one pool, over reloads, too. */
  lease(url: string, tls: UpstreamTls = {}): UpstreamLease {
    const { origin, secure, hostname, port, host } = originOf(url)
    const name = tls.serverName ?? host
    const key = JSON.stringify(secure ? [origin, tls.skipVerify, tls.customCa, tls.extraCa, name] : [origin])
    const shared = this.#shared.get(key) ?? this.#open({ origin, secure, hostname, port, host, tls })
    this.#shared.set(key, shared)
    shared.leases++
    const most = this.#limits.connections + this.#limits.pending
    // Every request names the same server, whatever its Host: otherwise the Host would become the SNI, and each change
    // of it would cost the connection.
    const pinned = secure ? { servername: shared.endpoint.serverName || hostname } : undefined
    let released = false
    return {
      endpoint: shared.endpoint,
      dispatch(options, handler) {
        if (shared.inFlight >= most) {
          throw new ProxyError(
            'UPSTREAM_OVERLOADED',
            `cannot forward to ${origin}: ${shared.inFlight} requests are under way`,
          )
        }
        shared.inFlight++
        shared.pool.dispatch(pinned ? { ...options, ...pinned } : options, handler)
      },
      done: () => {
        shared.inFlight--
      },
      release: () => {
        if (released) return
        released = true
        shared.leases--
        if (shared.leases > 0) return
        this.#shared.delete(key)
        this.#retire(shared.pool)
      },
    }
  }

  /** Cuts every connection; for the end of the process, after the drain. */
  async destroy(): Promise<void> {
    const pools = [...this.#shared.values()].map(({ pool }) => pool.destroy())
    this.#shared.clear()
    await Promise.all([...pools, ...this.#closing])
  }

  /** Requests under way finish first. */
  #retire(pool: Pool): void {
    const closed = pool.close().then(
      () => undefined,
      () => undefined,
    )
    this.#closing.add(closed)
    void closed.then(() => this.#closing.delete(closed))
  }

  #open(place: Origin & { readonly tls: UpstreamTls }): Shared {
    const { origin, secure, hostname, port, host, tls } = place
    // The name that was written: the certificate of `localhost` names no address. An address is no SNI (RFC 6066 §3).
    const serverName = tls.serverName ?? (isIP(host.replace(/^\[|\]$/g, '')) === 0 ? host : '')
    const trust = secure ? trustOf(tls) : undefined
    const verify = tls.skipVerify !== true
    const { connectTimeout } = this.#limits
    const connector = buildConnector({
      timeout: connectTimeout,
      ...(trust && { secureContext: trust, rejectUnauthorized: verify }),
    } as buildConnector.BuildOptions)
    const pool = new Pool(origin, {
      connections: this.#limits.connections,
      connect: (options, callback) =>
        connector({ ...options, servername: serverName } as buildConnector.Options, callback),
      keepAliveTimeout: idleConnection,
      keepAliveTimeoutThreshold: 1000,
      maxHeaderSize: longestHead,
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
    })
    return {
      pool,
      endpoint: { origin, secure, hostname, port, serverName, verify, trust, connectTimeout },
      leases: 0,
      inFlight: 0,
    }
  }
}

interface Origin {
  readonly origin: string
  readonly secure: boolean
  /** What is connected to, IPv6 without brackets. */
  readonly hostname: string
  readonly port: number
  /** The host as it was written, lower case. */
  readonly host: string
}

/** Reads the origin of a `to`. Throws a TypeError for anything but http and https. */
function originOf(url: string): Origin {
  const { protocol, hostname, port } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new TypeError(`cannot forward to ${protocol}//: only http and https are supported`)
  }
  const secure = protocol === 'https:'
  // As Pomerium does: `localhost` is the IPv4 loopback, wherever a resolver would send it.
  const reached = hostname === 'localhost' ? '127.0.0.1' : hostname
  return {
    origin: `${protocol}//${reached}${port === '' ? '' : `:${port}`}`,
    secure,
    hostname: reached.replace(/^\[|\]$/g, ''),
    port: port === '' ? (secure ? 443 : 80) : Number(port),
    host: hostname,
  }
}
