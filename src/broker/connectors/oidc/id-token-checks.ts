/** The checks of an ID token that openid-client leaves to its callers. */
import { leftHalfHash } from '../../../crypto/left-half-hash.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'

export type Claims = Readonly<Record<string, unknown>>

/** How far `iat` may lie from now, in seconds: the token was made in answer to this very exchange. */
const issuedWithin = 10 * 60

/**
 * Checks `azp` for every token that has one, the age of `iat`, and `at_hash` where it is there
 * (OpenID Connect Core §3.1.3.7 steps 5 and 10, §3.1.3.8).
 *
 * @throws ProxyError CONNECTOR_ANSWER_INVALID
 */
export function checkIdToken(
  claims: Claims,
  facts: { readonly idToken: string; readonly accessToken: string; readonly clientId: string; readonly now: number },
): void {
  checkAuthorizedParty(claims, facts.clientId)
  const age = facts.now / 1000 - Number(claims['iat'])
  if (!(Math.abs(age) <= issuedWithin)) refuse('iat is not from now')
  if (claims['at_hash'] !== undefined && claims['at_hash'] !== leftHalfHash(facts.idToken, facts.accessToken))
    refuse('at_hash is of another access token')
}

/** @throws ProxyError CONNECTOR_ANSWER_INVALID */
export function checkAuthorizedParty(claims: Claims, clientId: string): void {
  if (claims['azp'] !== undefined && claims['azp'] !== clientId) refuse('azp names another client')
}

/** The subject: at most 255 ASCII characters by OpenID Connect Core §2; sources overstep that, but not by much. */
export function subjectOf(claims: Claims): string {
  const subject = claims['sub']
  if (typeof subject !== 'string' || !/\S/.test(subject) || subject.length > 1024) return refuse('sub is missing')
  return subject
}

function refuse(why: string): never {
  throw new ProxyError('CONNECTOR_ANSWER_INVALID', `cannot trust the source's token: ${why}`)
}
