/** Opens the doors: HTTPS (HTTP/1.1 and HTTP/2 by ALPN) or plain HTTP, with one set of limits and one drain for all. */
import { randomUUID } from 'node:crypto'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { bytes, type Milliseconds, milliseconds } from '../wire/units.ts'
import type { AdmitOptions } from './admission.ts'
import { listenOn, printBound } from './bind.ts'
import { type CertificatePair, type Certificates, compileCertificates } from './certificates.ts'
import { Connections } from './connections.ts'
import type { Door, Handlers, Limits } from './door.ts'
import { type Http1, openHttp1 } from './http1.ts'
import { type Http2, openHttp2 } from './http2.ts'

export interface ListenerOptions {
  /** `:443`, `127.0.0.1:8443`, `[::1]:443`. */
  readonly address: string
  /** Absent: plain HTTP (`insecure_server`). */
  readonly tls?: { readonly certificates: readonly CertificatePair[]; readonly fallback?: CertificatePair | undefined }
  readonly admission: AdmitOptions
  /** What is left out has the value of `defaultLimits`. */
  readonly limits?: Partial<Limits>
  readonly now?: () => number
  readonly newId?: () => string
}

export interface Listeners extends AsyncDisposable {
  /** Where it listens, as host:port; the port is the real one where 0 was asked for. */
  readonly address: string
  readonly port: number
  /** Sockets that are open now. */
  readonly connectionCount: number
  /** New handshakes use these; open connections keep theirs. Throws on a bad pair, and then nothing changes. */
  replaceCertificates(certificates: readonly CertificatePair[], fallback?: CertificatePair): void
  /** Requests that arrive from now on are admitted by these. */
  replaceAdmission(admission: AdmitOptions): void
  /**
   * Takes no more connections, tells clients (`Connection: close`, GOAWAY), lets requests under way finish for
   * `grace` milliseconds, then cuts the rest. A second call with a shorter grace hastens it.
   */
  drain(grace: Milliseconds): Promise<void>
}

export const defaultLimits: Limits = {
  head: milliseconds(30_000),
  bodyIdle: milliseconds(30_000),
  idle: milliseconds(300_000),
  headerBytes: bytes(128 * 1024),
  connections: 8192,
  pipelined: 16,
  streams: 100,
  resetBurst: 300,
  resetsPerSecond: 30,
}

/** Listens on one address; rejects where it cannot, with the address in the message. */
export async function openListeners(options: ListenerOptions, handlers: Handlers): Promise<Listeners> {
  const limits = { ...defaultLimits, ...options.limits }
  let { admission } = options
  const now = options.now ?? Date.now
  const door: Door = { handlers, limits, now, admission: () => admission, newId: options.newId ?? randomUUID }
  const connections = new Connections({ every: sweepInterval(limits), now })
  const http1 = openHttp1(door, connections)
  const front = options.tls
    ? openTls({ http1, http2: openHttp2(door, connections), limits, certificates: compile(options.tls) })
    : openPlain(http1)
  const { server } = front
  server.maxConnections = limits.connections
  server.on('connection', (socket) => connections.track(socket))

  const bound = await listenOn(server, options.address).catch((error: unknown) => {
    connections.destroy()
    throw error
  })
  server.on('error', () => {}) // a failed accept (no descriptor left) concerns one client

  const drain = async (grace: Milliseconds): Promise<void> => {
    server.close()
    await connections.drain(grace)
  }
  return {
    address: printBound(bound),
    port: bound.port,
    get connectionCount() {
      return connections.size
    },
    replaceCertificates(certificates, fallback) {
      front.replace(compileCertificates(certificates, fallback))
    },
    replaceAdmission(next) {
      admission = next
    },
    drain,
    [Symbol.asyncDispose]: () => drain(milliseconds(0)),
  }
}

interface Front {
  readonly server: Server
  replace(certificates: Certificates): void
}

function compile(tls: NonNullable<ListenerOptions['tls']>): Certificates {
  return compileCertificates(tls.certificates, tls.fallback)
}

function openPlain(http1: Http1): Front {
  const server = createTcpServer({ noDelay: true }, (socket: Socket) => http1.take(socket, false))
  return { server, replace() {} }
}

interface TlsParts {
  readonly http1: Http1
  readonly http2: Http2
  readonly limits: Limits
  readonly certificates: Certificates
}

function openTls({ http1, http2, limits, certificates }: TlsParts): Front {
  let current = certificates
  const defaults = ({ fallback }: Certificates) =>
    ({ cert: fallback.certPem, key: fallback.keyPem, minVersion: 'TLSv1.2' }) as const
  const server: TlsServer = createTlsServer({
    ...defaults(current),
    // Some clients of HTTP/1.0 name it; without a common name the handshake fails (RFC 7301 §3.2).
    ALPNProtocols: ['h2', 'http/1.1', 'http/1.0'],
    SNICallback: (serverName, done) => done(null, current.contextFor(serverName)),
    handshakeTimeout: limits.head,
    noDelay: true,
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') http2.take(socket)
    else http1.take(socket, true)
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return {
    server,
    replace(next) {
      server.setSecureContext(defaults(next))
      current = next
    },
  }
}

/** Often enough to keep a limit within a quarter, and never a burden. */
function sweepInterval({ head, bodyIdle, idle }: Limits): Milliseconds {
  return milliseconds(Math.max(25, Math.min(1000, Math.min(head, bodyIdle, idle) / 4)))
}
