/** One request on its way: dispatched to an application, its answer streamed back, both ends watched. */
import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { ProxyError } from '../errors/proxy-error.ts'
import type { Exchange } from '../listener/visit.ts'
import type { Outcome } from '../respond/answer.ts'
import { hasHeader } from '../wire/headers.ts'
import { BodyRelay, ClientGone } from './body-relay.ts'
import { endWith } from './end-with.ts'
import { neverSent, upstreamFailure, wasReset } from './failures.ts'
import { flushHead } from './flush-head.ts'
import { passInterim } from './interim.ts'
import { endLateBody } from './late-body.ts'
import type { ResponseHead } from './response-headers.ts'
import type { Target, Targets } from './targets.ts'

/** What a route knows about carrying, compiled once. */
export interface Carriage {
  readonly targets: Targets
  readonly responseHead: (status: number, raw: readonly (Buffer | string)[]) => ResponseHead
  /** Milliseconds for the whole answer, from the end of the request; 0 for no limit. */
  readonly timeout: number
  /** Milliseconds without an octet either way; 0 for no limit. */
  readonly idleTimeout: number
  readonly now: () => number
}

export interface Load {
  readonly exchange: Exchange
  readonly path: string
  /** Begins with `host`; its value is replaced where another target is tried and `hostOf` says so. */
  readonly headers: string[]
  readonly target: Target
  /** The Host for a target, or undefined where all have the same. */
  readonly hostOf: ((target: Target) => string) | undefined
}

/** Methods whose request may be sent again after a connection broke: safe ones only, although RFC 9110 §9.2.2 allows more. */
const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH'])
/** INTERNAL_ERROR (RFC 9113 §7): the client must not take what it has for the whole. */
const brokenStream = 2

/** Carries `load`; rejects with a ProxyError while nothing was answered yet. */
export function carry(carriage: Carriage, load: Load): Promise<Outcome> {
  return new Promise((resolve, reject) => new Carrier({ carriage, load, resolve, reject }).start())
}

interface Parts {
  readonly carriage: Carriage
  readonly load: Load
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: ProxyError) => void
}

class Carrier implements Dispatcher.DispatchHandler {
  readonly #carriage: Carriage
  readonly #load: Load
  readonly #response: ServerResponse
  readonly #resolve: Parts['resolve']
  readonly #reject: Parts['reject']
  readonly #tried: Target[] = []
  #target: Target
  #body: BodyRelay | null = null
  #repeats = 0
  #interim = 0
  /** Set while a dispatched request has not ended. */
  #underWay = false
  #connected = false
  #abort: ((error?: Error) => void) | undefined
  #resume: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #contentLength = -1
  #size = 0
  /** A body in one piece, kept back to go out together with the head. */
  #held: Buffer | undefined
  #begun = false
  #completed = false
  #over = false

  constructor({ carriage, load, resolve, reject }: Parts) {
    this.#carriage = carriage
    this.#load = load
    // Http2ServerResponse offers every call that is made here under the same name.
    this.#response = load.exchange.response as ServerResponse
    this.#target = load.target
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    const { exchange } = this.#load
    this.#response.on('close', () => this.#closed())
    if (this.#response.destroyed) {
      this.#closed()
      return
    }
    if (exchange.visit.hasBody) this.#body = new BodyRelay(exchange.request)
    const { timeout, idleTimeout } = this.#carriage
    if (timeout > 0) this.#timer = setTimeout(() => this.#late(), timeout)
    if (idleTimeout > 0) this.#idleTimer = setTimeout(() => this.#idle(), idleTimeout)
    this.#dispatch()
  }

  #dispatch(): void {
    const { exchange, path, headers, hostOf } = this.#load
    this.#tried.push(this.#target)
    this.#connected = false
    this.#abort = undefined
    this.#underWay = true
    if (hostOf) headers[1] = hostOf(this.#target)
    try {
      this.#target.lease.dispatch({ method: exchange.visit.method, path, headers, body: this.#body }, this)
    } catch (error) {
      this.#underWay = false
      this.#fail(error)
    }
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort
    this.#connected = true
    if (this.#over) {
      abort(new ClientGone())
      return
    }
    const { visit } = this.#load.exchange
    // Only now that somebody will read it: a refusal before this spares the client the upload (RFC 9110 §10.1.1).
    if (this.#body && hasHeader(visit.headers, 'expect') && visit.httpVersion !== '1.0') this.#response.writeContinue()
  }

  onBodySent(): void {
    // The clock for the answer starts when the request has been sent; until then each piece starts it anew.
    this.#timer?.refresh()
    this.#idleTimer?.refresh()
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    if (this.#over) return true
    if (status < 200)
      return passInterim(status, {
        count: ++this.#interim,
        visit: this.#load.exchange.visit,
        response: this.#response,
        headers: () => this.#carriage.responseHead(status, raw).headers,
      })
    if (status > 599) throw new ProxyError('UPSTREAM_INVALID', `cannot pass the answer on: its status is ${status}`)
    const { headers, contentLength } = this.#carriage.responseHead(status, raw)
    this.#carriage.targets.answered(this.#target)
    this.#idleTimer?.refresh()
    this.#resume = resume
    this.#contentLength = contentLength
    this.#response.writeHead(status, headers)
    // Whatever follows in the same piece of input has been handed over by then; a head that stands alone goes out alone.
    process.nextTick(flush, this)
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#over) return true
    this.#size += chunk.length
    this.#idleTimer?.refresh()
    if (!this.#begun && chunk.length === this.#contentLength) {
      this.#held = chunk
      return true
    }
    this.#begun = true
    return this.#write(chunk)
  }

  onComplete(): void {
    this.#ended()
    if (this.#over) return
    this.#completed = true
    this.#clearTimers()
    endWith(this.#response, this.#held)
    const { exchange } = this.#load
    if (this.#body && !exchange.request.complete) endLateBody(exchange, this.#body)
  }

  onError(error: Error): void {
    const connected = this.#connected
    this.#ended()
    if (this.#over) return
    if (error instanceof ClientGone) this.#closed()
    else if (this.#response.headersSent) this.#cut()
    else {
      if (neverSent(error, connected)) this.#carriage.targets.failed(this.#target, this.#carriage.now())
      if (!this.#tryAgain(error, connected)) this.#fail(error, connected)
    }
  }

  /** Sends what waits once the input at hand was worked through. */
  flush(): void {
    if (this.#over || this.#completed || this.#begun) return
    this.#begun = true
    const held = this.#held
    this.#held = undefined
    if (held) this.#write(held)
    else flushHead(this.#response, this.#load.exchange.visit)
  }

  #write(chunk: Buffer): boolean {
    if (this.#response.write(chunk)) return true
    const resume = this.#resume
    this.#response.once('drain', () => resume?.())
    return false
  }

  #tryAgain(error: Error, connected: boolean): boolean {
    const { exchange } = this.#load
    if (this.#body?.begun) return false
    if (neverSent(error, connected)) {
      const next = this.#carriage.targets.pick(this.#carriage.now(), this.#tried)
      if (!next) return false
      this.#target = next
    } else {
      if (this.#body || this.#repeats > 0 || !wasReset(error) || !repeatable.has(exchange.visit.method)) return false
      this.#repeats++
    }
    this.#dispatch()
    return true
  }

  /** The time for the whole answer is over. */
  #late(): void {
    // A client that sends slowly is the listener's to judge; the application has not had its turn yet.
    const { request } = this.#load.exchange
    if (this.#body && !request.complete && !request.isPaused()) {
      this.#timer?.refresh()
      return
    }
    this.#stop(`no whole answer in ${this.#carriage.timeout} ms`)
  }

  #idle(): void {
    this.#stop(`nothing moved for ${this.#carriage.idleTimeout} ms`)
  }

  #stop(what: string): void {
    const error = new ProxyError('UPSTREAM_TIMEOUT', `${what} from ${this.#origin}`)
    if (this.#abort) this.#abort(error)
    // Still waiting for a connection: `onConnect` gives it back.
    else this.#fail(error)
  }

  #fail(error: unknown, connected = false): void {
    if (this.#over) return
    this.#over = true
    this.#clearTimers()
    this.#reject(upstreamFailure(error, { origin: this.#origin, connected }))
  }

  /** The application broke off in the middle: the client must see that, too. */
  #cut(): void {
    const { visit } = this.#load.exchange
    this.#settle('upstream_reset')
    const response = this.#response
    if (visit.httpVersion === '2.0') {
      if ('stream' in response) (response.stream as { close(code: number): void } | undefined)?.close(brokenStream)
    } else if (this.#contentLength === -1 && visit.httpVersion === '1.0') {
      // There the end of the connection is the end of the body; only a reset tells the difference.
      response.socket?.resetAndDestroy()
    } else response.destroy()
  }

  /** The response is finished, or its client is gone. */
  #closed(): void {
    if (this.#over) return
    const whole = this.#completed && this.#response.writableFinished
    this.#settle(whole ? 'via_upstream' : 'downstream_disconnect')
    if (!this.#completed) this.#abort?.(new ClientGone())
  }

  #settle(details: string): void {
    this.#over = true
    this.#clearTimers()
    const status = this.#response.headersSent ? this.#response.statusCode : 0
    this.#resolve({ status, size: this.#size, details, upstream: this.#origin })
  }

  #ended(): void {
    if (!this.#underWay) return
    this.#underWay = false
    this.#target.lease.done()
  }

  #clearTimers(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#idleTimer)
  }

  get #origin(): string {
    return this.#target.lease.endpoint.origin
  }
}

function flush(carrier: Carrier): void {
  carrier.flush()
}
