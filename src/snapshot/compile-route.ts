/** One route of the settings, compiled: its policy and its road to the application, under one name and id. */
import type { RouteSettings, Settings } from '../config/schema.ts'
import { compileForward, type Forward, type ForwardTools } from '../forward/forward.ts'
import type { Visit } from '../listener/visit.ts'
import { compilePolicy, type SharedCriteria } from '../policy/compile-policy.ts'
import type { Policy } from '../policy/policy.ts'
import type { Session } from '../session/session.ts'
import { routeId, routeName, routePath } from './route-identity.ts'
import type { Route } from './snapshot.ts'

/** A route with what its owner needs besides serving it. */
export interface CompiledRoute extends Route {
  readonly settings: RouteSettings
  readonly policy: Policy
  release(): void
}

export interface RouteTools {
  readonly settings: Settings
  readonly forward: ForwardTools
  /** Compiled criteria, shared by all routes of one configuration. */
  readonly criteria: SharedCriteria
}

/** Compiles one route. Throws for what the configuration's checks should have refused. */
export function compileRoute(route: RouteSettings, { settings, forward: tools, criteria }: RouteTools): CompiledRoute {
  const id = routeId(route)
  const policy = compilePolicy(route, { source: routePath(route), shared: criteria })
  const forward: Forward = compileForward(forwardOptions(route, settings, id), tools)
  return {
    id,
    name: routeName(route),
    settings: route,
    policy,
    decide: (visit: Visit, session: Session | undefined, now: number) =>
      policy.decide({
        method: visit.method,
        path: visit.path,
        host: visit.host,
        headers: visit.headers,
        query: visit.query,
        clientAddress: visit.clientAddress,
        session,
        clientCertificate: undefined,
        now,
      }),
    forward: forward.forward,
    release: () => forward.release(),
  }
}

function forwardOptions(route: RouteSettings, settings: Settings, routeId: string) {
  return {
    routeId,
    to: route.to ?? [],
    prefix: route.prefix,
    path: route.path,
    regex: route.regex,
    prefixRewrite: route.prefix_rewrite,
    hostRewrite: route.host_rewrite,
    preserveHost: route.preserve_host_header,
    setRequestHeaders: route.set_request_headers,
    removeRequestHeaders: route.remove_request_headers,
    setResponseHeaders: responseHeaders(settings, route),
    passIdentity: route.pass_identity_headers ?? settings.pass_identity_headers,
    claimHeaders: Object.entries(settings.jwt_claims_headers).map(([header, claim]) => ({ header, claim })),
    issuerFormat: settings.jwt_issuer_format,
    websockets: route.allow_websockets,
    timeout: route.timeout ?? (route.allow_websockets ? 0 : settings.default_upstream_timeout),
    idleTimeout: route.idle_timeout ?? 0,
    tls: {
      skipVerify: route.tls_skip_verify,
      customCa: route.tls_custom_ca,
      extraCa: settings.certificate_authority,
      serverName: route.tls_server_name,
    },
  }
}

/** `set_response_headers`: the route's over the global ones; a name `disable` empties what it stands in. */
export function responseHeaders(settings: Settings, route?: RouteSettings): readonly string[] {
  const laid = new Map<string, string>()
  for (const map of [settings.set_response_headers, route?.set_response_headers ?? {}]) {
    for (const [name, value] of Object.entries(map)) laid.set(name.toLowerCase(), value)
  }
  return laid.has('disable') ? [] : [...laid].flat()
}
