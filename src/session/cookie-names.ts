/** What our cookies are called and which attributes they bear; every name of ours comes from here. */

export interface CookieSettings {
  /** `cookie_name`; unset: the `__Host-ostiary` family where https allows the prefix. */
  readonly cookieName?: string | undefined
  /** `cookie_domain`, with or without a leading dot; unset: cookies of one host only. */
  readonly cookieDomain?: string | undefined
  /** `cookie_http_only`. */
  readonly httpOnly: boolean
  /** `cookie_same_site`; unset is Lax. */
  readonly sameSite?: 'strict' | 'lax' | 'none' | undefined
}

export type Scheme = 'https' | 'http'

export interface CookieNames {
  /** The session on a route's host; further pieces are `NAME_1`, `NAME_2` … */
  readonly session: string
  /** The session on the authenticate host. */
  readonly authenticate: string
  /** A sign-in under way, at the route's host: this and the attempt's id. */
  readonly attempt: string
  /** That a session was just set, for five seconds: tells a lost cookie from a first visit. */
  readonly mark: string
  /** A sign-in under way, at the authenticate host: this and its id. */
  readonly pkce: string
  /** Path of the `pkce` cookies: `__Host-` demands `/`. */
  readonly pkcePath: '/' | '/oauth2/callback'
}

/** More pieces than this are never written nor read. */
export const maximumPieces = 4

/**
 * The names for one scheme. A set `cookie_name` is Pomerium's family to the letter. Unset, every cookie that belongs
 * to one host alone is `__Host-` (RFC 6265bis §4.1.3), so that no sibling host can plant it; with a `cookie_domain`
 * the session, and only it, belongs to several and is `__Secure-`. Over plain http browsers refuse both prefixes.
 */
export function cookieNames(settings: CookieSettings, scheme: Scheme): CookieNames {
  const { cookieName, cookieDomain } = settings
  const host = cookieName ?? (scheme === 'https' ? '__Host-ostiary' : 'ostiary')
  const shared = cookieName ?? (scheme === 'https' ? '__Secure-ostiary' : 'ostiary')
  return {
    session: cookieDomain ? shared : host,
    authenticate: `${host}_authenticate`,
    attempt: `${host}_csrf_`,
    mark: `${host}_csrf`,
    pkce: `${host}_pkce_`,
    pkcePath: /^__host-/i.test(host) ? '/' : '/oauth2/callback',
  }
}

/** Name of piece `index` of a cookie that may be cut. */
export function pieceName(name: string, index: number): string {
  return index === 0 ? name : `${name}_${index}`
}

/**
 * Whether a cookie is one of ours, of either scheme: such a cookie is never forwarded, and never taken from an
 * application. Letters count without case, as they do for browsers in the prefixes.
 */
export function compileOwnCookies(settings: CookieSettings): (name: string) => boolean {
  const families = [cookieNames(settings, 'https'), cookieNames(settings, 'http')]
  const exact = new Set<string>()
  const prefixes = new Set<string>()
  for (const { session, authenticate, attempt, mark, pkce } of families) {
    for (const name of [session, authenticate]) {
      for (let piece = 0; piece < maximumPieces; piece++) exact.add(pieceName(name, piece).toLowerCase())
    }
    exact.add(mark.toLowerCase())
    for (const prefix of [attempt, pkce]) prefixes.add(prefix.toLowerCase())
  }
  return (name) => {
    const lower = name.toLowerCase()
    if (exact.has(lower)) return true
    for (const prefix of prefixes) if (lower.startsWith(prefix)) return true
    return false
  }
}

/** `cookie_domain` without its dot, where it covers `host`; undefined where the cookie has to be the host's own. */
export function sharedDomain({ cookieDomain }: CookieSettings, host: string): string | undefined {
  const domain = cookieDomain?.replace(/^\./, '').toLowerCase()
  if (!domain) return undefined
  return host === domain || host.endsWith(`.${domain}`) ? domain : undefined
}
