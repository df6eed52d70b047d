/** HTTP/1.1 on sockets handed in: the strict parser of Node, and what it lets through closed here. */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { normalAddress } from '../wire/address.ts'
import type { Connections } from './connections.ts'
import type { Door } from './door.ts'
import { Http1Connection } from './http1-connection.ts'
import { handshakeOf } from './upgrade.ts'

export interface Http1 {
  /** Speaks HTTP/1.1 on a socket that was just accepted. */
  take(socket: Socket, secure: boolean): void
}

/** Makes the one HTTP/1.1 engine of a set of listeners. */
export function openHttp1(door: Door, connections: Connections): Http1 {
  const of = new WeakMap<object, Http1Connection>()
  const server = createServer({
    insecureHTTPParser: false,
    maxHeaderSize: door.limits.headerBytes,
    // Refused by admission, with a log line.
    requireHostHeader: false,
    // These work for listening servers only; Connections sweeps instead.
    headersTimeout: 0,
    requestTimeout: 0,
    keepAliveTimeout: 0,
    noDelay: true,
    shouldUpgradeCallback: (request) =>
      handshakeOf({
        method: request.method ?? '',
        version: request.httpVersion,
        rawHeaders: request.rawHeaders,
      }) === 'valid',
  })
  server.timeout = 0
  // Node drops the fields above its limit in silence; with 0 it keeps all, and admission refuses.
  server.maxHeadersCount = 0
  listen(server, of)

  return {
    take(socket, secure) {
      const peerAddress = normalAddress(socket.remoteAddress ?? '')
      if (peerAddress === undefined) {
        socket.destroy()
        return
      }
      const connection = new Http1Connection(door, { socket, secure, peerAddress })
      of.set(socket, connection)
      socket.on('error', () => {}) // the close that follows says all there is to say
      connections.register(socket, connection)
      server.emit('connection', socket)
    },
  }
}

function listen(server: Server, of: WeakMap<object, Http1Connection>): void {
  const arrive = (request: IncomingMessage, response: ServerResponse): void => {
    const connection = of.get(request.socket)
    if (connection) connection.arrive(request, response)
    else request.socket.destroy()
  }
  server.on('request', arrive)
  // Without these two Node itself answers 100 before anybody has decided, or 417 without a log line.
  server.on('checkContinue', arrive)
  server.on('checkExpectation', arrive)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    of.get(socket)?.upgrade(request, new ServerResponse(request), head)
  })
  server.on('connect', (request: IncomingMessage, socket: Duplex) => {
    of.get(socket)?.refuseTunnel(request)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const connection = of.get(socket)
    if (connection) connection.fail(error)
    else socket.destroy()
  })
}
