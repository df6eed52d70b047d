/** Who it is, out of a checked ID token and userinfo; the checks that openid-client leaves to its callers. */
import { leftHalfHash } from '../crypto/left-half-hash.ts'
import { ProxyError } from '../errors/proxy-error.ts'
import type { Claims } from '../session/session.ts'

export interface TokenFacts {
  readonly claims: Claims
  readonly idToken: string
  readonly accessToken: string
  readonly clientId: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** How far `iat` may lie from now, in seconds: the token was made in answer to this very exchange. */
const issuedWithin = 10 * 60

/**
 * Checks `azp` for every token that has one, the age of `iat`, and `at_hash` where it is there
 * (OpenID Connect Core §3.1.3.7 steps 5, 10; §3.1.3.8).
 *
 * @throws TOKEN_INVALID
 */
export function checkIdToken({ claims, idToken, accessToken, clientId, now }: TokenFacts): void {
  if (claims['azp'] !== undefined && claims['azp'] !== clientId) refuse('azp names another client')
  const age = now / 1000 - Number(claims['iat'])
  if (!(Math.abs(age) <= issuedWithin)) refuse('iat is not from now')
  if (claims['at_hash'] !== undefined && claims['at_hash'] !== leftHalfHash(idToken, accessToken))
    refuse('at_hash is of another access token')
}

/** ID token claims with userinfo laid over them; what the token says about itself is not userinfo's to change. */
export function mergeClaims(idToken: Claims, userInfo: Claims | undefined): Claims {
  const { iss: _iss, aud: _aud, exp: _exp, iat: _iat, ...told } = userInfo ?? {}
  const claims = { ...idToken, ...told }
  return { ...claims, groups: listOf(claims['groups']) }
}

/** @throws TOKEN_INVALID where the claim is missing: everything hangs on it */
export function userIdOf(claims: Claims, claim: 'sub' | 'oid'): string {
  const id = claims[claim] ?? claims['sub']
  return typeof id === 'string' && id !== '' ? id : refuse(`${claim} is missing`)
}

/** Groups: none where they are missing, one where it is a text. */
function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  return typeof value === 'string' && value !== '' ? [value] : []
}

function refuse(why: string): never {
  throw new ProxyError('TOKEN_INVALID', `cannot trust ID token: ${why}`)
}
