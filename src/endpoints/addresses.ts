/** Addresses of visits and targets: where somebody asked to go, and where they may be sent. */
import type { Visit } from '../listener/visit.ts'
import type { CookiePlace, SessionKind } from '../session/session-cookies.ts'
import type { EndpointContext } from './context.ts'

/** Targets longer than this do not travel in addresses: providers and proxies cap those. The attempt's cookie holds them. */
const longestCarried = 800
/** What fits a sealed cookie. */
const longestKept = 2400

/** Origin under which the public sees the visit. */
export function originOf(visit: Visit, context: Pick<EndpointContext, 'publicScheme'>): string {
  return `${context.publicScheme(visit)}://${visit.authority}`
}

/** The visit's whole address, octet for octet. */
export function addressOf(visit: Visit, context: Pick<EndpointContext, 'publicScheme'>): string {
  return `${originOf(visit, context)}${visit.path}${visit.query}`
}

export function isAuthenticateHost(
  visit: Visit,
  { authenticateOrigin }: Pick<EndpointContext, 'authenticateOrigin'>,
): boolean {
  return visit.host === new URL(authenticateOrigin).hostname
}

/** Where the session cookie of the visit's host lives; the authenticate host's own is not the one of a route there. */
export function placeOf(visit: Visit, { kind, context }: { kind: SessionKind; context: EndpointContext }): CookiePlace {
  return { kind, host: visit.host, scheme: context.publicScheme(visit) }
}

/** The parameters of the visit's query. */
export function queryOf(visit: Visit): URLSearchParams {
  return new URLSearchParams(visit.query)
}

/** The one value of a parameter; undefined where it is missing or there are several. */
export function onlyValue(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name)
  return values.length === 1 ? values[0] : undefined
}

/** The target as it travels in addresses: itself, or, where it is too long, the start page of its host. */
export function carriedTarget(target: string): string {
  return target.length <= longestCarried ? target : `${new URL(target).origin}/`
}

/** The target as the attempt's cookie keeps it: itself, else without its query, else the start page. */
export function keptTarget(target: string): string {
  if (target.length <= longestKept) return target
  const [path = ''] = target.split('?', 1)
  return path.length <= longestKept ? path : `${new URL(target).origin}/`
}

/** A target that came sealed or signed, as an address of a host that we publish; undefined for anything else. */
export function publishedTarget(
  target: unknown,
  { isRouteHost }: Pick<EndpointContext, 'isRouteHost'>,
): URL | undefined {
  if (typeof target !== 'string' || !isPlainAddress(target) || !URL.canParse(target)) return undefined
  const url = new URL(target)
  return url.username === '' && url.password === '' && isRouteHost(url) ? url : undefined
}

/**
 * The place on the visit's own host that somebody unknown named, or the start page. Only what any URL parser reads as
 * this very origin passes, and none of our own paths, which do things.
 */
export function ownTarget(
  target: string | undefined,
  { visit, context }: { visit: Visit; context: EndpointContext },
): string {
  const origin = originOf(visit, context)
  const start = `${origin}/`
  if (target === undefined) return start
  const isPath = /^\/(?![/\\])/.test(target)
  const address = isPath ? `${origin}${target}` : target
  if (!isPlainAddress(address) || !URL.canParse(address)) return start
  const url = new URL(address)
  if (url.origin !== new URL(origin).origin || url.username !== '' || url.password !== '') return start
  if (url.pathname.startsWith('//') || /^\/(?:\.|%2e)pomerium(?:\/|%2f|$)/i.test(url.pathname)) return start
  return `${url.origin}${url.pathname}${url.search}`
}

/** Http or https, spelt with nothing that parsers are known to read in two ways. */
function isPlainAddress(text: string): boolean {
  return /^https?:\/\/[^/\\@#\s]+(?:[/?][^\\#\s]*)?$/.test(text) && /^[\x21-\x7e]+$/.test(text)
}
