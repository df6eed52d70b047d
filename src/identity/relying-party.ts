/** The OpenID Connect conversation, from our side: where to send the visitor, and who came back. Knows no HTTP server. */
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  type ClientAuth,
  type Configuration,
  calculatePKCECodeChallenge,
  fetchUserInfo,
} from 'openid-client'
import type { Secret } from '../crypto/secret.ts'
import type { Claims } from '../session/session.ts'
import { providerFailure } from './failures.ts'
import { checkIdToken, mergeClaims, userIdOf } from './identity-claims.ts'
import type { ProviderProfile } from './presets.ts'
import { ProviderDocuments } from './provider-documents.ts'
import type { Fetch } from './provider-fetch.ts'
import { type Asking, type Grant, grantOf, type Refresh, refreshIdentity, revokeToken } from './refresh.ts'

export interface RelyingPartyOptions {
  readonly profile: ProviderProfile
  readonly clientId: string
  /** Proof to the token endpoint, for the methods that the provider supports. */
  readonly authentication: (supported: readonly string[] | undefined) => ClientAuth
  /** Our `/oauth2/callback`, as it is registered with the provider. */
  readonly redirectUri: string
  /** For own roots of trust; by default the global one. */
  readonly fetch?: Fetch
  readonly clock?: () => number
}

/** The secrets of one attempt: only the browser that began it has them (sealed). */
export interface AttemptSecrets {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

export interface Identity {
  readonly userId: string
  readonly claims: Claims
  /** For the provider's sign-out only. */
  readonly idToken: string
  /** Where the provider gave a refresh token: it can be asked again. */
  readonly grant: Grant | undefined
}

/** What a sign-in should be like (OpenID Connect Core §3.1.2.1). */
export interface SignInWishes {
  /** The provider shall not let the known user through silently. */
  readonly switchUser?: boolean
  readonly acrValues?: readonly string[]
  /** Whom the provider may suggest on its form. */
  readonly loginHint?: string | undefined
  /** Seconds since the user last proved who they are. */
  readonly maxAge?: number | undefined
}

export interface RelyingParty {
  /** The same for the same issuer and client: what one has granted, another of this name may ask with. */
  readonly id: string
  /** The provider answers by POST (Apple), so that cookies of the attempt need SameSite=None. */
  readonly answersByPost: boolean
  /**
   * Where the visitor signs in. `switchUser` asks the provider not to let the known user through silently.
   * @throws PROVIDER_UNREACHABLE, PROVIDER_INVALID
   */
  signInUrl(secrets: AttemptSecrets, options?: SignInWishes): Promise<string>
  /**
   * Redeems the code of the provider's answer, with every check on the way.
   * @throws PROVIDER_UNREACHABLE, PROVIDER_INVALID, CALLBACK_INVALID, TOKEN_INVALID
   */
  redeem(answer: URLSearchParams, secrets: AttemptSecrets): Promise<Identity>
  /** Asks again who somebody is; what goes wrong is told, and never thrown. */
  refresh(asking: Asking): Promise<Refresh>
  /** Gives a refresh token back, where the provider takes it (RFC 7009); never rejects. */
  revoke(refreshToken: Secret): Promise<void>
  /** Where the provider signs the user out, or undefined where it offers that not, or is not known. */
  signOutUrl(options: {
    idToken: string | undefined
    returnTo: string
    state?: string | undefined
  }): Promise<string | undefined>
  /** Origin of the provider's sign-out, as far as it is known: a form of ours may lead there. */
  signOutOrigin(): string | undefined
  /** Reads the metadata ahead of the first sign-in; failure is no failure yet. */
  warmUp(): Promise<void>
}

export function openRelyingParty(options: RelyingPartyOptions): RelyingParty {
  const { profile, clientId, authentication, redirectUri, clock = Date.now } = options
  const fetch: Fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init))
  const documents = new ProviderDocuments({ issuer: profile.issuer, clientId, authentication, fetch, clock })
  return {
    id: JSON.stringify([profile.issuer, clientId]),
    answersByPost: profile.answersByPost,

    async signInUrl({ state, nonce, verifier }, { switchUser = false, acrValues = [], maxAge, loginHint } = {}) {
      const conversation = await documents.openConversation()
      const url = buildAuthorizationUrl(conversation, {
        ...profile.requestParams,
        ...(switchUser && { prompt: 'login' }),
        ...(acrValues.length > 0 && { acr_values: acrValues.join(' ') }),
        ...(maxAge !== undefined && { max_age: String(maxAge) }),
        ...(loginHint !== undefined && { login_hint: loginHint }),
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: profile.scope,
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      return url.href
    },

    async redeem(answer, secrets) {
      const conversation = await documents.openConversation()
      try {
        return await whoCameBack(conversation, { answer, secrets, options, now: clock() })
      } catch (error) {
        throw providerFailure(error, 'complete the sign-in')
      }
    },

    refresh: (asking) =>
      refreshIdentity(asking, {
        openConversation: (onRefreshToken) => documents.openConversation(onRefreshToken),
        clientId,
        userIdClaim: profile.userIdClaim,
        clock,
      }),

    async revoke(refreshToken) {
      await documents
        .openConversation()
        .then((conversation) => revokeToken(conversation, refreshToken))
        .catch(() => {})
    },

    async signOutUrl({ idToken, returnTo, state }) {
      if (!documents.known) await documents.openConversation().catch(() => {})
      if (!documents.known?.end_session_endpoint) return undefined
      const conversation = await documents.openConversation()
      const hint = idToken === undefined ? {} : { id_token_hint: idToken }
      return buildEndSessionUrl(conversation, { ...hint, post_logout_redirect_uri: returnTo, ...(state && { state }) })
        .href
    },

    signOutOrigin() {
      const endpoint = documents.known?.end_session_endpoint
      return endpoint && URL.canParse(endpoint) ? new URL(endpoint).origin : undefined
    },

    async warmUp() {
      await documents.openConversation().catch(() => {})
    },
  }
}

interface Exchange {
  readonly answer: URLSearchParams
  readonly secrets: AttemptSecrets
  readonly options: RelyingPartyOptions
  readonly now: number
}

async function whoCameBack(
  conversation: Configuration,
  { answer, secrets, options, now }: Exchange,
): Promise<Identity> {
  const { profile, clientId, redirectUri } = options
  const tokens = await authorizationCodeGrant(conversation, new URL(`${redirectUri}?${answer}`), {
    expectedState: secrets.state,
    expectedNonce: secrets.nonce,
    pkceCodeVerifier: secrets.verifier,
    idTokenExpected: true,
  })
  const idToken = tokens.id_token ?? ''
  const claims = { ...tokens.claims() }
  checkIdToken({ claims, idToken, accessToken: tokens.access_token, clientId, now })
  const subject = userIdOf(claims, 'sub')
  // Refuses an answer about another subject (OpenID Connect Core §5.3.2).
  const hasUserInfo = conversation.serverMetadata().userinfo_endpoint !== undefined
  const userInfo = hasUserInfo ? await fetchUserInfo(conversation, tokens.access_token, subject) : undefined
  const merged = mergeClaims(claims, userInfo && { ...userInfo })
  return {
    userId: userIdOf(merged, profile.userIdClaim),
    claims: merged,
    idToken,
    grant: grantOf(tokens.refresh_token, claims['exp']),
  }
}
