/** The prefix of cookies that no sibling host can plant (RFC 6265bis §4.1.3.2). */

/** It demands https and the path `/`: an issuer with a path of its own does without. */
export function hostPrefixOf(issuer: string): '__Host-' | '' {
  const { protocol, pathname } = new URL(issuer)
  return protocol === 'https:' && pathname === '/' ? '__Host-' : ''
}
