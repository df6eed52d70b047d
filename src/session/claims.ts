/** Claims as they are kept and as rules read them. */
import type { Claims } from './session.ts'

/** What a token says about itself and not about the person (OpenID Connect Core §2, RFC 7519 §4.1): kept for nobody. */
const noise = new Set([
  'at_hash',
  'aud',
  'azp',
  'c_hash',
  'exp',
  'iat',
  'iss',
  'jti',
  'nbf',
  'nonce',
  'rat',
  's_hash',
  'sid',
])

/** The claims that `Session` needs to be somebody. */
const identity = new Set(['sub', 'oid', 'email', 'email_verified', 'name'])

/** How deep claims may nest and how many names they may have; what is beyond is not seen by any rule. */
const maximumDepth = 8
const maximumNames = 2000

/** The claims worth keeping: all but the token's own, unless a policy or header names one of these. */
export function keptClaims(claims: Claims, needed: ReadonlySet<string>): Claims {
  return filterClaims(claims, (name) => !noise.has(name) || isNeeded(name, needed))
}

/** Only the claims without which nothing can be decided: who it is, and what policies and headers name. */
export function neededClaims(claims: Claims, needed: ReadonlySet<string>): Claims {
  return filterClaims(claims, (name) => identity.has(name) || isNeeded(name, needed))
}

/**
 * Flattens: `{a: {b: 1}}` is `a.b` → `[1]`; a value that is no list is a list of one. Where a claim is literally named
 * `a.b`, both spellings of it meet, and the first keeps the name: a provider's user cannot add to a claim by naming another.
 */
export function flattenClaims(claims: Claims): ReadonlyMap<string, readonly unknown[]> {
  const flat = new Map<string, readonly unknown[]>()
  addFlat(flat, claims, { path: '', depth: 0 })
  return flat
}

function addFlat(
  flat: Map<string, readonly unknown[]>,
  claims: object,
  { path, depth }: { path: string; depth: number },
): void {
  for (const [key, value] of Object.entries(claims)) {
    const name = path === '' ? key : `${path}.${key}`
    if (isObject(value)) {
      if (depth < maximumDepth) addFlat(flat, value, { path: name, depth: depth + 1 })
    } else if (!flat.has(name) && flat.size < maximumNames) {
      flat.set(name, Array.isArray(value) ? value : [value])
    }
  }
}

function filterClaims(claims: Claims, stays: (name: string) => boolean): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => stays(name)))
}

/** A rule on `realm_access.roles` needs the claim `realm_access`; names count without case, as Pomerium's files do. */
function isNeeded(name: string, needed: ReadonlySet<string>): boolean {
  const lower = name.toLowerCase()
  for (const wanted of needed) {
    const want = wanted.toLowerCase()
    if (want === lower || want.startsWith(`${lower}.`)) return true
  }
  return false
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
