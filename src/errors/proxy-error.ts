/** The one error class that crosses stations: a row of the catalogue, a message for the log, and the cause. */
import type { ErrorCode } from './catalog.ts'

export class ProxyError extends Error {
  readonly code: ErrorCode
  /** Extra response headers (flat list), such as Retry-After. */
  readonly headers: readonly string[]

  /** `message` is for the log only: "cannot X: Y, got Z". The client reads the row of `code`. */
  constructor(code: ErrorCode, message: string, options: { cause?: unknown; headers?: readonly string[] } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ProxyError'
    this.code = code
    this.headers = options.headers ?? []
  }
}
