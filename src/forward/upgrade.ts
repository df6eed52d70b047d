/** Carries a WebSocket: http-proxy makes the connection and joins the sockets, after the header list was built here. */
import { createHash } from 'node:crypto'
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { createProxyServer, type ProxyServer } from 'http-proxy'
import { ProxyError } from '../errors/proxy-error.ts'
import type { Exchange, Visit } from '../listener/visit.ts'
import type { Outcome } from '../respond/answer.ts'
import type { Session } from '../session/session.ts'
import { headerOf, headersOf } from '../wire/headers.ts'
import { neverSent, upstreamFailure } from './failures.ts'
import type { OpenUpgrade, OpenUpgrades } from './open-upgrades.ts'
import type { ResponseHead } from './response-headers.ts'
import type { Target, Targets } from './targets.ts'
import { watchTunnel } from './tunnel.ts'
import type { Endpoint } from './upstream-pools.ts'

export interface UpgradeOptions {
  readonly routeId: string
  readonly targets: Targets
  readonly responseHead: (status: number, raw: readonly (Buffer | string)[]) => ResponseHead
  /** Milliseconds until the application has answered the handshake. */
  readonly handshakeTimeout: number
  /** Milliseconds without an octet either way; 0 for no limit. */
  readonly idleTimeout: number
  readonly upgrades: OpenUpgrades
  readonly now: () => number
}

export interface UpgradeLoad {
  readonly exchange: Exchange
  readonly session: Session | undefined
  readonly path: string
  /** The same list as for any other request. */
  readonly headers: readonly string[]
  readonly target: Target
  readonly hostOf: ((target: Target) => string) | undefined
}

/**
 * A browser sends cookies with a WebSocket from any page and lets that page read the answer (RFC 6455 §10.2), so where
 * it says which page it is, that must be one of this very host. Programs that send no Origin are let through.
 * `scheme` is the public one, of the route's `from`: behind a proxy that ends TLS the visit's own may be `http`.
 */
export function checkOrigin(visit: Visit, scheme: 'https' | 'http'): void {
  const own = new URL(`${scheme}://${visit.authority}`).origin
  for (const origin of headersOf(visit.headers, 'origin')) {
    if (!URL.canParse(origin) || new URL(origin).origin !== own) {
      throw new ProxyError('UPGRADE_ORIGIN', `cannot upgrade ${visit.authority}: Origin is ${JSON.stringify(origin)}`)
    }
  }
}

/** Compiles upgrades for one route: resolves when the connection is over; rejects while nothing was answered yet. */
export function compileUpgrade(options: UpgradeOptions): (load: UpgradeLoad) => Promise<Outcome> {
  const proxy = createProxyServer()
  proxy.on('error', () => {}) // http-proxy tells socket errors twice; ours are handled where they happen

  return async (load) => {
    const tried: Target[] = []
    let target: Target | undefined = load.target
    let failure: unknown
    const { socket, head } = upgradedOf(load.exchange)
    if (head.length > 0) socket.unshift(head)
    while (target) {
      tried.push(target)
      const attempt: Attempt = { proxy, options, load, target }
      const answer = await handshake(attempt)
      switch (answer.kind) {
        case 'joined':
          options.targets.answered(target)
          return tunnel(attempt, answer.upstream)
        case 'refused':
          options.targets.answered(target)
          return relayRefusal(attempt, answer.response)
        case 'failed':
          failure = answer.error
          if (!neverSent(answer.error, answer.connected)) {
            throw upstreamFailure(failure, { origin: target.lease.endpoint.origin, connected: answer.connected })
          }
          options.targets.failed(target, options.now())
      }
      const last: Target = target
      target = options.targets.pick(options.now(), tried)
      if (!target) throw upstreamFailure(failure, { origin: last.lease.endpoint.origin, connected: false })
    }
    throw new ProxyError('INTERNAL', 'cannot upgrade: no target')
  }
}

interface Attempt {
  readonly proxy: ProxyServer
  readonly options: UpgradeOptions
  readonly load: UpgradeLoad
  readonly target: Target
}

type Handshaken =
  | { readonly kind: 'joined'; readonly upstream: Socket }
  | { readonly kind: 'refused'; readonly response: IncomingMessage }
  | { readonly kind: 'failed'; readonly error: unknown; readonly connected: boolean }

/** One try: http-proxy sends the handshake; its answer is looked at here before anything reaches the client. */
function handshake({ proxy, options, load, target }: Attempt): Promise<Handshaken> {
  const { exchange, path, headers, hostOf } = load
  const { socket } = upgradedOf(exchange)
  const { endpoint } = target.lease
  const host = hostOf ? ['host', hostOf(target)] : headers.slice(0, 2)
  const asked = headerRecord([...host, ...headers.slice(2), 'connection', 'Upgrade', 'upgrade', 'websocket'])

  return new Promise((resolve) => {
    let connected = false
    let outgoing: ClientRequest | undefined
    const timer = setTimeout(() => {
      fail(new ProxyError('UPSTREAM_TIMEOUT', `no answer to a handshake in ${options.handshakeTimeout} ms`))
    }, options.handshakeTimeout)
    const gone = (): void => fail(new ProxyError('UPSTREAM_UNREACHABLE', 'the client left before the handshake'))
    const settle = (answer: Handshaken): void => {
      clearTimeout(timer)
      socket.off('close', gone)
      resolve(answer)
    }
    const fail = (error: unknown): void => {
      settle({ kind: 'failed', error, connected })
      outgoing?.destroy()
    }
    const take = (request: ClientRequest): void => {
      outgoing = request
      // http-proxy passes addresses through a URL parser, which would spell some of them anew.
      request.path = path
      request.on('socket', (upstream) => {
        upstream.once(endpoint.secure ? 'secureConnect' : 'connect', () => {
          connected = true
        })
      })
    }
    socket.once('close', gone)
    if (socket.destroyed) {
      gone()
      return
    }
    proxy.once('proxyReqWs', take)
    try {
      proxy.ws(requestLike({ headers: asked, path }), socket, Buffer.alloc(0), targetOptions(endpoint), () => {})
    } catch (error) {
      proxy.off('proxyReqWs', take)
      fail(error)
      return
    }
    if (!outgoing) {
      fail(new ProxyError('INTERNAL', 'cannot upgrade: http-proxy made no request'))
      return
    }

    // http-proxy would write whatever comes straight to the client. Its own joining is kept for a good handshake only.
    const join = outgoing.listeners('upgrade')
    for (const event of ['upgrade', 'response', 'error']) outgoing.removeAllListeners(event)
    outgoing.on('error', fail)
    outgoing.on('response', (response) => settle({ kind: 'refused', response }))
    outgoing.on('upgrade', (response: IncomingMessage, upstream: Socket, rest: NonSharedBuffer) => {
      try {
        response.headers = acceptedHeaders(exchange.visit, response, options.responseHead)
      } catch (error) {
        upstream.destroy()
        fail(error)
        return
      }
      unbind(exchange)
      settle({ kind: 'joined', upstream })
      for (const listener of join) listener.call(outgoing, response, upstream, rest)
    })
  })
}

/** The joined sockets until they end, registered so that they can be ended from outside. */
async function tunnel({ options, load, target }: Attempt, upstream: Socket): Promise<Outcome> {
  const { exchange, session } = load
  const { ended, close } = watchTunnel(upgradedOf(exchange).socket, upstream, options.idleTimeout)
  const open: OpenUpgrade = { routeId: options.routeId, visit: exchange.visit, session, close }
  options.upgrades.add(open)
  const cancel = session ? atTime(session.expiresAt, options.now, () => close(1008)) : () => {}
  const { size, reason } = await ended
  cancel()
  options.upgrades.delete(open)
  return { status: 101, size, details: reason, upstream: target.lease.endpoint.origin }
}

/** The application wants no WebSocket: its answer goes back as any other answer. */
async function relayRefusal({ options, load, target }: Attempt, answer: IncomingMessage): Promise<Outcome> {
  const response = load.exchange.response as ServerResponse
  const status = answer.statusCode ?? 0
  try {
    // A 101 without `Upgrade` comes here, too; the client would take it for a connection that nobody joined.
    if (status < 200 || status > 599)
      throw new ProxyError('UPSTREAM_INVALID', `cannot pass the answer on: its status is ${status}`)
    response.writeHead(status, options.responseHead(status, answer.rawHeaders).headers)
  } catch (error) {
    answer.destroy()
    throw upstreamFailure(error, { origin: target.lease.endpoint.origin, connected: true })
  }
  return new Promise((resolve) => {
    let size = 0
    const done = (details: string): void => resolve({ status, size, details, upstream: target.lease.endpoint.origin })
    answer.on('data', (chunk: Buffer) => {
      size += chunk.length
    })
    response.once('finish', () => done('via_upstream'))
    response.once('close', () => {
      answer.destroy()
      done('downstream_disconnect')
    })
    answer.once('error', () => {
      response.destroy()
      done('upstream_reset')
    })
    answer.pipe(response)
  })
}

/** Checks that the application really speaks WebSocket (RFC 6455 §4.2.2), and what of its answer may pass. */
function acceptedHeaders(
  visit: Visit,
  answer: IncomingMessage,
  responseHead: UpgradeOptions['responseHead'],
): NodeJS.Dict<string | string[]> & { upgrade: string } {
  const key = headerOf(visit.headers, 'sec-websocket-key') ?? ''
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  if (answer.headers.upgrade?.toLowerCase() !== 'websocket' || answer.headers['sec-websocket-accept'] !== accept) {
    throw new ProxyError('UPSTREAM_INVALID', 'cannot upgrade: the application did not accept this handshake')
  }
  const { headers } = responseHead(101, answer.rawHeaders)
  return { ...headerRecord(headers), connection: 'Upgrade', upgrade: 'websocket' }
}

/** From here on the socket carries frames, and the response that was bound to it must not touch it. */
function unbind({ response, upgraded }: Exchange): void {
  if (upgraded && 'detachSocket' in response && response.socket) response.detachSocket(response.socket)
}

function upgradedOf(exchange: Exchange): NonNullable<Exchange['upgraded']> {
  if (!exchange.upgraded) throw new ProxyError('INTERNAL', 'cannot upgrade: the request is no handshake')
  return exchange.upgraded
}

function headerRecord(list: readonly string[]): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = Object.create(null)
  for (let at = 0; at < list.length; at += 2) {
    const name = (list[at] ?? '').toLowerCase()
    const value = list[at + 1] ?? ''
    const before = record[name]
    record[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value]
  }
  return record
}

/** What http-proxy reads of a request: nothing that the client wrote reaches it but by our own list. */
function requestLike({ headers, path }: { headers: object; path: string }): IncomingMessage {
  return { method: 'GET', url: path, headers, httpVersion: '1.1', httpVersionMajor: 1 } as unknown as IncomingMessage
}

function targetOptions(endpoint: Endpoint) {
  const { secure, hostname, port, serverName, verify, trust, connectTimeout } = endpoint
  return {
    target: { protocol: secure ? 'https:' : 'http:', host: hostname, hostname, port },
    toProxy: true,
    prependPath: false,
    secure: verify,
    connectTimeout,
    // http-proxy writes into this object, so each try gets its own.
    ssl: secure ? { secureContext: trust, servername: serverName } : {},
  }
}

/** Longest delay of a timer (ms). */
const longest = 2 ** 31 - 1

/** Calls `act` at `moment` (ms since the epoch), however far that is; returns how to cancel. */
function atTime(moment: number, now: () => number, act: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = (): void => {
    const left = moment - now()
    timer = left > longest ? setTimeout(arm, longest) : setTimeout(act, Math.max(left, 0))
    timer.unref()
  }
  arm()
  return () => clearTimeout(timer)
}
