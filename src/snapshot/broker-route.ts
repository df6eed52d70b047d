/** The broker of this process as a route: its issuer's address is public, and goes to the broker's inner door. */
import { routeSchema } from '../config/route-settings.ts'
import type { RouteSettings, WrittenAt } from '../config/schema.ts'
import type { Exchange, Visit } from '../listener/visit.ts'
import { type CompiledRoute, compileRoute, type RouteTools } from './compile-route.ts'

/** How the broker of this process is reached. */
export interface BrokerAccess {
  /** Byte for byte as in the configuration. */
  readonly issuer: string
  /** `http://127.0.0.1:PORT`. */
  readonly inside: string
  /** Name of the header that tells the broker who asks, and what shows that we say so. */
  readonly callerHeader: string
  readonly proof: string
  /** Value of that header for what we ask on our own account. */
  readonly own: string
}

export interface BrokerRoute {
  readonly route: CompiledRoute
  /** Whether this visit is for the broker: the issuer's host, and below its path where it has one. */
  takes(visit: Visit): boolean
}

/** RFC 8414 §3.1 puts it before the issuer's path. */
const metadataBefore = '/.well-known/oauth-authorization-server'

export function compileBrokerRoute(access: BrokerAccess, tools: RouteTools): BrokerRoute {
  const { protocol, hostname, port, pathname } = new URL(access.issuer)
  const prefix = pathname.replace(/\/$/, '')
  const route = compileRoute(settingsOf(access, `${protocol}//${hostname}${port && `:${port}`}`), tools)
  return {
    route: { ...route, forward: (exchange) => route.forward(withCaller(exchange, access), undefined) },
    takes: ({ host, path }) =>
      host === hostname &&
      (prefix === '' || path === prefix || path.startsWith(`${prefix}/`) || path === metadataBefore + prefix),
  }
}

function settingsOf({ inside }: BrokerAccess, from: string): RouteSettings {
  const settings = routeSchema.parse({
    from,
    to: inside,
    name: 'broker',
    allow_public_unauthenticated_access: true,
    pass_identity_headers: false,
  })
  return { ...settings, source: nowhere }
}

/** Nobody wrote this route. */
const nowhere: WrittenAt = {
  path: 'broker',
  place: { origin: 'file', file: '', line: 0, column: 0 },
  locate: () => nowhere.place,
  remark: () => ({ place: nowhere.place, excerpt: undefined }),
}

/** The request as the broker gets it: with who asks, and without what a client may have written there. */
function withCaller(exchange: Exchange, { callerHeader, proof }: BrokerAccess): Exchange {
  const { visit } = exchange
  const headers: string[] = []
  for (let at = 0; at < visit.headers.length; at += 2) {
    const [name = '', value = ''] = visit.headers.slice(at, at + 2)
    // Named in Connection it would be taken away on the way, and the broker would take the client for this process.
    if (name === 'connection') headers.push(name, withoutOption(value, callerHeader))
    else if (name !== callerHeader) headers.push(name, value)
  }
  headers.push(callerHeader, `${proof} ${visit.clientAddress} ${visit.id}`)
  return { ...exchange, visit: { ...visit, headers } }
}

function withoutOption(value: string, name: string): string {
  const options = value.split(',').map((option) => option.trim())
  return options.filter((option) => option.toLowerCase() !== name).join(', ')
}
