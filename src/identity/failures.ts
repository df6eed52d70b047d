/** Names what went wrong in the conversation with the provider, without repeating what the provider said. */
import { ClientError, ResponseBodyError } from 'openid-client'
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
  return new ProxyError('TOKEN_INVALID', message)
}

function isUnreachable(error: unknown): boolean {
  if (error instanceof UnreachableError) return true
  if (error instanceof ResponseBodyError) return error.status >= 500
  if (!(error instanceof ClientError)) return false
  if (error.code === 'OAUTH_TIMEOUT' || error.code === 'OAUTH_ABORT') return true
  return error.code === 'OAUTH_RESPONSE_IS_NOT_CONFORM' && error.cause instanceof Response && error.cause.status >= 500
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
