/** Settings become one immutable snapshot: the only place where stations are handed what they need of each other. */
import { randomUUID } from 'node:crypto'
import type { Settings } from '../config/schema.ts'
import { assertionKeys } from '../crypto/assertion-keys.ts'
import { keyRing } from '../crypto/key-ring.ts'
import { sealer } from '../crypto/seal.ts'
import { urlSigner } from '../crypto/signed-url.ts'
import { tokenMaker } from '../crypto/tokens.ts'
import { isWindow } from '../endpoints/navigation.ts'
import { openEndpoints } from '../endpoints/open-endpoints.ts'
import type { OpenUpgrade } from '../forward/open-upgrades.ts'
import type { Visit } from '../listener/visit.ts'
import { type Log, openLog } from '../observe/log.ts'
import type { TrafficCounts } from '../observe/traffic.ts'
import { explainDenied } from '../policy/in-words.ts'
import { deniedAnswer } from '../respond/denied-answer.ts'
import { errorAnswer } from '../respond/error-answer.ts'
import { compilePages } from '../respond/our-pages.ts'
import { compileRoutes } from '../route/route-table.ts'
import { type CookieSettings, compileOwnCookies } from '../session/cookie-names.ts'
import { readSession } from '../session/payload.ts'
import type { Session } from '../session/session.ts'
import { SessionCookies } from '../session/session-cookies.ts'
import { type BrokerAccess, type BrokerRoute, compileBrokerRoute } from './broker-route.ts'
import { type CompiledRoute, compileRoute, factsOf, type RouteTools, responseHeaders } from './compile-route.ts'
import type { Kept } from './kept.ts'
import { policyOptionsOf } from './policy-options.ts'
import { openRecords, policiesOf, type Records } from './records.ts'
import { type Person, type RouteVerdict, routesOpenTo } from './routes-open-to.ts'
import type { Snapshot } from './snapshot.ts'

/** A snapshot with what its owner needs besides serving requests. */
export interface ServedSnapshot extends Snapshot {
  readonly log: Log
  /** What this configuration has decided and answered. */
  readonly traffic: TrafficCounts
  /** Whether an open upgrade would be let in by this snapshot, too. */
  mayStay(upgrade: OpenUpgrade, now: number): boolean
  /** Which routes this person could use. */
  routesOpenTo(person: Person): readonly RouteVerdict[]
}

/** Where nothing published asks for a sign-in and no authenticate host is named, there is none. */
const noAuthenticateHost = 'https://authenticate.invalid'

/** Compiles a checked configuration. Throws for what the checks should have refused, and then nothing is held. */
export function compileSnapshot(settings: Settings, kept: Kept): ServedSnapshot {
  const log = openLog({
    sink: kept.sink,
    level: settings.log_level,
    accessFields: settings.access_log_fields,
    authorizeFields: settings.authorize_log_fields,
  })
  const shared = keyRing([settings.shared_secret, ...settings.previous_shared_secrets], 'shared_secret')
  const own = keyRing([settings.cookie_secret, ...settings.previous_cookie_secrets], 'cookie_secret')
  const assertions = assertionKeys({ ...(settings.signing_key && { signingKey: settings.signing_key }), ring: shared })
  const cookies = cookieSettings(settings)
  const forwarding: RouteTools['forward'] = {
    pools: kept.pools,
    upgrades: kept.upgrades,
    signAssertion: assertions.signAssertion,
    isOwnCookie: compileOwnCookies(cookies),
    onOwnCookieSet: ({ routeId, name }) =>
      log.event('warn', 'an application tried to set a cookie of the proxy', {
        'route-id': routeId,
        'cookie-name': name,
      }),
    now: Date.now,
    randomId: randomUUID,
  }
  const { routes, broker } = compileAll(settings, { forward: forwarding, access: kept.broker })
  const table = compileRoutes(
    routes.map((route) => ({ ...route.settings, value: route })),
    { anyPort: true },
  )
  const plainHosts = hostsByHttp(settings)
  const publicScheme = ({ scheme, host }: Visit) =>
    settings.insecure_server ? (plainHosts.has(host) ? 'http' : 'https') : scheme
  /** As people see it: our pages name addresses, and link to them. */
  const asPublic = (visit: Visit): Visit => ({ ...visit, scheme: publicScheme(visit) })
  const global = responseHeaders(settings)
  const relyingParty = kept.provider.for(settings, kept.broker)
  const upkeep = kept.upkeep.under({
    provider: relyingParty,
    interval: settings.session_refresh_interval,
    shape: (session) => readSession(sessions.forms(session).whole) ?? session,
    log,
  })
  const sessions = new SessionCookies({
    sealer: sealer(shared),
    cookies,
    neededClaims: claimsNeeded(settings, routes),
    revoked: kept.revoked,
    upkeep,
  })
  const endpoints = openEndpoints({
    authenticateOrigin: settings.authenticate_service_url ?? noAuthenticateHost,
    publicScheme,
    isRouteHost: ({ hostname, port }) => table.knownHost(hostname, port),
    signOutRedirectUrl: settings.signout_redirect_url,
    cookieExpire: settings.cookie_expire,
    cookies,
    sessions,
    revoked: kept.revoked,
    upkeep,
    cookieSealer: sealer(own),
    sharedSealer: sealer(shared),
    signer: urlSigner(shared),
    signOutTokens: tokenMaker(own, 'sign out'),
    used: kept.used,
    relyingParty,
    idTokens: kept.idTokens,
    jwks: assertions.jwks,
    pages: compilePages({ responseHeaders: global, clock: Date.now }),
    responseHeaders: global,
  })

  const records = recordsOr(() => openRecords(settings, { routes, log, kept }), routes)

  return {
    log,
    traffic: records.traffic,
    // The broker's own address is whole: none of our other paths is found below it.
    findEndpoint: broker ? (visit) => (broker.takes(visit) ? undefined : endpoints.find(visit)) : endpoints.find,
    findRoute: broker
      ? (visit) => (broker.takes(visit) ? broker.route : table.find(visit.host, visit.port, visit.path))
      : ({ host, port, path }) => table.find(host, port, path),
    openSession(visit, now) {
      const place = { kind: 'session', host: visit.host, scheme: publicScheme(visit) } as const
      const opened = sessions.open(visit.headers, place, now)
      // Whoever can be sent to the provider is, where what it said is no longer fresh and nobody here can ask.
      const unlessDue = (session: Session | undefined) =>
        session && upkeep.isDue(session, now) && isWindow(visit) ? undefined : session
      return opened instanceof Promise ? opened.then(unlessDue) : unlessDue(opened)
    },
    startSignIn: endpoints.startSignIn,
    renewSession: endpoints.renewSession,
    deniedAnswer(visit, { route, session, decision }) {
      const { settings: published, policy } = route as CompiledRoute
      const now = Date.now()
      const switchUser = new URLSearchParams({ pomerium_redirect_uri: visit.path + visit.query, pomerium_switch: '1' })
      return deniedAnswer({
        visit: asPublic(visit),
        who: session,
        ...(decision.kind === 'deny' && decision.answer === 'client-certificate' && { status: 495 }),
        application: published.name || visit.host,
        description: published.description,
        reasons: published.show_error_details ? explainDenied(policy, factsOf(visit, session, now)) : [],
        signInAsElse: session && { href: `/.pomerium/sign_in?${switchUser}`, text: 'Sign in as somebody else' },
        session: session && { href: '/.pomerium/', text: 'About your session' },
        now,
        responseHeaders: responseHeaders(settings, published),
      })
    },
    errorAnswer: (visit, error) =>
      errorAnswer(error, { visit: asPublic(visit), requestId: visit.id, responseHeaders: global, now: Date.now() }),
    logAuthorize(visit, check) {
      log.authorize(visit, check)
      records.decided(visit, check)
    },
    logAccess(visit, outcome) {
      log.access(visit, outcome)
      records.answered(outcome.status)
    },
    logFailure: (visit, error) => log.failure(visit, error),
    mayStay({ visit, session }, now) {
      const isOver = session && (session.expiresAt <= now || kept.revoked.isRevoked(session))
      const known = session && upkeep.current(session, now)
      // The provider is being asked; with its answer this is judged again.
      if (known instanceof Promise) return !isOver
      const isNobody = session !== undefined && known === undefined
      const route = table.find(visit.host, visit.port, visit.path)
      if (isOver || isNobody || route?.settings.allow_websockets !== true) return false
      return route.decide(visit, known, now).kind === 'allow'
    },
    routesOpenTo: (person) => routesOpenTo(routes, { person, now: Date.now() }),
    retire() {
      for (const route of routes) route.release()
      broker?.route.release()
    },
  }
}

/** Compiles every route, or none: what was leased for the others is given back. */
function compileAll(
  settings: Settings,
  { forward, access }: { forward: RouteTools['forward']; access: BrokerAccess | undefined },
): { readonly routes: readonly CompiledRoute[]; readonly broker: BrokerRoute | undefined } {
  const routes: CompiledRoute[] = []
  const tools = { settings, forward, policyOptions: policyOptionsOf(settings), criteria: new Map() }
  try {
    for (const route of settings.routes) routes.push(compileRoute(route, tools))
    return { routes, broker: access && compileBrokerRoute(access, tools) }
  } catch (error) {
    for (const route of routes) route.release()
    throw error
  }
}

/** Opened last, when nothing else can fail; where it fails itself, nothing is held either. */
function recordsOr(open: () => Records, routes: readonly CompiledRoute[]): Records {
  try {
    return open()
  } catch (error) {
    for (const route of routes) route.release()
    throw error
  }
}

function cookieSettings(settings: Settings): CookieSettings {
  return {
    cookieName: settings.cookie_name,
    cookieDomain: settings.cookie_domain,
    httpOnly: true,
    sameSite: settings.cookie_same_site || undefined,
  }
}

/** Claims that a policy or a header names; those of the assertion are always among them. */
function claimsNeeded(settings: Settings, routes: readonly CompiledRoute[]): ReadonlySet<string> {
  const claims = new Set(Object.values(settings.jwt_claims_headers))
  if (routes.some(({ settings: route }) => route.pass_identity_headers ?? settings.pass_identity_headers)) {
    for (const claim of ['groups', 'name', 'email']) claims.add(claim)
  }
  for (const policy of routes.flatMap(policiesOf)) for (const claim of policy.needs.claims) claims.add(claim)
  return claims
}

/** Hosts whose public address is plain http: written so in `from` or `authenticate_service_url`. */
function hostsByHttp({ routes, authenticate_service_url: authenticate }: Settings): ReadonlySet<string> {
  const addresses = [...routes.map(({ from }) => from), ...(authenticate ? [authenticate] : [])]
  const plain = addresses.filter((address) => /^http:/i.test(address))
  return new Set(
    plain.map((address) =>
      address
        .replace(/^http:\/\//i, '')
        .replace(/[:/].*$/, '')
        .toLowerCase(),
    ),
  )
}
