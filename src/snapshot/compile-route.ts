/** One route of the settings, compiled: its policy and its road to the application, under one name and id. */
import type { RouteSettings, Settings } from '../config/schema.ts'
import { compileForward, type Forward, type ForwardTools } from '../forward/forward.ts'
import type { Visit } from '../listener/visit.ts'
import { compilePolicy, type SharedCriteria } from '../policy/compile-policy.ts'
import type { Facts } from '../policy/facts.ts'
import type { Policy } from '../policy/policy.ts'
import type { Session } from '../session/session.ts'
import type { policyOptionsOf } from './policy-options.ts'
import { routeId, routeName, routePath } from './route-identity.ts'
import type { Route } from './snapshot.ts'

/** A route with what its owner needs besides serving it. */
export interface CompiledRoute extends Route {
  readonly settings: RouteSettings
  readonly policy: Policy
  /** Rules that are tried beside it. */
  readonly shadow: Policy | undefined
  release(): void
}

export interface RouteTools {
  readonly settings: Settings
  readonly forward: ForwardTools
  readonly policyOptions: ReturnType<typeof policyOptionsOf>
  /** Compiled criteria, shared by all routes of one configuration. */
  readonly criteria: SharedCriteria
}

/** Compiles one route. Throws for what the configuration's checks should have refused. */
export function compileRoute(
  route: RouteSettings,
  { settings, forward: tools, policyOptions, criteria }: RouteTools,
): CompiledRoute {
  const id = routeId(route)
  const options = { ...policyOptions, source: routePath(route), shared: criteria }
  const policy = compilePolicy(route, options)
  const forward: Forward = compileForward(forwardOptions(route, settings, id), tools)
  return {
    id,
    name: routeName(route),
    settings: route,
    policy,
    shadow: route.shadow_policy === undefined ? undefined : compilePolicy(shadowAccess(route), options),
    decide: (visit: Visit, session: Session | undefined, now: number) => policy.decide(factsOf(visit, session, now)),
    forward: forward.forward,
    release: () => forward.release(),
  }
}

/** All that a policy sees of a visit. */
export function factsOf(visit: Visit, session: Session | undefined, now: number): Facts {
  const { method, path, host, headers, query, clientAddress } = visit
  return { method, path, host, headers, query, clientAddress, session, clientCertificate: undefined, now }
}

/** The shadow stands in place of all that lets people in, as it would when it is promoted; preflights are no people. */
function shadowAccess({ shadow_policy: policy, cors_allow_preflight }: RouteSettings) {
  return { policy, cors_allow_preflight }
}

function forwardOptions(route: RouteSettings, settings: Settings, routeId: string) {
  return {
    routeId,
    scheme: /^http:/i.test(route.from) ? ('http' as const) : ('https' as const),
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
    timeout: answerLimit(route, settings),
    idleTimeout: route.idle_timeout ?? 0,
    tls: {
      skipVerify: route.tls_skip_verify,
      customCa: route.tls_custom_ca,
      extraCa: settings.certificate_authority,
      serverName: route.tls_server_name,
    },
  }
}

/** Milliseconds for a whole answer, 0 for no limit: the route's own limit, and `timeout_write` above all routes. */
function answerLimit(route: RouteSettings, settings: Settings): number {
  const own = route.timeout ?? (route.allow_websockets ? 0 : settings.default_upstream_timeout)
  const limits = [own, settings.timeout_write].filter((limit) => limit > 0)
  return limits.length === 0 ? 0 : Math.min(...limits)
}

/** `set_response_headers`: the route's over the global ones; a name `disable` empties what it stands in. */
export function responseHeaders(settings: Settings, route?: RouteSettings): readonly string[] {
  const laid = new Map<string, string>()
  for (const map of [settings.set_response_headers, route?.set_response_headers ?? {}]) {
    for (const [name, value] of Object.entries(map)) laid.set(name.toLowerCase(), value)
  }
  return laid.has('disable') ? [] : [...laid].flat()
}
