/** One HTTP/2 connection: its streams, its budget of resets, and its clock. */
import {
  constants,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Refusal } from './admission.ts'
import { admit } from './admit.ts'
import { writeBareAnswer } from './bare-answer.ts'
import type { Connection } from './connections.ts'
import type { Door } from './door.ts'

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR } = constants

interface Pair {
  readonly request: Http2ServerRequest
  readonly response: Http2ServerResponse
}

export class Http2Connection implements Connection {
  readonly #door: Door
  readonly #session: ServerHttp2Session
  readonly #socket: Socket
  readonly #peerAddress: string
  #streams = 0
  #served = false
  #idleSince: number
  /** What is left of the budget of resets, as of `#budgetAt`. */
  #budget: number
  #budgetAt: number

  constructor(door: Door, parts: { session: ServerHttp2Session; socket: Socket; peerAddress: string }) {
    this.#door = door
    this.#session = parts.session
    this.#socket = parts.socket
    this.#peerAddress = parts.peerAddress
    this.#idleSince = door.now()
    this.#budget = door.limits.resetBurst
    this.#budgetAt = this.#idleSince
    this.#session.on('stream', (stream) => this.#follow(stream))
  }

  /** A request whose head is complete; CONNECT, too. */
  arrive(request: Http2ServerRequest, response: Http2ServerResponse): void {
    const { stream } = request
    // Reset in the same packet that opened it: nothing is to be done for it any more.
    if (stream.destroyed || stream.closed || this.#session.destroyed) return
    const head = {
      protocol: 'http2',
      method: request.method,
      target: request.url ?? '',
      version: '2.0',
      rawHeaders: request.rawHeaders,
      peerAddress: this.#peerAddress,
      secure: true,
      ended: stream.endAfterHeaders,
    } as const
    const door = this.#door
    const admission = admit(head, door.admission(), { id: door.newId(), now: door.now() })
    if (admission.kind === 'refusal') {
      this.#refuse(admission.refusal, { request, response })
      return
    }
    if (admission.visit.hasBody) failTruncated(request)
    this.#watch(request, response)
    try {
      const done = door.handlers.exchange({ visit: admission.visit, request, response, upgraded: undefined })
      if (done) done.catch(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
    } catch {
      stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    }
  }

  /** GOAWAY: streams under way finish, then the session closes the socket (RFC 9113 §6.8). */
  drain(): void {
    if (!this.#session.closed) this.#session.close()
  }

  sweep(now: number): void {
    if (this.#streams > 0) return
    const { idle, head } = this.#door.limits
    const silent = now - this.#idleSince
    if (silent <= (this.#served ? idle : head)) return
    if (this.#session.closed) this.#socket.destroy()
    else this.#session.close()
  }

  #follow(stream: ServerHttp2Stream): void {
    this.#streams++
    this.#served = true
    stream.on('error', () => {}) // its close says all there is to say
    stream.once('close', () => {
      this.#streams--
      if (this.#streams === 0) this.#idleSince = this.#door.now()
      if (stream.rstCode !== NGHTTP2_NO_ERROR) this.#spendReset()
    })
  }

  /**
   * Rapid reset (CVE-2023-44487) and its mirror, resets that the client makes us send (CVE-2025-8671), both open work
   * faster than the cap on open streams can see. The budget covers a browser that leaves a page full of images.
   */
  #spendReset(): void {
    const { resetBurst, resetsPerSecond } = this.#door.limits
    const now = this.#door.now()
    this.#budget = Math.min(resetBurst, this.#budget + ((now - this.#budgetAt) / 1000) * resetsPerSecond) - 1
    this.#budgetAt = now
    if (this.#budget >= 0 || this.#session.destroyed) return
    this.#session.goaway(NGHTTP2_ENHANCE_YOUR_CALM)
    this.#session.destroy(undefined, NGHTTP2_ENHANCE_YOUR_CALM)
  }

  /** Ends a stream whose client sends no more of its body, or takes no more of the answer. */
  #watch(request: Http2ServerRequest, response: Http2ServerResponse): void {
    const { bodyIdle, idle } = this.#door.limits
    const { stream } = request
    let stuck = 0
    const look = (): void => {
      if (stream.destroyed) return
      stuck = stream.writableLength > 0 ? stuck + bodyIdle : 0
      const isAwaited = !request.complete && request.readableLength === 0
      if (isAwaited && !response.headersSent) {
        response.statusCode = 408
        response.end()
      }
      if (isAwaited || stuck > idle) stream.close(NGHTTP2_CANCEL)
      else stream.setTimeout(bodyIdle, look)
    }
    stream.setTimeout(bodyIdle, look)
  }

  #refuse(refusal: Refusal, { request, response }: Pair): void {
    const { stream } = response
    // A client that never opens its window would keep the stream, and with it the connection.
    this.#watch(request, response)
    // A whole answer before the end of the request: the client is to stop sending (RFC 9113 §8.1).
    response.once('finish', () => stream.close(NGHTTP2_NO_ERROR))
    const { refused } = this.#door.handlers
    if (refused) refused(refusal, response)
    else writeBareAnswer(response, refusal)
  }
}

/**
 * Makes a body that was cut off fail. Node ends the body of a stream that was reset just like a whole one, so whoever
 * reads it would carry half an upload on as a complete request. Only an end on a stream that is still open counts.
 */
function failTruncated(request: Http2ServerRequest): void {
  const { stream } = request
  let isWhole = false
  const look = (): void => {
    if (!isWhole && !request.readableEnded) request.destroy(new Error('the client did not send the whole body'))
  }
  request.on('error', () => {}) // for those who do not read it
  request.on('aborted', look)
  stream.prependListener('end', () => {
    isWhole ||= !stream.closed
    look()
  })
  stream.prependListener('close', look)
}
