/** The small listener for whoever watches the process (`health_check_addr`): /startupz, /readyz, /healthz, /status. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listenOn, printBound } from './bind.ts'

export interface HealthStatus {
  /** The first configuration is in force. */
  readonly started: boolean
  /** New requests are welcome; false from the beginning of a drain. */
  readonly ready: boolean
  /** The process works at all: a drain is alive and not ready. */
  readonly alive: boolean
  /** Named checks for /status, such as `identity-provider.oidc`. */
  readonly checks?: Readonly<Record<string, { readonly ok: boolean; readonly detail?: string }>>
}

export interface HealthListener extends AsyncDisposable {
  readonly address: string
  readonly port: number
}

export interface HealthOptions {
  readonly address: string
  status(): HealthStatus
}

/** Listens on `address`; answers GET and HEAD with 200 or 503. */
export async function openHealthListener(options: HealthOptions): Promise<HealthListener> {
  const server = createServer({ maxHeaderSize: 16 * 1024, headersTimeout: 5_000, requestTimeout: 5_000 })
  server.maxConnections = 64
  server.on('request', (request, response) => answer(request, response, options.status()))
  server.on('connect', (_request, socket) => socket.destroy())
  const bound = await listenOn(server, options.address)
  return {
    address: printBound(bound),
    port: bound.port,
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<void>()
      server.close(() => resolve())
      server.closeAllConnections()
      await promise
    },
  }
}

function answer(request: IncomingMessage, response: ServerResponse, status: HealthStatus): void {
  response.shouldKeepAlive = false
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, { status: 405, text: 'method not allowed', headers: { allow: 'GET, HEAD' } })
    return
  }
  switch (request.url?.split('?', 1)[0]) {
    case '/startupz':
      send(response, verdict(status.started, 'started'))
      return
    case '/readyz':
      send(response, verdict(status.ready, 'ready'))
      return
    case '/healthz':
      send(response, verdict(status.alive, 'alive'))
      return
    case '/status': {
      const isGood = status.started && status.ready && status.alive
      const headers = { 'content-type': 'application/json' }
      send(response, { status: isGood ? 200 : 503, text: JSON.stringify(status), headers })
      return
    }
    default:
      send(response, { status: 404, text: 'not found' })
  }
}

interface Reply {
  readonly status: number
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

function verdict(holds: boolean, word: string): Reply {
  return holds ? { status: 200, text: word } : { status: 503, text: `not ${word}` }
}

function send(response: ServerResponse, { status, text, headers }: Reply): void {
  const body = `${text}\n`
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}
