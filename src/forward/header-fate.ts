/** What becomes of a client's header field on its way to the application, decided by its name alone. */
import { hopByHopHeaders } from '../wire/headers.ts'

export type Fate = 'pass' | 'drop' | 'connection' | 'cookie' | 'authorization' | 'assertion'

/** Fields that we write ourselves, or that end here: what a client sends under these names never passes. */
const ours: readonly string[] = [
  ...hopByHopHeaders,
  'expect',
  'host',
  'x-request-id',
  // Where a request came from and what it asked for is ours to say (RFC 7239, and the older names for the same).
  'forwarded',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'x-original-host',
  'x-original-method',
  'x-original-uri',
  'x-original-url',
  'x-rewrite-url',
  'x-envoy-external-address',
  'x-envoy-internal',
  'x-envoy-original-path',
]

/**
 * Families by which this and other proxies say who somebody is. An application that once stood behind another proxy
 * may still believe them, so none of them passes from a client, in any mixture of `-` and `_` (CVE-2025-64484).
 */
const identityFamilies: readonly string[] = [
  'x-pomerium-',
  'x-forwarded-',
  'x-auth-request-',
  'x-authenticated-',
  'x-authentik-',
  'x-goog-authenticated-user-',
  'x-goog-iap-',
  'x-ms-client-principal',
  'x-ms-token-',
  'x-amzn-oidc-',
  'x-remote-',
  'x-vouch-',
  'x-webauth-',
  'oidc-claim-',
  'oidc-access-token',
  'remote-user',
  'remote-name',
  'remote-email',
  'remote-groups',
]

/** Names that are looked up once and then remembered; clients choose names, so the memory has an end. */
const remembered = 2000

/**
 * Compiles the fate of a name (lower case). `written` are the names that this route writes itself: identity headers of
 * `jwt_claims_headers`, and what `set_request_headers` and `remove_request_headers` name.
 */
export function compileFate(written: readonly string[]): (name: string) => Fate {
  const dropped = new Set([...ours, ...written].map(folded))
  const known = new Map<string, Fate>()

  function decide(name: string): Fate {
    const spelling = folded(name)
    if (spelling === 'connection') return 'connection'
    if (spelling === 'x-pomerium-jwt-assertion') return 'assertion'
    if (dropped.has(spelling) || identityFamilies.some((family) => spelling.startsWith(family))) return 'drop'
    // Never by folding: a `coo_kie` is no cookie.
    if (name === 'cookie' || name === 'authorization') return name
    return 'pass'
  }

  return (name) => {
    const fate = known.get(name)
    if (fate !== undefined) return fate
    const decided = decide(name)
    if (known.size < remembered) known.set(name, decided)
    return decided
  }
}

/** CGI and WSGI servers read `-` and `_` alike (RFC 3875 §4.1.18), so names are compared as such servers see them. */
function folded(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}
