/** Names what went wrong in the conversation with a source, without repeating tokens, codes or claims. */
import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import type { ErrorCode } from '../../../errors/catalog.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import { UpstreamFailure } from '../upstream-http.ts'

/** What a source says to the browser when the sign-in cannot be (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6). */
const answers: Readonly<Record<string, ErrorCode>> = {
  server_error: 'CONNECTOR_UNREACHABLE',
  temporarily_unavailable: 'CONNECTOR_UNREACHABLE',
  invalid_request: 'CONNECTOR_MISCONFIGURED',
  invalid_scope: 'CONNECTOR_MISCONFIGURED',
  unauthorized_client: 'CONNECTOR_MISCONFIGURED',
  unsupported_response_type: 'CONNECTOR_MISCONFIGURED',
}

/**
 * A row of the catalogue for a failed step. The error's own causes are left out: they hold what must not be logged.
 *
 * @param step what was tried, as in "cannot …"
 */
export function upstreamFailure(error: unknown, step: string): ProxyError {
  if (error instanceof ProxyError) return error
  // Thrown by what the library called of ours.
  if (error instanceof ClientError && error.cause instanceof ProxyError) return error.cause
  const message = `cannot ${step}: ${describe(error)}`
  if (error instanceof UpstreamFailure) return new ProxyError(error.failure.code, message, error.failure)
  const code = codeOf(error)
  return new ProxyError(code, message, code === 'CONNECTOR_UNREACHABLE' ? { headers: ['retry-after', '5'] } : {})
}

/** The error code that the token endpoint gave (RFC 6749 §5.2), or undefined. */
export function tokenErrorOf(error: unknown): string | undefined {
  if (error instanceof ResponseBodyError) return error.error
  // A 401 without a body that could be read: the client is not known by these credentials.
  const status = statusOf(error)
  return status === 401 ? 'invalid_client' : undefined
}

function codeOf(error: unknown): ErrorCode {
  if (error instanceof AuthorizationResponseError) return answers[error.error] ?? 'CONNECTOR_REFUSED'
  const status = statusOf(error)
  if (status !== undefined && (status >= 500 || status === 429)) return 'CONNECTOR_UNREACHABLE'
  if (error instanceof ResponseBodyError && ['invalid_client', 'unauthorized_client'].includes(error.error))
    return 'CONNECTOR_MISCONFIGURED'
  if (error instanceof ClientError && ['OAUTH_TIMEOUT', 'OAUTH_ABORT'].includes(error.code ?? ''))
    return 'CONNECTOR_UNREACHABLE'
  return 'CONNECTOR_ANSWER_INVALID'
}

/** The status of an answer that was a refusal. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof ResponseBodyError || error instanceof WWWAuthenticateChallengeError) return error.status
  return error instanceof ClientError && error.cause instanceof Response ? error.cause.status : undefined
}

function describe(error: unknown): string {
  if (error instanceof UpstreamFailure) return error.failure.message
  if (error instanceof AuthorizationResponseError) return `the source answered ${printable(error.error)}`
  if (error instanceof ResponseBodyError) return `the source answered ${error.status} ${printable(error.error)}`
  if (error instanceof ClientError) {
    // One level down stands the name of the check that failed; what it compared is left out.
    const inner =
      error.cause instanceof Error && error.cause.message !== error.message ? `: ${error.cause.message}` : ''
    const status = error.cause instanceof Response ? `: status ${error.cause.status}` : ''
    return printable(`${error.message}${inner}${status}`)
  }
  return printable(error instanceof Error ? error.message : 'unknown failure')
}

export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 300)
}
