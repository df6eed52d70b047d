/** Who somebody is, said to the application: the signed assertion and the headers of `jwt_claims_headers`. */
import type { Session } from '../session/session.ts'
import { claimText, headerText } from './claim-text.ts'

/** One entry of `jwt_claims_headers`: the header (any case) and the claim it shows. */
export interface ClaimHeader {
  readonly header: string
  readonly claim: string
}

export type AssertionClaims = Readonly<Record<string, string | number | readonly string[]>>

/** Signs a set of claims to a compact JWS; handed in, since only crypto/ touches a key. */
export type SignAssertion = (claims: AssertionClaims) => string

export interface IdentityOptions {
  readonly claimHeaders: readonly ClaimHeader[]
  /** `iss` is the host (`hostOnly`) or `https://host/` (`uri`). */
  readonly issuerFormat: 'hostOnly' | 'uri'
  /** Names (lower case) that the route sets or removes by itself, and that are therefore not written here. */
  readonly omit: ReadonlySet<string>
  readonly signAssertion: SignAssertion
  /** A fresh id for `jti`. */
  readonly randomId: () => string
}

/** What is said about one visitor to one host. */
export interface Identity {
  /** Flat list: the assertion and the claim headers. */
  readonly headers: readonly string[]
  readonly assertion: string
}

export const assertionHeader = 'x-pomerium-jwt-assertion'

/** Seconds for which an assertion is good. */
const assertionLife = 300
/** Milliseconds for which one is used again: the application always gets one that lasts three minutes more. */
const reuse = 120_000
/** Hosts remembered for one session and route; only a wildcard route has more than one. */
const hostsPerSession = 16

interface Kept {
  readonly identity: Identity
  readonly until: number
}

/**
 * Compiles the identity of a route: (session, host, now in ms) to the headers, signed once and used again for a part of
 * the assertion's life. What is kept belongs to the session object and goes when that goes.
 */
export function compileIdentity(
  options: IdentityOptions,
): (session: Session | undefined, host: string, now: number) => Identity {
  const kept = new WeakMap<object, Map<string, Kept>>()
  const nobody = {}

  return (session, host, now) => {
    const key = session ?? nobody
    let hosts = kept.get(key)
    const found = hosts?.get(host)
    // A clock that was set back must not stretch an assertion's use either.
    if (found && now < found.until && found.until - now <= reuse) return found.identity
    if (!hosts) {
      hosts = new Map()
      kept.set(key, hosts)
    }
    if (hosts.size >= hostsPerSession) hosts.clear()
    const made = makeIdentity(session, { host, now, options })
    hosts.set(host, { identity: made, until: now + reuse })
    return made
  }
}

interface Occasion {
  readonly host: string
  readonly now: number
  readonly options: IdentityOptions
}

function makeIdentity(session: Session | undefined, occasion: Occasion): Identity {
  const claims = assertionClaims(session, occasion)
  const assertion = occasion.options.signAssertion(claims)
  return { assertion, headers: identityHeaders(session, { assertion, claims, options: occasion.options }) }
}

/** The claims of the assertion. Nobody signed in is told as empty claims, so that the application can tell the two apart. */
export function assertionClaims(session: Session | undefined, { host, now, options }: Occasion): AssertionClaims {
  const seconds = Math.floor(now / 1000)
  const claims: Record<string, string | number | readonly string[]> = Object.create(null)
  for (const { claim } of options.claimHeaders) {
    const values = session?.flatClaims.get(claim)
    if (values !== undefined) claims[claim] = claimText(values)
  }
  // After the configured ones: none of these can be replaced by what a token holds.
  return Object.assign(claims, {
    iss: options.issuerFormat === 'uri' ? `https://${host}/` : host,
    aud: host,
    jti: options.randomId(),
    iat: seconds,
    exp: seconds + assertionLife,
    sub: session?.userId ?? '',
    user: session?.userId ?? '',
    email: session?.email ?? '',
    groups: (session?.flatClaims.get('groups') ?? []).flatMap((group) => claimText([group]) || []),
    sid: session?.id ?? '',
    name: session ? claimText(session.flatClaims.get('name')) || session.name : '',
  })
}

interface Said {
  readonly assertion: string
  readonly claims: AssertionClaims
  readonly options: IdentityOptions
}

function identityHeaders(session: Session | undefined, { assertion, claims, options }: Said): readonly string[] {
  const list: string[] = []
  if (!options.omit.has(assertionHeader)) list.push(assertionHeader, assertion)
  for (const { header, claim } of options.claimHeaders) {
    const name = header.toLowerCase()
    if (options.omit.has(name)) continue
    const own = Object.hasOwn(claims, claim) ? claims[claim] : undefined
    // `groups` as the token has it, not as the assertion lists it.
    const values = own === undefined || Array.isArray(own) ? session?.flatClaims.get(claim) : [own]
    // Empty where the claim is missing: an application that looks for the name finds it, and not a client's.
    list.push(name, headerText(claimText(values)))
  }
  return list
}
