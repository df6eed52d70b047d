/** Names what went wrong in the conversation with the provider, without repeating what the provider said. */
import { ClientError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client'
import { ProxyError } from '../errors/proxy-error.ts'
import { UnreachableError } from './provider-fetch.ts'

/**
 * A row of the catalogue for a failed step. The error's own causes hold tokens, codes and claims, so that only its
 * message and code go on.
 *
 * @param step what was tried, as in "cannot …"
 */
export function providerFailure(error: unknown, step: string): ProxyError {
  if (error instanceof ProxyError) return error
  const message = `cannot ${step}: ${describe(error)}`
  if (isUnreachable(error)) return new ProxyError('PROVIDER_UNREACHABLE', message, { headers: ['retry-after', '5'] })
  if (error instanceof ResponseBodyError) {
    // The code was used, has expired, was made for another client, or made up.
    if (error.error === 'invalid_grant') return new ProxyError('CALLBACK_INVALID', message)
    return new ProxyError('PROVIDER_INVALID', message)
  }
  // The token endpoint does not take us for the client that we say we are.
  if (error instanceof WWWAuthenticateChallengeError) return new ProxyError('PROVIDER_INVALID', message)
  return new ProxyError('TOKEN_INVALID', message)
}

function isUnreachable(error: unknown): boolean {
  return isAway(error) || statusOf(error) >= 500
}

/** Nobody answered, or only what stands in front of the provider did (502, 503, 504): signing in would not work either. */
export function isAway(error: unknown): boolean {
  if (error instanceof UnreachableError) return true
  // Its metadata was never had.
  if (error instanceof ProxyError) return error.code === 'PROVIDER_UNREACHABLE'
  if (error instanceof ClientError && (error.code === 'OAUTH_TIMEOUT' || error.code === 'OAUTH_ABORT')) return true
  return [502, 503, 504].includes(statusOf(error))
}

/** Status of an answer that could not be used; 0 where there is none to tell. */
function statusOf(error: unknown): number {
  if (error instanceof ResponseBodyError) return error.status
  if (!(error instanceof ClientError) || error.code !== 'OAUTH_RESPONSE_IS_NOT_CONFORM') return 0
  return error.cause instanceof Response ? error.cause.status : 0
}

function describe(error: unknown): string {
  if (error instanceof ResponseBodyError) return `the provider answered ${error.status} ${printable(error.error)}`
  if (error instanceof ClientError) {
    // One level down stands the name of the check that failed; what it compared is left out.
    const inner =
      error.cause instanceof Error && error.cause.message !== error.message ? `: ${error.cause.message}` : ''
    const status = error.cause instanceof Response ? `: status ${error.cause.status}` : ''
    return printable(`${error.message}${inner}${status}`)
  }
  return printable(error instanceof Error ? error.message : 'unknown failure')
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 300)
}
