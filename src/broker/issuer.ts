/** What follows from the issuer's address: where its paths begin, where people come back to, how cookies are bound. */

/** What stands before all of the broker's paths: `/dex`, or '' where the issuer has no path. */
export function basePathOf(issuer: string): string {
  return new URL(issuer).pathname.replace(/\/$/, '')
}

/** Where services behind connectors send people back to. */
export function callbackOf(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/callback`
}

export function cookiePathOf(issuer: string): string {
  return basePathOf(issuer) || '/'
}

/**
 * The prefix of cookies that no sibling host can plant (RFC 6265bis §4.1.3.2). It demands https and the path `/`: an
 * issuer with a path of its own does without.
 */
export function hostPrefixOf(issuer: string): '__Host-' | '' {
  const { protocol, pathname } = new URL(issuer)
  return protocol === 'https:' && pathname === '/' ? '__Host-' : ''
}
