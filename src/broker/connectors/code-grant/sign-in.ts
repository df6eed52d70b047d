/** Signing in by the authorization code grant (RFC 6749 §4.1) with PKCE (RFC 7636), as GitHub and GitLab speak it. */
import { digestText, isSameText, randomText } from '../../../crypto/random.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { Departure } from '../connector.ts'
import { type CodeGrant, printable, requireOwnCallback } from './code-grant.ts'
import { requestTokens, type Tokens } from './token-endpoint.ts'

export function departure(
  grant: CodeGrant,
  { state, scopes }: { state: string; scopes: readonly string[] },
): Departure {
  requireOwnCallback(grant)
  const verifier = randomText(32)
  const url = new URL(grant.authorizeUrl)
  const parameters = {
    client_id: grant.client.id,
    redirect_uri: grant.redirectUri,
    response_type: 'code',
    scope: scopes.join(' '),
    state,
    code_challenge: digestText(verifier),
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return { send: { by: 'redirect', url: url.href }, secrets: JSON.stringify({ verifier }) }
}

export interface Arrival {
  readonly answer: URLSearchParams
  readonly by: 'GET' | 'POST'
  readonly state: string
  readonly secrets: string
  readonly signal: AbortSignal
}

/**
 * Trades the code for tokens.
 * @throws ProxyError CONNECTOR_REFUSED, CONNECTOR_ANSWER_INVALID and those of `requestTokens`
 */
export async function redeem(grant: CodeGrant, arrival: Arrival): Promise<Tokens> {
  const code = readCode(grant, arrival)
  const fields = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: grant.redirectUri,
    code_verifier: readVerifier(grant, arrival.secrets),
  }
  return requestTokens(grant, { fields, refused: 'CONNECTOR_ANSWER_INVALID', signal: arrival.signal })
}

/** New tokens for the old refresh token. A refusal means that the user, or the service, took the access back. */
export async function renew(grant: CodeGrant, refreshToken: string, signal: AbortSignal): Promise<Tokens> {
  const fields = { grant_type: 'refresh_token', refresh_token: refreshToken, redirect_uri: grant.redirectUri }
  return requestTokens(grant, { fields, refused: 'ACCOUNT_GONE', signal })
}

function readCode({ service, authorizeUrl }: CodeGrant, { answer, by, state }: Arrival): string {
  const invalid = (found: string) =>
    new ProxyError('CONNECTOR_ANSWER_INVALID', `cannot use the answer of ${service}: got ${found}`)
  if (by !== 'GET') throw invalid('a form where a query is expected')
  for (const name of ['state', 'code', 'error', 'iss'])
    if (answer.getAll(name).length > 1) throw invalid(`${name} twice`)
  // Compared before all else: an answer that belongs to another sign-in says nothing about this one (RFC 9700 §4.7).
  if (!isSameText(answer.get('state') ?? '', state)) throw invalid('another state than was sent')
  // RFC 9207 §2.4. Neither service has metadata for plain OAuth, so that the origin is all there is to compare.
  const issuer = answer.get('iss')
  if (issuer !== null && originOf(issuer) !== new URL(authorizeUrl).origin) throw invalid('an answer of another issuer')
  const error = answer.get('error')
  if (error !== null) throw refusal(service, error, answer.get('error_description') ?? '')
  const code = answer.get('code') ?? ''
  if (!/^[\x21-\x7e]{1,2048}$/.test(code)) throw invalid(code === '' ? 'no code' : 'a code that is none')
  return code
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined
}

/** What is wrong with the set-up, and what the person or the service did not want (RFC 6749 §4.1.2.1). */
function refusal(service: string, error: string, description: string): ProxyError {
  const isTransient = error === 'temporarily_unavailable' || error === 'server_error'
  const isOurs = /^(?:redirect_uri_mismatch|application_suspended|unauthorized_client|invalid_|unsupported_)/.test(
    error,
  )
  const code = isTransient ? 'CONNECTOR_UNREACHABLE' : isOurs ? 'CONNECTOR_MISCONFIGURED' : 'CONNECTOR_REFUSED'
  const text = printable(description === '' ? error : `${error} (${description})`)
  return new ProxyError(code, `cannot sign in at ${service}: ${text}`, {
    ...(isTransient && { headers: ['retry-after', '5'] }),
  })
}

function readVerifier({ service }: CodeGrant, secrets: string): string {
  try {
    const { verifier } = JSON.parse(secrets) as { verifier?: unknown }
    if (typeof verifier === 'string') return verifier
  } catch {
    // Told below.
  }
  throw new ProxyError('CONNECTOR_ANSWER_INVALID', `cannot finish at ${service}: expected what the sign-in began with`)
}
