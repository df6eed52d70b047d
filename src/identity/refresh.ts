/** Asking the provider again who somebody is, with the refresh token of a sign-in (OpenID Connect Core §12). */
import { type Configuration, fetchUserInfo, ResponseBodyError, refreshTokenGrant, tokenRevocation } from 'openid-client'
import { Secret } from '../crypto/secret.ts'
import { ProxyError } from '../errors/proxy-error.ts'
import type { Claims } from '../session/session.ts'
import { isAway, providerFailure } from './failures.ts'
import { checkIdToken, mergeClaims, userIdOf } from './identity-claims.ts'

/** What asks the provider again. */
export interface Grant {
  readonly refreshToken: Secret
  /** Until when the provider's word holds without asking again: the end of the ID token, milliseconds since the epoch. */
  readonly endsAt: number
}

/** What is asked about, and as whom. */
export interface Asking {
  readonly refreshToken: Secret
  /** As the provider told them last, and never cut down: `sub` and `nonce` are compared. */
  readonly claims: Claims
}

export type Refresh =
  | { readonly kind: 'fresh'; readonly claims: Claims; readonly grant: Grant }
  /**
   * The provider does not let this user go on. `isUnknown`: it says that it does not know the token, which is how Dex
   * answers after a newer sign-in of the same user has taken the token's place.
   */
  | { readonly kind: 'refused'; readonly why: string; readonly isUnknown: boolean }
  /**
   * Nothing was learned. `refreshToken` is the one to ask with next: it changes even where the rest of the answer could
   * not be used. `isAway`: nobody was there to answer.
   */
  | { readonly kind: 'failed'; readonly error: ProxyError; readonly refreshToken: Secret; readonly isAway: boolean }

/** What of a sign-in's ID token stays in the claims where a refresh brings no ID token (OpenID Connect Core §12.2 allows that). */
const ofToken = ['iss', 'aud', 'sub', 'oid', 'tid', 'sid']
/** Longer ones are not kept; no provider that we know has them. */
const longestToken = 16 * 1024
/** How long such an answer holds where it does not say: seconds. */
const untoldLife = 3600

export interface RefreshOptions {
  readonly openConversation: (onRefreshToken: (token: string) => void) => Promise<Configuration>
  readonly clientId: string
  readonly userIdClaim: 'sub' | 'oid'
  readonly clock: () => number
}

/** Redeems a refresh token, with every check on the way; never rejects. */
export async function refreshIdentity(asking: Asking, options: RefreshOptions): Promise<Refresh> {
  let { refreshToken } = asking
  try {
    const conversation = await options.openConversation((token) => {
      if (token.length <= longestToken) refreshToken = new Secret(token)
    })
    const { claims, endsAt } = await askAgain(conversation, asking, options)
    return { kind: 'fresh', claims, grant: { refreshToken, endsAt } }
  } catch (error) {
    if (error instanceof OtherUser) return { kind: 'refused', why: error.message, isUnknown: false }
    const word = refusalOf(error)
    if (word !== undefined) {
      return { kind: 'refused', why: `the provider answered ${word}`, isUnknown: word === 'invalid_request' }
    }
    return {
      kind: 'failed',
      error: providerFailure(error, 'refresh the session'),
      refreshToken,
      isAway: isAway(error),
    }
  }
}

async function askAgain(
  conversation: Configuration,
  { refreshToken, claims: before }: Asking,
  { clientId, userIdClaim, clock }: RefreshOptions,
): Promise<{ readonly claims: Claims; readonly endsAt: number }> {
  const subject = userIdOf(before, 'sub')
  const tokens = await refreshTokenGrant(conversation, refreshToken.reveal())
  const now = clock()
  const told = tokens.claims()
  if (told) {
    checkIdToken({
      claims: { ...told },
      idToken: tokens.id_token ?? '',
      accessToken: tokens.access_token,
      clientId,
      now,
    })
    // openid-client compares neither (OpenID Connect Core §12.2).
    if (told.sub !== subject) throw new OtherUser('the answer is about another subject')
    if (told.nonce !== undefined && told.nonce !== before['nonce'])
      throw new ProxyError('TOKEN_INVALID', 'cannot trust ID token: its nonce is of another sign-in')
  }
  const hasUserInfo = conversation.serverMetadata().userinfo_endpoint !== undefined
  const userInfo = hasUserInfo ? await fetchUserInfo(conversation, tokens.access_token, subject) : undefined
  const endsAt = told ? told.exp * 1000 : now + (tokens.expires_in ?? untoldLife) * 1000
  // The grant lives, and nothing was said about the person.
  if (!told && !userInfo) return { claims: before, endsAt }
  const base = told ? { ...told } : aboutToken(before)
  // Whole and never added to what was before: a group that is not named any more is gone.
  const claims = { ...mergeClaims(base, userInfo && { ...userInfo }), nonce: before['nonce'] }
  if (userIdOf(claims, userIdClaim) !== userIdOf(before, userIdClaim))
    throw new OtherUser('the answer is about another user')
  return { claims, endsAt }
}

/** The grant is of no use any more: whoever has it would become somebody else. */
class OtherUser extends Error {}

const refusals = new Set([
  'invalid_grant',
  'access_denied',
  'interaction_required',
  'login_required',
  'consent_required',
])

/**
 * The word with which the provider ends a sign-in. 401 is about us, the client, and so are the other words. Dex says
 * `invalid_request` where RFC 6749 §5.2 has `invalid_grant`; Auth0 says that under 403.
 */
function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof ResponseBodyError) || error.status === 401) return undefined
  if (error.status === 400 && error.error === 'invalid_request') return error.error
  return refusals.has(error.error) ? error.error : undefined
}

/** What a sign-in grants; undefined where the provider gave no refresh token. `expires`: `exp` of the ID token. */
export function grantOf(token: string | undefined, expires: unknown): Grant | undefined {
  if (token === undefined || token === '' || token.length > longestToken) return undefined
  return { refreshToken: new Secret(token), endsAt: Number(expires) * 1000 }
}

/** Tells the provider that a token is not needed any more (RFC 7009); what fails there is nobody's concern. */
export async function revokeToken(conversation: Configuration, token: Secret): Promise<void> {
  if (conversation.serverMetadata().revocation_endpoint === undefined) return
  await tokenRevocation(conversation, token.reveal(), { token_type_hint: 'refresh_token' })
}

function aboutToken(claims: Claims): Claims {
  return Object.fromEntries(ofToken.filter((name) => claims[name] !== undefined).map((name) => [name, claims[name]]))
}
