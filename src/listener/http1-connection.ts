/** One HTTP/1.1 connection: one exchange at a time, and a clock on every way to keep it open for nothing. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ErrorCode } from '../errors/catalog.ts'
import type { Admission, Refusal } from './admission.ts'
import { admit } from './admit.ts'
import { bareAnswerBytes, writeBareAnswer } from './bare-answer.ts'
import type { Connection } from './connections.ts'
import { type Door, refusalWithoutHead } from './door.ts'
import { codeOf } from './parser-errors.ts'
import type { Exchange } from './visit.ts'

interface Pair {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** How long a refused client may go on sending before the socket is cut: cutting at once would lose our answer. */
const linger = 500

export class Http1Connection implements Connection {
  readonly #door: Door
  readonly #socket: Socket
  readonly #secure: boolean
  readonly #peerAddress: string
  /** The exchange under way. */
  #current: Pair | undefined
  /** Pipelined requests behind it: the next one starts when the answer before is out (RFC 9112 §9.3.2). */
  readonly #waiting: Pair[] = []
  #served = false
  #upgraded = false
  #draining = false
  /** Bytes that could not be parsed came after what is under way: answered in its turn, then closed. */
  #lastWord: Refusal | undefined
  #closing = false

  #received = 0
  #receivedAt: number
  #sent = 0
  #sentAt: number
  /** What had been received when the connection became idle; more than that is the beginning of a head. */
  #receivedWhenIdle = 0
  #idleSince: number
  #headSince: number | undefined
  /** The last request, while the rest of its body still comes although it was answered: it is thrown away. */
  #leftover: IncomingMessage | undefined

  constructor(door: Door, { socket, secure, peerAddress }: { socket: Socket; secure: boolean; peerAddress: string }) {
    this.#door = door
    this.#socket = socket
    this.#secure = secure
    this.#peerAddress = peerAddress
    this.#idleSince = door.now()
    this.#receivedAt = this.#idleSince
    this.#sentAt = this.#idleSince
    // TLS has read more than its handshake when it hands the socket over; what counts is what comes from here on.
    this.#receivedWhenIdle = socket.bytesRead
    this.#received = socket.bytesRead
  }

  /** A request whose head is complete. */
  arrive(request: IncomingMessage, response: ServerResponse): void {
    if (this.#closing) return
    if (this.#current === undefined) {
      this.#start({ request, response })
      return
    }
    if (this.#waiting.length >= this.#door.limits.pipelined) {
      this.#cutFor('too many requests wait behind an unanswered one')
      return
    }
    this.#waiting.push({ request, response })
  }

  /** A WebSocket handshake: the socket has left the parser, `response` is not bound to it yet. */
  upgrade(request: IncomingMessage, response: ServerResponse, head: Buffer): void {
    // Frames behind an unanswered request could be taken for its answer.
    if (this.#closing || this.#current !== undefined) {
      this.#cutFor('a WebSocket handshake came behind an unanswered request')
      return
    }
    this.#upgraded = true
    this.#served = true
    response.shouldKeepAlive = false
    response.assignSocket(this.#socket)
    response.once('finish', () => this.#socket.destroySoon())
    const admission = this.#admit(request)
    if (admission.kind === 'refusal') {
      this.#refuse(admission.refusal, response)
      return
    }
    this.#hand({ visit: admission.visit, request, response, upgraded: { socket: this.#socket, head } })
  }

  /** CONNECT: the socket has left the parser. */
  refuseTunnel(request: IncomingMessage): void {
    const admission = this.#admit(request)
    const refusal =
      admission.kind === 'refusal' ? admission.refusal : this.#refusal('METHOD_REFUSED', 'method CONNECT is not served')
    this.#sayLast(refusal)
  }

  /** The parser gave up, or the socket failed. */
  fail(error: NodeJS.ErrnoException): void {
    if (this.#closing || this.#lastWord) return
    const code = codeOf(error)
    if (code === undefined) {
      this.#cut()
      return
    }
    // What comes after `Connection: close` is not read (RFC 9112 §9.6); the answer under way ends the connection.
    if (error.code === 'HPE_CLOSED_CONNECTION' && this.#current !== undefined) return
    this.#sayLast(this.#refusal(code, `cannot read request: ${error.code ?? 'the parser failed'}`))
  }

  drain(): void {
    this.#draining = true
    if (this.#upgraded) return
    if (this.#current === undefined) this.#end()
    else if (!this.#current.response.headersSent) this.#current.response.shouldKeepAlive = false
  }

  sweep(now: number): void {
    if (this.#upgraded) return
    const { limits } = this.#door
    const received = this.#socket.bytesRead
    if (received !== this.#received) {
      this.#received = received
      this.#receivedAt = now
    }
    const unsent = this.#socket.writableLength
    const sent = this.#socket.bytesWritten - unsent
    if (sent !== this.#sent || unsent === 0) {
      this.#sent = sent
      this.#sentAt = now
    }
    if (now - this.#sentAt > limits.idle) {
      this.#cut()
      return
    }
    if (this.#current) {
      this.#sweepBody(this.#current, now)
      return
    }
    if (this.#leftover) {
      this.#sweepLeftover(this.#leftover, now)
      return
    }
    if (received === this.#receivedWhenIdle) {
      if (now - this.#idleSince > (this.#served ? limits.idle : limits.head)) this.#cut()
      return
    }
    this.#headSince ??= now
    if (now - this.#headSince > limits.head) this.#sayLast(this.#refusal('REQUEST_TIMEOUT', 'its head came too slowly'))
  }

  #sweepLeftover(request: IncomingMessage, now: number): void {
    if (request.complete) {
      this.#leftover = undefined
      this.#idleSince = now
      this.#receivedWhenIdle = this.#received
    } else if (now - this.#idleSince > this.#door.limits.bodyIdle) this.#cut()
  }

  #sweepBody({ request, response }: Pair, now: number): void {
    // With bytes still unread in the buffer it is us who wait, for the application.
    if (request.complete || request.readableLength > 0) return
    if (now - this.#receivedAt <= this.#door.limits.bodyIdle) return
    if (!response.headersSent) this.#socket.write(bareAnswerBytes({ status: 408, headers: [] }))
    this.#cut()
  }

  #start({ request, response }: Pair): void {
    this.#current = { request, response }
    this.#served = true
    this.#headSince = undefined
    this.#leftover = undefined
    this.#receivedAt = this.#door.now()
    if (this.#draining) response.shouldKeepAlive = false
    response.on('close', () => this.#finish())
    const admission = this.#admit(request)
    if (admission.kind === 'refusal') {
      this.#refuse(admission.refusal, response)
      return
    }
    const exchange: Exchange = { visit: admission.visit, request, response, upgraded: undefined }
    // The parser reports broken framing just after the head: a tick later it is known, and nobody behind saw anything.
    if (exchange.visit.hasBody) process.nextTick(() => this.#handUnlessClosed(exchange))
    else this.#hand(exchange)
  }

  #finish(): void {
    const request = this.#current?.request
    this.#leftover = request?.complete === false ? request : undefined
    this.#current = undefined
    // Node has ended the socket already where this answer was the last.
    if (this.#closing || !this.#socket.writable) {
      this.#closing = true
      this.#waiting.length = 0
      return
    }
    const next = this.#waiting.shift()
    if (next) {
      this.#start(next)
      return
    }
    if (this.#lastWord) {
      this.#sayLast(this.#lastWord)
      return
    }
    if (this.#draining) this.#end()
    this.#idleSince = this.#door.now()
    this.#receivedWhenIdle = this.#socket.bytesRead
    this.#received = this.#receivedWhenIdle
  }

  #admit(request: IncomingMessage): Admission {
    const head = {
      protocol: 'http1',
      method: request.method ?? '',
      target: request.url ?? '',
      version: request.httpVersion,
      rawHeaders: request.rawHeaders,
      peerAddress: this.#peerAddress,
      secure: this.#secure,
      ended: false,
    } as const
    return admit(head, this.#door.admission(), { id: this.#door.newId(), now: this.#door.now() })
  }

  #handUnlessClosed(exchange: Exchange): void {
    if (!this.#closing && !this.#socket.destroyed) this.#hand(exchange)
  }

  #hand(exchange: Exchange): void {
    try {
      const done = this.#door.handlers.exchange(exchange)
      if (done) done.catch(() => this.#cut())
    } catch {
      this.#cut()
    }
  }

  #refuse(refusal: Refusal, response: ServerResponse): void {
    if (refusal.status >= 400) {
      // Whatever else came on this connection may be part of the trick.
      response.shouldKeepAlive = false
      this.#closing = true
      this.#waiting.length = 0
    }
    const { refused } = this.#door.handlers
    if (refused) refused(refusal, response)
    else writeBareAnswer(response, refusal)
  }

  #refusal(code: ErrorCode, detail: string): Refusal {
    return refusalWithoutHead(this.#door, { code, detail, peerAddress: this.#peerAddress })
  }

  /** Answers on the bare socket and closes it; after the answer under way, where there is one whose request is whole. */
  #sayLast(refusal: Refusal): void {
    if (this.#closing) return
    if (this.#current?.request.complete === true && this.#lastWord === undefined) {
      this.#lastWord = refusal
      return
    }
    const headersSent = this.#current?.response.headersSent === true
    this.#closing = true
    this.#waiting.length = 0
    this.#door.handlers.refused?.(refusal, undefined)
    // In the middle of another answer ours would be read as part of it.
    if (headersSent || !this.#socket.writable) {
      this.#socket.destroy()
      return
    }
    this.#socket.end(bareAnswerBytes(refusal))
    this.#socket.resume()
    setTimeout(() => this.#socket.destroy(), linger).unref()
  }

  /** Says goodbye between two requests: one that was on its way all the same is not taken, so that the client repeats it. */
  #end(): void {
    this.#closing = true
    this.#socket.end()
  }

  /** Cuts, and tells the log why: nobody else will. */
  #cutFor(detail: string): void {
    if (!this.#closing) this.#door.handlers.refused?.(this.#refusal('REQUEST_MALFORMED', detail), undefined)
    this.#cut()
  }

  #cut(): void {
    this.#closing = true
    this.#waiting.length = 0
    this.#socket.destroy()
  }
}
