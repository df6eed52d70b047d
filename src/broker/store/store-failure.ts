/** How a store says that it failed. Ids are tokens, so no message names one. */
import { ProxyError } from '../../errors/proxy-error.ts'

/** @param what "open", "put RefreshToken"; @param why "Y, got Z" */
export function storeFailure(what: string, why: string, cause?: unknown): ProxyError {
  return new ProxyError('BROKER_STORE_FAILED', `cannot ${what}: ${why}`, { cause })
}

/** For what was thrown below. */
export function storeFailureOf(what: string, error: unknown): ProxyError {
  if (error instanceof ProxyError) return error
  return storeFailure(what, error instanceof Error ? error.message : String(error), error)
}
