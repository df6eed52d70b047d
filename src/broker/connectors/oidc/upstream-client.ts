/** The OAuth 2.0 and OpenID Connect conversation with a source, from our side, with every check on the way. */
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  Configuration,
  customFetch,
  enableNonRepudiationChecks,
  fetchUserInfo,
  genericGrantRequest,
  None,
  refreshTokenGrant,
  type ServerMetadata,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
  tokenIntrospection,
} from 'openid-client'
import { PublishedKeys } from '../../../crypto/published-keys.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { Departure } from '../connector.ts'
import { UpstreamFailure, type UpstreamHttp } from '../upstream-http.ts'
import { keyIdOf, withoutIdToken, withoutIssuer } from './answers.ts'
import { type ChallengeMethod, challengeMethod, challengeParameters, newAttempt, readAttempt } from './attempt.ts'
import { type Claims, checkAuthorizedParty, checkIdToken, subjectOf } from './id-token-checks.ts'
import { statusOf, tokenErrorOf, upstreamFailure } from './upstream-failure.ts'

export interface UpstreamClientOptions {
  readonly clientId: string
  readonly redirectUri: string
  /** Proof to the token endpoint, for the methods that the source supports. */
  readonly authentication: (supported: readonly string[] | undefined) => ClientAuth
  readonly metadata: () => Promise<ServerMetadata>
  readonly http: () => Promise<UpstreamHttp>
  readonly pkce: ChallengeMethod | undefined
  readonly now: () => number
  /**
   * `openid`: an ID token is wanted and checked. `oauth`: there is none, or it is thrown away unread, and the issuer of
   * the metadata is only as good as its origin.
   */
  readonly protocol: 'openid' | 'oauth'
}

export interface UpstreamTokens {
  /** Of the ID token, after all checks; undefined where the answer held none. */
  readonly claims: Claims | undefined
  readonly accessToken: string
  readonly refreshToken: string | undefined
}

export interface UpstreamAnswerOptions {
  readonly answer: URLSearchParams
  readonly by: 'GET' | 'POST'
  readonly state: string
  readonly secrets: string
  readonly signal: AbortSignal
}

type TokenAnswer = TokenEndpointResponse & TokenEndpointResponseHelpers

export class UpstreamClient {
  readonly #options: UpstreamClientOptions
  readonly #keys = new PublishedKeys()

  constructor(options: UpstreamClientOptions) {
    this.#options = options
  }

  /** Where the visitor signs in. `parameters` never reach those of the protocol. */
  async depart(options: {
    readonly state: string
    readonly scopes: readonly string[]
    readonly parameters: Readonly<Record<string, string>>
    readonly signal: AbortSignal
  }): Promise<Departure> {
    const { state, scopes, parameters, signal } = options
    const conversation = await this.#converse(signal)
    const attempt = newAttempt()
    const method = challengeMethod(this.#options.pkce, conversation.serverMetadata().code_challenge_methods_supported)
    const url = buildAuthorizationUrl(conversation, {
      ...parameters,
      client_id: this.#options.clientId,
      response_type: 'code',
      redirect_uri: this.#options.redirectUri,
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      state,
      ...(this.#options.protocol === 'openid' && { nonce: attempt.nonce }),
      ...(await challengeParameters(attempt.verifier, method)),
    })
    return { send: { by: 'redirect', url: url.href }, secrets: JSON.stringify(attempt) }
  }

  /** Redeems the code of the source's answer. */
  async redeem({ answer, by, state, secrets, signal }: UpstreamAnswerOptions): Promise<UpstreamTokens> {
    const attempt = readAttempt(secrets)
    if (by !== 'GET') throw new ProxyError('CONNECTOR_ANSWER_INVALID', 'cannot read the answer: it came by POST')
    const conversation = await this.#converse(signal)
    const isOpenId = this.#options.protocol === 'openid'
    const query = isOpenId ? answer : withoutIssuer(answer, conversation.serverMetadata())
    const tokens = await authorizationCodeGrant(conversation, new URL(`${this.#options.redirectUri}?${query}`), {
      expectedState: state,
      pkceCodeVerifier: attempt.verifier,
      ...(isOpenId && { expectedNonce: attempt.nonce, idTokenExpected: true }),
    }).catch(fail('complete the sign-in'))
    return this.#read(tokens)
  }

  /** @throws ProxyError ACCOUNT_GONE where the source takes the token no longer */
  async refresh(refreshToken: string, signal: AbortSignal): Promise<UpstreamTokens> {
    const conversation = await this.#converse(signal)
    const tokens = await refreshTokenGrant(conversation, refreshToken).catch((error: unknown) => {
      if (tokenErrorOf(error) === 'invalid_grant')
        throw new ProxyError('ACCOUNT_GONE', 'cannot refresh: the source takes the refresh token no longer')
      throw upstreamFailure(error, 'refresh')
    })
    const read = this.#read(tokens)
    // Sources without rotation send none, and the old one stays (RFC 6749 §6).
    return { ...read, refreshToken: read.refreshToken ?? refreshToken }
  }

  /** What the userinfo endpoint says, which has to be about the same subject (OpenID Connect Core §5.3.2). */
  async userInfo(accessToken: string, { subject, signal }: { subject: string; signal: AbortSignal }): Promise<Claims> {
    const conversation = await this.#converse(signal)
    if (conversation.serverMetadata().userinfo_endpoint === undefined)
      throw new ProxyError('CONNECTOR_MISCONFIGURED', 'cannot ask for userinfo: the source has no such endpoint')
    const claims = await fetchUserInfo(conversation, accessToken, subject).catch(fail('read userinfo'))
    return { ...claims }
  }

  /**
   * An ID token from elsewhere: issuer, audience, party, times and signature, through the library's own checks of a
   * token answer, which is made up here and asks nobody.
   */
  async readIdToken(token: string, signal: AbortSignal): Promise<Claims> {
    const made = { access_token: 'none', token_type: 'bearer', id_token: token }
    const conversation = await this.#converse(signal, Response.json(made))
    const tokens = await genericGrantRequest(conversation, 'urn:ietf:params:oauth:grant-type:token-exchange', {}).catch(
      fail('trust the ID token'),
    )
    const claims = { ...tokens.claims() }
    checkAuthorizedParty(claims, this.#options.clientId)
    return claims
  }

  /** The subject of an access token from elsewhere, which was made for us (RFC 7662 §2.2, §4). */
  async introspect(token: string, signal: AbortSignal): Promise<string> {
    const conversation = await this.#converse(signal)
    if (conversation.serverMetadata().introspection_endpoint === undefined)
      throw new ProxyError(
        'CONNECTOR_ANSWER_INVALID',
        'cannot trust the access token: the source has no introspection endpoint that would say who it was made for; hand in an ID token',
      )
    const found = await tokenIntrospection(conversation, token).catch(fail('trust the access token'))
    const { clientId } = this.#options
    const audience = [found.aud ?? []].flat()
    if (!found.active)
      throw new ProxyError('CONNECTOR_ANSWER_INVALID', 'cannot trust the access token: it is not active')
    if (found.client_id !== clientId && !audience.includes(clientId))
      throw new ProxyError('CONNECTOR_ANSWER_INVALID', 'cannot trust the access token: it was made for somebody else')
    return subjectOf({ sub: found.sub })
  }

  /**
   * Whether the source knows us by our credentials, found out with a code that is none. Undefined: it cannot be told.
   * @throws ProxyError CONNECTOR_UNREACHABLE, CONNECTOR_MISCONFIGURED where there are none to show
   */
  async isKnown(signal: AbortSignal): Promise<boolean | undefined> {
    const conversation = await this.#converse(signal)
    const { redirectUri } = this.#options
    const answer = new URL(`${redirectUri}?code=ostiary-looks-whether-its-credentials-are-taken`)
    const { verifier } = newAttempt()
    // The answer is ours, and names the issuer where the source would.
    answer.searchParams.set('iss', conversation.serverMetadata().issuer)
    const error = await authorizationCodeGrant(conversation, answer, { pkceCodeVerifier: verifier }).then(
      () => undefined,
      (cause: unknown) => cause,
    )
    const code = tokenErrorOf(error)
    if (code === 'invalid_client' || code === 'unauthorized_client') return false
    if (code === 'invalid_grant') return true
    const status = statusOf(error)
    if (status === 404 || status === 405)
      throw new ProxyError('CONNECTOR_MISCONFIGURED', `cannot ask the token endpoint: its address answers ${status}`)
    const failure = upstreamFailure(error, 'ask the token endpoint')
    if (failure.code === 'CONNECTOR_UNREACHABLE' || failure.code === 'CONNECTOR_MISCONFIGURED') throw failure
    return undefined
  }

  /** Number of usable keys. @throws ProxyError */
  async countKeys(signal: AbortSignal): Promise<number> {
    const { jwks_uri: url } = await this.#options.metadata()
    if (url === undefined) return 0
    signal.throwIfAborted()
    const http = await this.#options.http()
    const request = { url, keyId: undefined, download: keysFrom(http, url), now: this.#options.now() }
    const set = await this.#keys.respond(request).catch(fail('read the keys'))
    return ((await set.json()) as { keys: unknown[] }).keys.length
  }

  #read(tokens: TokenAnswer): UpstreamTokens {
    const { clientId, now } = this.#options
    const claims = tokens.claims()
    if (claims && tokens.id_token !== undefined) {
      const facts = { idToken: tokens.id_token, accessToken: tokens.access_token, clientId, now: now() }
      checkIdToken({ ...claims }, facts)
      subjectOf({ ...claims })
    }
    return {
      claims: claims && { ...claims },
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token,
    }
  }

  /** A configuration for one conversation, with all checks on; keys come through this object, which keeps them. */
  async #converse(signal: AbortSignal, tokenAnswer?: Response): Promise<Configuration> {
    const { clientId, authentication, protocol, now } = this.#options
    const [metadata, http] = await Promise.all([this.#options.metadata(), this.#options.http()])
    const proof = tokenAnswer ? None() : authentication(metadata.token_endpoint_auth_methods_supported)
    const conversation = new Configuration(metadata, clientId, undefined, proof)
    let keyId: string | undefined
    conversation.timeout = 10
    conversation[customFetch] = async (url, init) => {
      if (url === metadata.jwks_uri)
        return this.#keys.respond({ url, keyId, download: keysFrom(http, url), now: now() })
      const isToken = url === metadata.token_endpoint
      const signals = [signal, ...(init.signal ? [init.signal] : [])]
      const response =
        isToken && tokenAnswer
          ? tokenAnswer
          : await http.fetch(url, { ...(init as RequestInit), signal: AbortSignal.any(signals) })
      if (isToken && protocol === 'oauth') return withoutIdToken(response)
      if (protocol === 'openid') keyId = await keyIdOf(response.clone())
      return response
    }
    if (protocol === 'openid') enableNonRepudiationChecks(conversation)
    if (Object.values(metadata).some((value) => typeof value === 'string' && value.startsWith('http:')))
      allowInsecureRequests(conversation)
    return conversation
  }
}

function fail(step: string): (error: unknown) => never {
  return (error) => {
    throw upstreamFailure(error, step)
  }
}

/** A source whose key set is away for the moment is away itself. */
function keysFrom(http: UpstreamHttp, url: string): () => Promise<Response> {
  return async () => {
    const response = await http.fetch(url)
    const { status } = response
    if (status >= 500) throw new UpstreamFailure(new ProxyError('CONNECTOR_UNREACHABLE', `key set: status ${status}`))
    return response
  }
}
