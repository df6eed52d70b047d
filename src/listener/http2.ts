/** HTTP/2 on TLS sockets handed in (RFC 9113): Envoy's edge limits, and one connection's abuse ends that connection. */
import { createServer, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { normalAddress } from '../wire/address.ts'
import type { Connections } from './connections.ts'
import type { Door } from './door.ts'
import { Http2Connection } from './http2-connection.ts'

export interface Http2 {
  /** Speaks HTTP/2 on a TLS socket that chose `h2` by ALPN. */
  take(socket: TLSSocket): void
}

/** Octets that a stream may send before we read, and a connection over all its streams. */
const streamWindow = 65_535
const connectionWindow = 1024 * 1024
/** Octets of an answer's head before compression; more than is taken from an application. */
const longestAnswerHead = 512 * 1024
/** Pseudo-header fields, and some more, so that a request with too many fields still gets its 431. */
const sparePairs = 64

/** Makes the one HTTP/2 engine of a set of listeners. */
export function openHttp2(door: Door, connections: Connections): Http2 {
  const of = new WeakMap<object, Http2Connection>()
  const { limits } = door
  const server = createServer({
    // Node's own bound, 64 KiB, resets the stream of an answer that sets many cookies.
    maxSendHeaderBlockLength: longestAnswerHead,
    maxHeaderListPairs: door.admission().maximumHeaders + sparePairs,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxSettings: 32,
    maxOutstandingPings: 10,
    streamResetBurst: limits.resetBurst,
    streamResetRate: limits.resetsPerSecond,
    // Admission looks at repeated fields itself; Node would keep the first and forget the others.
    strictSingleValueFields: false,
    settings: {
      maxConcurrentStreams: limits.streams,
      initialWindowSize: streamWindow,
      maxHeaderListSize: limits.headerBytes,
      enableConnectProtocol: false,
    },
  })

  let latest: ServerHttp2Session | undefined
  server.on('session', (session) => {
    latest = session
  })
  server.on('sessionError', () => {}) // what failed was a connection, and it closes
  const arrive = (request: Http2ServerRequest, response: Http2ServerResponse): void => {
    const { session } = request.stream
    const connection = session && of.get(session)
    if (connection) connection.arrive(request, response)
    else request.stream.close()
  }
  server.on('request', arrive)
  // Without these two Node itself answers 100 before anybody has decided, or 417 without a log line.
  server.on('checkContinue', arrive)
  server.on('checkExpectation', arrive)
  server.on('connect', arrive)

  return {
    take(socket) {
      const peerAddress = normalAddress(socket.remoteAddress ?? '')
      if (peerAddress === undefined) {
        socket.destroy()
        return
      }
      latest = undefined
      server.emit('connection', socket)
      const session = latest as ServerHttp2Session | undefined
      if (session === undefined) {
        socket.destroy()
        return
      }
      session.setLocalWindowSize(connectionWindow)
      const connection = new Http2Connection(door, { session, socket, peerAddress })
      of.set(session, connection)
      connections.register(socket, connection)
    },
  }
}
