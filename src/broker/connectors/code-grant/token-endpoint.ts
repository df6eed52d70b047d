/** The token endpoint of a code grant (RFC 6749 §3.2): tokens, and what its refusals mean. */
import type { ErrorCode } from '../../../errors/catalog.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { UpstreamAnswer } from '../upstream-http.ts'
import { failureOfStatus } from './api-answer.ts'
import { type CodeGrant, printable } from './code-grant.ts'

export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** Milliseconds since the epoch; undefined: the service did not say. */
  readonly expiresAt: number | undefined
  /** What was granted; undefined: the service did not say. */
  readonly scopes: readonly string[] | undefined
}

interface TokenRequest {
  readonly fields: Readonly<Record<string, string>>
  /** What it means that the service does not take the code or refresh token. */
  readonly refused: ErrorCode
  readonly signal: AbortSignal
}

/** Printable octets without spaces: anything else would end up in a header (RFC 6750 §2.1). */
const tokenSyntax = /^[\x21-\x7e]{1,8192}$/

/** Our own fault, by RFC 6749 §5.2 and in GitHub's words. */
const ownFaults: ReadonlySet<string> = new Set([
  ...['incorrect_client_credentials', 'invalid_client', 'unauthorized_client', 'redirect_uri_mismatch'],
  ...['unsupported_grant_type', 'invalid_scope', 'application_suspended', 'Not Found'],
])

/** The service does not know the code or refresh token, and therefore knew us. */
const unknownGrants: ReadonlySet<string> = new Set(['bad_verification_code', 'bad_refresh_token', 'invalid_grant'])

/**
 * @throws ProxyError CONNECTOR_UNREACHABLE, CONNECTOR_MISCONFIGURED, CONNECTOR_ANSWER_INVALID,
 *   ACCOUNT_EMAIL_UNVERIFIED, and `refused`
 */
export async function requestTokens(grant: CodeGrant, { fields, refused, signal }: TokenRequest): Promise<Tokens> {
  const answer = await post(grant, fields, signal)
  const members = readMembers(answer.text)
  const failure = failureOfStatus(answer, { what: 'tokens', service: grant.service, now: grant.tools.now() })
  const error = typeof members['error'] === 'string' ? members['error'] : undefined
  // GitHub refuses with status 200. What an overloaded service says is about itself.
  if (error !== undefined && failure?.code !== 'CONNECTOR_UNREACHABLE')
    throw meaningOf(error, { grant, members, refused })
  if (failure) throw failure
  return readTokens(grant, members)
}

/**
 * Asks with a code that cannot be right: a service that says so has looked at our id and secret before (GitHub and
 * GitLab both do).
 * @throws ProxyError CONNECTOR_UNREACHABLE, CONNECTOR_MISCONFIGURED
 */
export async function probeClient(grant: CodeGrant, signal: AbortSignal): Promise<void> {
  const fields = {
    grant_type: 'authorization_code',
    code: 'a-code-that-was-never-given',
    redirect_uri: grant.redirectUri,
  }
  try {
    await requestTokens(grant, { fields, refused: 'CONNECTOR_REFUSED', signal })
  } catch (error) {
    if (error instanceof ProxyError && error.code === 'CONNECTOR_REFUSED') return
    throw error
  }
  throw new ProxyError(
    'CONNECTOR_MISCONFIGURED',
    `cannot trust ${grant.service}: expected a refusal of a made-up code, got tokens`,
  )
}

async function post(grant: CodeGrant, fields: TokenRequest['fields'], signal: AbortSignal): Promise<UpstreamAnswer> {
  const { id, secret } = grant.client
  return grant.http.request(grant.tokenUrl, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...fields, client_id: id, client_secret: secret.reveal() }).toString(),
    signal,
  })
}

function meaningOf(
  error: string,
  { grant, members, refused }: { grant: CodeGrant; members: Readonly<Record<string, unknown>>; refused: ErrorCode },
): ProxyError {
  const description = typeof members['error_description'] === 'string' ? ` (${members['error_description']})` : ''
  const text = printable(`${error}${description}`)
  const message = `cannot get tokens from ${grant.service}: ${text}`
  if (error === 'unverified_user_email') return new ProxyError('ACCOUNT_EMAIL_UNVERIFIED', message)
  if (ownFaults.has(error)) return new ProxyError('CONNECTOR_MISCONFIGURED', message)
  return new ProxyError(unknownGrants.has(error) ? refused : 'CONNECTOR_ANSWER_INVALID', message)
}

function readTokens({ service, tools }: CodeGrant, members: Readonly<Record<string, unknown>>): Tokens {
  const { access_token: accessToken, refresh_token: refreshToken, token_type: type, expires_in: life, scope } = members
  const isBearer = type === undefined || (typeof type === 'string' && type.toLowerCase() === 'bearer')
  if (typeof accessToken !== 'string' || !tokenSyntax.test(accessToken) || !isBearer) {
    const message = `cannot use the answer of ${service}: expected a bearer token, got something else`
    throw new ProxyError('CONNECTOR_ANSWER_INVALID', message)
  }
  const seconds = Number(life)
  return {
    accessToken,
    refreshToken: typeof refreshToken === 'string' && tokenSyntax.test(refreshToken) ? refreshToken : undefined,
    expiresAt: life !== undefined && seconds > 0 ? tools.now() + Math.min(seconds, 1e9) * 1000 : undefined,
    // GitHub separates by commas, RFC 6749 §3.3 by spaces.
    scopes: typeof scope === 'string' && scope !== '' ? scope.split(/[ ,]+/) : undefined,
  }
}

/** The members of a JSON object; none where the text is no such thing. */
function readMembers(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // An error page, mostly: its status is told.
  }
  return {}
}
