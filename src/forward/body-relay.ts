/** A request's body on its way to an application; whatever becomes of it there, the client's request stays ours. */
import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import { Readable } from 'node:stream'

/**
 * undici destroys the stream it was given when the application fails or answers early. This stands in between, so that
 * the client's request can still be read to its end, or refused, by whoever answers.
 */
export class BodyRelay extends Readable {
  readonly #request: IncomingMessage | Http2ServerRequest
  #begun = false
  #isLetGo = false
  readonly #data = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#request.pause()
  }
  readonly #end = (): void => {
    this.push(null)
  }
  readonly #gone = (): void => {
    if (!this.#request.readableEnded) this.destroy(new ClientGone())
  }

  constructor(request: IncomingMessage | Http2ServerRequest) {
    super({ highWaterMark: 64 * 1024 })
    this.#request = request
    // undici reads once before it listens, and not at all where it gives up in between: a client that leaves in that
    // moment must not end the process.
    this.on('error', () => {})
  }

  /** True once an octet may have been taken from the client: from then on nothing can be sent again. */
  get begun(): boolean {
    return this.#begun
  }

  /** Nothing more of the request goes this way, and what becomes of it is no business of this any more. */
  letGo(): void {
    this.#isLetGo = true
    this.#request.off('data', this.#data).off('end', this.#end)
  }

  override _read(): void {
    if (this.#isLetGo) return
    if (this.#begun) {
      this.#request.resume()
      return
    }
    this.#begun = true
    this.#request.on('data', this.#data).on('end', this.#end).on('close', this.#gone).on('error', this.#gone)
    if (this.#request.destroyed) this.#gone()
    else this.#request.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const request = this.#request
    request.off('data', this.#data).off('end', this.#end).off('close', this.#gone)
    // The listener for errors stays: an error after this must not be one that nobody hears.
    if (this.#begun && !this.#isLetGo && !request.destroyed) request.pause()
    callback(error)
  }
}

/** The client left in the middle of its own request. */
export class ClientGone extends Error {
  constructor() {
    super('the client left')
    this.name = 'ClientGone'
  }
}
