/** A call that fails, as gRPC says it. */
import type { status } from '@grpc/grpc-js'

export class CallFailed extends Error {
  readonly code: status

  constructor(code: status, message: string, options?: { cause: unknown }) {
    super(message, options)
    this.name = 'CallFailed'
    this.code = code
  }
}
