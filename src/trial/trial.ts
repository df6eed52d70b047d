/** Deciding offline, exactly as the running proxy decides: the same paths, routes and policies, without a socket. */
import type { Place } from '../config/place.ts'
import type { Settings } from '../config/schema.ts'
import { isReserved } from '../endpoints/open-endpoints.ts'
import { type EndpointRow, endpoints } from '../endpoints/table.ts'
import type { Decision } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { ExplainedNode } from '../policy/policy.ts'
import { compileRoutes, type RouteTable } from '../route/route-table.ts'
import { policyOptionsOf } from '../snapshot/policy-options.ts'
import { type Arrival, arrive, listenerOptionsOf, type TrialRequest } from './request.ts'
import { type Subject, sessionOf } from './subject.ts'
import { compileTrialRoute, type TrialRoute } from './trial-route.ts'

/**
 * `no-route`: no published application (404). `refused`: the listener takes no such request (4xx).
 * `own-page`: the proxy answers itself, whoever asks (its own paths, the host where people sign in).
 */
export type TrialOutcome = Decision['kind'] | 'no-route' | 'refused' | 'own-page'

export interface TrialDecision {
  readonly decision: TrialOutcome
  /** The reasons that the decision rests on; for `refused` the one why. */
  readonly reasons: readonly string[]
  readonly route?: { readonly name: string; readonly from: string; readonly source: Place } | undefined
  /** Both sides with their reasons, step-up and certificate answers; where a policy decided. */
  readonly policy?: Decision | undefined
  /** Every criterion with what it saw; by `explain` only. */
  readonly tree?: readonly ExplainedNode[] | undefined
}

export interface Trial {
  /** In the order they are matched. */
  readonly routes: readonly TrialRoute[]
  /** The route of a host (lower case, without port), port ('' for none) and canonical path. */
  find(host: string, port: string, path: string): TrialRoute | undefined
  /** True where the proxy answers itself, whoever asks. */
  isOwnPage(address: Address): boolean
  /** Which route takes the request, or the outcome where none is asked. */
  reach(request: TrialRequest): Reached
  decide(request: TrialRequest, subject: Subject): TrialDecision
  /** The same decision with its tree; costs more. */
  explain(request: TrialRequest, subject: Subject): TrialDecision
}

export type Reached =
  | { readonly kind: 'route'; readonly route: TrialRoute; readonly arrival: Arrived }
  | { readonly kind: 'no-route' | 'own-page' }
  | { readonly kind: 'refused'; readonly reason: string }

type Arrived = Extract<Arrival, { kind: 'arrived' }>

/** As a request arrives: host in lower case and without port, port ('' for none), canonical path. */
type Address = Pick<Arrived, 'host' | 'port' | 'path'>

/** Compiles all routes. Throws for what the configuration's checks should have refused. */
export function openTrial(settings: Settings): Trial {
  const options = { ...policyOptionsOf(settings), settings, shared: new Map() }
  const routes = settings.routes.map((route) => compileTrialRoute(route, options))
  const table = compileRoutes(routes.map((route) => ({ ...pathFieldsOf(route), from: route.from, value: route })))
  const listener = listenerOptionsOf(settings)
  const isOwnPage = compileOwnPages(settings, table)

  function reach(request: TrialRequest): Reached {
    const arrival = arrive(request, listener)
    if (arrival.kind === 'refused') return arrival
    if (isOwnPage(arrival)) return { kind: 'own-page' }
    return routeOf(table, arrival)
  }

  function judge(request: TrialRequest, subject: Subject, isExplained: boolean): TrialDecision {
    const reached = reach(request)
    if (reached.kind !== 'route') {
      return { decision: reached.kind, reasons: reached.kind === 'refused' ? [reached.reason] : [] }
    }
    const { route, arrival } = reached
    const facts = factsOf(request, arrival, subject)
    const { decision, tree } = isExplained
      ? route.policy.explain(facts)
      : { decision: route.policy.decide(facts), tree: undefined }
    return {
      decision: decision.kind,
      reasons: decidingReasons(decision),
      route: { name: route.name, from: route.from, source: route.place },
      policy: decision,
      tree,
    }
  }

  return {
    routes,
    find: (host, port, path) => table.find(host, port, path),
    isOwnPage,
    reach,
    decide: (request, subject) => judge(request, subject, false),
    explain: (request, subject) => judge(request, subject, true),
  }
}

function pathFieldsOf({ settings: { prefix, path, regex } }: TrialRoute) {
  return { prefix, path, regex }
}

function routeOf(table: RouteTable<TrialRoute>, arrival: Arrived): Reached {
  const route = table.find(arrival.host, arrival.port, arrival.path)
  return route ? { kind: 'route', route, arrival } : { kind: 'no-route' }
}

/** What a policy sees of a request that arrived. */
export function factsOf(request: TrialRequest, arrival: Arrived, subject: Subject): Facts {
  const { method, address, time, certificate } = request
  return {
    method,
    path: arrival.path,
    host: arrival.host,
    headers: ['host', arrival.authority, ...arrival.headers],
    query: arrival.query,
    clientAddress: address,
    session: sessionOf(subject, time),
    clientCertificate: certificate,
    now: time,
  }
}

/** The reasons of the side that decided. */
export function decidingReasons(decision: Decision): readonly string[] {
  const { allow, deny } = decision
  switch (decision.kind) {
    case 'allow':
      return allow.reasons
    case 'sign-in':
      if (decision.again) return allow.value ? deny.reasons : allow.reasons
      return ['user-unauthenticated']
    case 'deny':
      return deny.value || asksForCertificate(deny.reasons) ? deny.reasons : allow.reasons
  }
}

/** Such a reason of `deny` is final even where that side is false, as under `not`. */
function asksForCertificate(reasons: readonly string[]): boolean {
  return reasons.includes('client-certificate-required') || reasons.includes('invalid-client-certificate')
}

/** What no route can take, since the proxy answers it itself: the same list that serves. */
function compileOwnPages({ authenticate_service_url: origin }: Settings, table: RouteTable<TrialRoute>) {
  const signInHost = origin === undefined ? undefined : new URL(origin).hostname
  const byPath = Map.groupBy(endpoints, ({ path }) => path)
  return ({ host, port, path }: Address): boolean => {
    const isHere = (at: EndpointRow['at']) =>
      at === 'everywhere' || (at === 'authenticate' ? host === signInHost : table.knownHost(host, port))
    return isReserved(path) || (byPath.get(path) ?? []).some((row) => isHere(row.at))
  }
}
