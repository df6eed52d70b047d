/** Carries a request to the application of one route, and its answer back. */

import { ProxyError } from '../errors/proxy-error.ts'
import type { Exchange } from '../listener/visit.ts'
import type { Outcome } from '../respond/answer.ts'
import type { Session } from '../session/session.ts'
import { type Carriage, carry } from './carrier.ts'
import { type ClaimHeader, compileIdentity, type SignAssertion } from './identity.ts'
import type { OpenUpgrades } from './open-upgrades.ts'
import { compileRequestHeaders } from './request-headers.ts'
import { compileResponseHeaders } from './response-headers.ts'
import { compilePath, hostRule } from './rewrite.ts'
import { type Target, Targets } from './targets.ts'
import { checkOrigin, compileUpgrade } from './upgrade.ts'
import type { UpstreamPools } from './upstream-pools.ts'
import type { UpstreamTls } from './upstream-tls.ts'

export interface ForwardOptions {
  /** Stable over reloads; upgraded connections are registered under it. */
  readonly routeId: string
  /** The public scheme, of `from`: pages of that origin may open WebSockets. */
  readonly scheme: 'https' | 'http'
  /** One or several; a weight of 0 or none counts as 1. */
  readonly to: readonly { readonly url: string; readonly weight?: number | undefined }[]
  /** The rule by which paths were matched: what prefixRewrite replaces. */
  readonly prefix?: string | undefined
  readonly path?: string | undefined
  readonly regex?: string | undefined
  readonly prefixRewrite?: string | undefined
  readonly hostRewrite?: string | undefined
  readonly preserveHost?: boolean | undefined
  readonly setRequestHeaders?: Readonly<Record<string, string>> | undefined
  readonly removeRequestHeaders?: readonly string[] | undefined
  /** The route's set_response_headers laid over the global ones: a flat list, without `disable`. */
  readonly setResponseHeaders: readonly string[]
  readonly passIdentity: boolean
  readonly claimHeaders: readonly ClaimHeader[]
  readonly issuerFormat: 'hostOnly' | 'uri'
  readonly websockets: boolean
  /** Milliseconds; 0 for no limit. Websocket routes have none unless it is set. */
  readonly timeout: number
  readonly idleTimeout: number
  readonly tls?: UpstreamTls | undefined
}

export interface ForwardTools {
  readonly pools: UpstreamPools
  readonly signAssertion: SignAssertion
  readonly isOwnCookie: (name: string) => boolean
  /** An application tried to set the cookie `name`, which is ours: for the log. */
  readonly onOwnCookieSet: (visit: { readonly routeId: string; readonly name: string }) => void
  /** Where upgraded connections are registered while they are open. */
  readonly upgrades: OpenUpgrades
  readonly now: () => number
  readonly randomId: () => string
}

export interface Forward {
  /**
   * Carries a request, or a WebSocket where `exchange.upgraded` is there. Rejects with a ProxyError while nothing was
   * answered yet; afterwards resolves with how it ended.
   */
  forward(exchange: Exchange, session: Session | undefined): Promise<Outcome>
  /** Gives the pools back; requests under way finish. */
  release(): void
}

/** Compiles one route. Throws a TypeError for a `to` that cannot be used. */
export function compileForward(options: ForwardOptions, tools: ForwardTools): Forward {
  const { routeId, claimHeaders, passIdentity } = options
  const { pools, isOwnCookie, now } = tools
  const first = options.to[0]
  if (!first) throw new TypeError(`cannot forward ${routeId}: it has no target`)

  const targets = new Targets(options.to.map(({ url, weight }) => targetOf(pools, { url, weight, tls: options.tls })))
  const pathOf = compilePath({ ...options, to: first.url })
  const rule = hostRule(options)
  const requestHeaders = compileRequestHeaders({
    host: rule,
    set: options.setRequestHeaders,
    remove: options.removeRequestHeaders,
    passIdentity,
    claimHeaders,
    isOwnCookie,
  })
  const identityOf = compileIdentity({
    claimHeaders,
    issuerFormat: options.issuerFormat,
    omit: namesWritten(options),
    signAssertion: tools.signAssertion,
    randomId: tools.randomId,
  })
  const responseHead = compileResponseHeaders({
    set: options.setResponseHeaders,
    isOwnCookie,
    onOwnCookieSet: (name) => tools.onOwnCookieSet({ routeId, name }),
  })
  const { timeout, idleTimeout } = options
  const carriage: Carriage = { targets, responseHead, timeout, idleTimeout, now }
  const upgrade = compileUpgrade({
    routeId,
    targets,
    responseHead,
    handshakeTimeout: timeout > 0 ? timeout : handshakeTimeout,
    idleTimeout,
    upgrades: tools.upgrades,
    now,
  })
  const hostOf = rule.kind === 'target' && targets.count > 1 ? (target: Target) => target.host : undefined

  return {
    async forward(exchange, session) {
      const { visit } = exchange
      if (visit.upgrade !== undefined) {
        // As Pomerium's data plane answers where a route permits no upgrade.
        if (!options.websockets)
          throw new ProxyError('UPGRADE_REFUSED', `cannot upgrade: ${routeId} allows no websockets`)
        checkOrigin(visit, options.scheme)
      }
      const identity = requestHeaders.needsIdentity ? identityOf(session, visit.host, now()) : undefined
      const target = targets.pick(now(), [])
      if (!target) throw new ProxyError('INTERNAL', `cannot forward ${routeId}: no target`)
      const headers = requestHeaders.build(visit, target.host, identity)
      const path = pathOf(visit.path) + visit.query
      if (visit.upgrade !== undefined) return upgrade({ exchange, session, path, headers, target, hostOf })
      return carry(carriage, { exchange, path, headers, target, hostOf })
    },
    release: () => targets.release(),
  }
}

/** Milliseconds for an application to answer a handshake where the route sets no timeout. */
const handshakeTimeout = 30_000

function targetOf(
  pools: UpstreamPools,
  { url, weight, tls }: { url: string; weight: number | undefined; tls: UpstreamTls | undefined },
): Target {
  // The URL leaves out the scheme's own port, as clients do.
  return {
    lease: pools.lease(url, tls),
    host: new URL(url).host,
    weight: weight === undefined || weight <= 0 ? 1 : weight,
  }
}

function namesWritten({ setRequestHeaders, removeRequestHeaders }: ForwardOptions): ReadonlySet<string> {
  return new Set([...Object.keys(setRequestHeaders ?? {}), ...(removeRequestHeaders ?? [])].map((n) => n.toLowerCase()))
}
