/** The plain listener that only sends clients on to https (`http_redirect_addr`). */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { catalog } from '../errors/catalog.ts'
import { normalAddress } from '../wire/address.ts'
import { milliseconds } from '../wire/units.ts'
import type { Refusal } from './admission.ts'
import { admit } from './admit.ts'
import { bareAnswerBytes, writeBareAnswer } from './bare-answer.ts'
import { listenOn, printBound } from './bind.ts'
import { codeOf } from './parser-errors.ts'
import type { Problem } from './problems.ts'
import type { Visit } from './visit.ts'

export interface RedirectListener extends AsyncDisposable {
  readonly address: string
  readonly port: number
}

export interface RedirectOptions {
  readonly address: string
  /** Port of the public https address; '' or '443' leaves it out. */
  readonly httpsPort?: string
  readonly refused?: (refusal: Refusal) => void
  /** Told of each visit that was sent on, with the status: for the access log. */
  readonly redirected?: (visit: Visit, status: number) => void
}

/**
 * Redirects to the same host, path and query: 301, and 308 where a method or body must survive. The host is checked
 * like everywhere, so that nobody can be sent to what is no host; nothing else is decided here.
 */
export async function openRedirectListener(options: RedirectOptions): Promise<RedirectListener> {
  const { httpsPort = '', refused, redirected } = options
  const port = httpsPort === '' || httpsPort === '443' ? '' : `:${httpsPort}`
  const server = createServer({
    maxHeaderSize: 32 * 1024,
    requireHostHeader: false,
    headersTimeout: 10_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 2_000,
    shouldUpgradeCallback: () => false,
  })
  server.maxHeadersCount = 0
  server.maxConnections = 1024
  /** Where no response object exists: answered on the bare socket, and logged like any refusal. */
  const refuse = (socket: Duplex, { code, detail }: Problem): void => {
    const { status } = catalog[code]
    const peerAddress = normalAddress((socket as Socket).remoteAddress ?? '') ?? ''
    const refusal = { code, status, detail, headers: [], id: randomUUID(), method: '', authority: '', path: '' }
    refused?.({ ...refusal, peerAddress })
    if (socket.writable) socket.end(bareAnswerBytes(refusal))
    setTimeout(() => socket.destroy(), lingering).unref()
  }
  server.on('connect', (_request, socket) =>
    refuse(socket, { code: 'METHOD_REFUSED', detail: 'cannot admit request: method CONNECT is not served' }),
  )
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const code = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'REQUEST_TIMEOUT' : codeOf(error)
    if (code) refuse(socket, { code, detail: `cannot read request: ${error.code}` })
    else socket.destroy()
  })
  const answer: Parameters<typeof server.on<'request'>>[1] = (request, response) => {
    response.shouldKeepAlive = false
    const head = {
      protocol: 'http1',
      method: request.method ?? '',
      target: request.url ?? '',
      version: request.httpVersion,
      rawHeaders: request.rawHeaders,
      peerAddress: normalAddress(request.socket.remoteAddress ?? '') ?? '',
      secure: false,
      ended: false,
    } as const
    const admission = admit(head, plainAdmission, { id: randomUUID(), now: Date.now() })
    if (admission.kind === 'refusal') {
      refused?.(admission.refusal)
      writeBareAnswer(response, admission.refusal)
      return
    }
    const { host, path, query, method } = admission.visit
    const status = method === 'GET' || method === 'HEAD' ? 301 : 308
    response.writeHead(status, { location: `https://${host}${port}${path}${query}`, 'content-length': '0' })
    response.end()
    redirected?.(admission.visit, status)
  }
  server.on('request', answer)
  server.on('checkContinue', answer)
  server.on('checkExpectation', answer)
  const bound = await listenOn(server, options.address)
  return {
    address: printBound(bound),
    port: bound.port,
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<void>()
      server.close(() => resolve())
      setTimeout(() => server.closeAllConnections(), milliseconds(200)).unref()
      await promise
    },
  }
}

/** How long (ms) a refused client may go on sending before it is cut: cutting at once would lose our answer. */
const lingering = 500

/** What the https side refuses it refuses itself, with its own page: here only the host matters. */
const plainAdmission = {
  normalizePath: true,
  mergeSlashes: true,
  escapedSlashes: 'keep_unchanged',
  underscores: 'allow',
  trustedHops: 0,
  skipXffAppend: false,
  maximumHeaders: 1000,
} as const
