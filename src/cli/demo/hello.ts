/** The sample application `hello`: shows the request and who the proxy says is there, echoes a WebSocket, tells the time. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { type Application, openApplication, sendPage, sendScript } from './application.ts'
import { type Echo, helloPage, livePage, liveScript } from './hello-pages.ts'

const ECHO_OCTETS = 1 << 20
const SOCKETS = 100
const CLOCKS = 100
const BODY_OCTETS = 64 << 10

export interface HelloOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export function openHello({ now }: HelloOptions): Promise<Application> {
  const echo = new WebSocketServer({ noServer: true, maxPayload: ECHO_OCTETS, clientTracking: true })
  let clocks = 0

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? '/').replace(/\?.*/s, '')
    if (path === '/live') return sendPage(response, livePage())
    if (path === '/live.js') return sendScript(response, liveScript)
    if (path === '/clock') {
      if (clocks >= CLOCKS) return void response.writeHead(503, { 'retry-after': '5' }).end('too many clocks\n')
      clocks++
      response.once('close', () => clocks--)
      return tick(response, now)
    }
    const seen = await describe(request)
    if ((request.headers.accept ?? '').includes('json')) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(seen, null, 2)}\n`)
      return
    }
    sendPage(response, helloPage(seen))
  }

  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    if (echo.clients.size >= SOCKETS || !/^\/socket(?:\?|$)/.test(request.url ?? '')) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    echo.handleUpgrade(request, socket, head, (client) => {
      client.on('message', (data, isBinary) => {
        // Who sends and never reads would fill this process with echoes.
        if (client.bufferedAmount > 4 * ECHO_OCTETS) return client.terminate()
        client.send(data, { binary: isBinary })
      })
      client.on('error', () => client.terminate())
    })
  }
  return openApplication({ serve, upgrade })
}

/** Server-sent events: the time, now and every second, for as long as somebody listens. */
function tick(response: ServerResponse, now: () => number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const send = () => response.write(`data: ${new Date(now()).toISOString()}\n\n`)
  send()
  const timer = setInterval(send, 1000)
  response.once('close', () => clearInterval(timer))
}

async function describe(request: IncomingMessage): Promise<Echo> {
  const headers: string[] = []
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    headers.push((request.rawHeaders[at] ?? '').toLowerCase(), request.rawHeaders[at + 1] ?? '')
  }
  const token = request.headers['x-pomerium-jwt-assertion']
  return {
    method: request.method ?? 'GET',
    target: request.url ?? '/',
    headers,
    body: await readStart(request),
    assertion: typeof token === 'string' ? readClaims(token) : undefined,
  }
}

/** Reads the body to its end, so that the connection can be used again, and keeps the beginning. */
async function readStart(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    if (size < BODY_OCTETS) parts.push(part)
    size += part.length
  }
  return Buffer.concat(parts).subarray(0, BODY_OCTETS).toString('utf8')
}

function readClaims(token: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    return typeof claims === 'object' && claims !== null ? { ...claims } : undefined
  } catch {
    return undefined
  }
}
