/** What went wrong on the way to an application, as rows of the catalogue. */
import { ProxyError } from '../errors/proxy-error.ts'

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** `connected`: whether a byte of the request may have reached the application. `origin` is for the log only. */
export function upstreamFailure(
  error: unknown,
  { origin, connected }: { origin: string; connected: boolean },
): ProxyError {
  if (error instanceof ProxyError) return error
  const code = codeOf(error)
  const why = error instanceof Error ? error.message : String(error)
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT' || code === 'ECONNECT_TIMEOUT') {
    return new ProxyError('UPSTREAM_TIMEOUT', `cannot connect to ${origin}: ${why}`, { cause: error })
  }
  if (code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW' || isBadAnswer(error)) {
    return new ProxyError('UPSTREAM_INVALID', `cannot read the answer of ${origin}: ${why}`, { cause: error })
  }
  // Refused before anything was sent: what was to be sent is wrong, not the application.
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') {
    return new ProxyError('INTERNAL', `cannot send the request to ${origin}: ${why}`, { cause: error })
  }
  const what = connected ? 'no whole answer from' : 'cannot connect to'
  return new ProxyError('UPSTREAM_UNREACHABLE', `${what} ${origin}: ${why}`, { cause: error })
}

/** undici's words for an answer that breaks HTTP: 100 or 101 that nobody asked for, bytes after the end. */
function isBadAnswer(error: unknown): boolean {
  const code = codeOf(error)
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return true
  return error instanceof Error && /^bad (?:upgrade|response)$|does not match the HTTP/.test(error.message)
}

/** True where the request never left, so that another target (or another try) may have it, whatever its method. */
export function neverSent(error: unknown, connected: boolean): boolean {
  if (connected || error instanceof ProxyError) return false
  const code = codeOf(error)
  return code !== 'UND_ERR_INVALID_ARG' && code !== 'UND_ERR_NOT_SUPPORTED'
}

/** True where a connection that was in use before had just been closed by the application. */
export function wasReset(error: unknown): boolean {
  return ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error)) && !isBadAnswer(error)
}
