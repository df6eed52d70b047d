/**
 * Our broker offering Dex's management API. Whoever may call it may do everything, so it wants a certificate of every
 * client, unless it listens on loopback. Its own listener stands before the gRPC library: connections, handshakes and
 * calls under way are bounded, and no octet of a stranger reaches the library.
 */

import { createServer as createPlainServer, isIP, type Server as Listener, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { Revealable } from '../../../crypto/key-ring.ts'
import { contextOptions } from '../../../crypto/secure-context.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { Log } from '../../../observe/log.ts'
import { type Management, ManagementError, type ManagementFailure } from '../management.ts'
import { CallFailed } from './call-failed.ts'
import { dexService, type MethodName, methodNames } from './dex-api.ts'
import { dexHandlers, type Handlers } from './dex-handlers.ts'

export interface GrpcApiOptions {
  /** `HOST:PORT`. */
  readonly addr: string
  /** PEM texts. Without `clientCA` everybody would be let in: it is not optional. */
  readonly tls: { readonly cert: string; readonly key: Revealable; readonly clientCA: string } | undefined
  readonly management: Management
  readonly log: Pick<Log, 'event'>
}

const MESSAGE_LIMIT = 4 * 1024 * 1024
const CONNECTIONS = 64
const CALLS = 64
const HANDSHAKE_MS = 5_000
const IDLE_MS = 10 * 60_000

/** @throws ManagementError where it would listen to everybody without asking for certificates, or cannot listen */
export async function openGrpcApi(options: GrpcApiOptions): Promise<AsyncDisposable & { readonly address: string }> {
  const { addr, tls, management, log } = options
  const { host, port } = parseAddress(addr)
  if (!tls && !isLoopback(host))
    throw new ManagementError('invalid', `cannot offer the management API at ${addr}: it would be open to everybody`, {
      details: ['set grpc.tlsCert, grpc.tlsKey and grpc.tlsClientCA, or listen at 127.0.0.1'],
    })
  if (!tls) log.event('warn', 'the management API is open to every process of this machine', { address: addr })
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_LIMIT,
    'grpc.max_concurrent_streams': CALLS,
    'grpc.max_connection_idle_ms': IDLE_MS,
    'grpc.enable_channelz': 0,
  })
  server.addService(dexService(), implementation(dexHandlers(management), log))
  // In clear from the library's point of view: TLS ends in our listener.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
  const sockets = new Set<Socket>()
  const listener = listenerFor(tls, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    injector.injectConnection(socket)
  })
  listener.maxConnections = CONNECTIONS
  await listen(listener, { host, port, addr })
  listener.on('error', (error) => log.event('error', 'the management API failed', { error }))
  return {
    address: addressOf(listener),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => listener.close(resolve))
      injector.drain(0)
      server.forceShutdown()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function listenerFor(tls: GrpcApiOptions['tls'], take: (socket: Socket) => void): Listener {
  if (!tls) return createPlainServer(take)
  const listener = secureListener(tls)
  listener.on('secureConnection', (socket) => {
    // Both are so by the options above; that nobody is let in by an option misread is worth a line.
    if (socket.authorized && socket.alpnProtocol === 'h2') take(socket)
    else socket.destroy()
  })
  listener.on('tlsClientError', (_, socket) => socket.destroy())
  return listener
}

function secureListener({ cert, key, clientCA }: NonNullable<GrpcApiOptions['tls']>) {
  try {
    return createTlsServer({
      ...contextOptions({ cert, key, ca: clientCA }),
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['h2'],
      handshakeTimeout: HANDSHAKE_MS,
    })
  } catch (cause) {
    throw new ManagementError(
      'invalid',
      'cannot use the certificates of the management API: no PEM, or not their key',
      { cause },
    )
  }
}

async function listen(listener: Listener, { host, port, addr }: { host: string; port: number; addr: string }) {
  try {
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject)
      listener.listen({ host, port }, () => {
        listener.off('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
    throw new ManagementError('invalid', `cannot offer the management API at ${addr}: ${code}`, { cause })
  }
}

function implementation(handlers: Handlers, log: GrpcApiOptions['log']): UntypedServiceImplementation {
  let underWay = 0
  return Object.fromEntries(methodNames.map((name) => [name, unary(name)]))

  function unary(name: MethodName): handleUnaryCall<unknown, unknown> {
    // The definition decodes each method's own message: the pairing is that of the table.
    const handle = handlers[name] as (asked: unknown, options: { force: boolean }) => Promise<unknown>
    return (call, answer) => {
      if (underWay >= CALLS) {
        answer({ code: status.RESOURCE_EXHAUSTED, details: `more than ${CALLS} calls are under way` })
        return
      }
      underWay++
      const tell = (level: 'info' | 'warn', what: 'managed' | 'refused') =>
        log.event(level, `${what} over gRPC`, { operation: name, of: subjectOf(call.request) })
      const force = call.metadata.get('ostiary-force').includes('true')
      void handle(call.request, { force })
        .then(
          (result) => {
            if (audited.test(name)) tell('info', wasRefused(result) ? 'refused' : 'managed')
            answer(null, result)
          },
          (error: unknown) => {
            if (audited.test(name)) tell('warn', 'refused')
            answer(failureOf(error, log))
          },
        )
        .finally(() => underWay--)
    }
  }
}

/** What changes something, tells secrets, or tries a password. */
const audited = /^(?:Create|Update|Delete|Revoke|Verify|GetClient|ListConnectors)/

/** Dex says these in an answer that is otherwise good. */
function wasRefused(result: unknown): boolean {
  const { already_exists, not_found } = (result ?? {}) as Readonly<Record<string, unknown>>
  return already_exists === true || not_found === true
}

/** Whom a change concerns, for the log: ids and addresses, nothing else of it. */
function subjectOf(asked: unknown): string {
  const fields = (value: unknown): Readonly<Record<string, unknown>> =>
    typeof value === 'object' && value !== null ? { ...value } : {}
  const whole = fields(asked)
  const inner = fields(whole['connector'] ?? whole['client'] ?? whole['password'])
  const named = [inner['id'], inner['email'], whole['id'], whole['email'], whole['user_id']]
  return String(named.find((one) => typeof one === 'string' && one !== '') ?? '').slice(0, 128)
}

const codes: Readonly<Record<ManagementFailure, status>> = {
  exists: status.ALREADY_EXISTS,
  'not-found': status.NOT_FOUND,
  conflict: status.ABORTED,
  'read-only': status.FAILED_PRECONDITION,
  invalid: status.INVALID_ARGUMENT,
  'does-not-work': status.FAILED_PRECONDITION,
  unsupported: status.UNIMPLEMENTED,
  unreachable: status.UNAVAILABLE,
}

function failureOf(error: unknown, log: GrpcApiOptions['log']): Pick<ServiceError, 'code' | 'details'> {
  if (error instanceof CallFailed) return { code: error.code, details: error.message }
  if (error instanceof ManagementError)
    return { code: codes[error.failure], details: asciiLine([...wordOf(error), ...error.details].join('; ')) }
  log.event('error', 'management failed', { error })
  if (error instanceof ProxyError) return { code: status.UNAVAILABLE, details: asciiLine(error.message) }
  return { code: status.INTERNAL, details: 'the broker failed in an unforeseen way; its log says more' }
}

/** Dex's own words come first where programs look for them. */
function wordOf({ failure, message }: ManagementError): readonly string[] {
  if (failure === 'not-found') return ['not found', message]
  return failure === 'read-only' ? ['read-only', message] : [message]
}

/** It travels in a header. */
function asciiLine(text: string): string {
  return text.replace(/[^\u0020-\u007e]+/g, ' ').slice(0, 2_000)
}

/** `127.0.0.1:5557`, `[::1]:5557`, `:5557` (everywhere, as Go reads it). */
function parseAddress(addr: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(addr)
  const port = Number(match?.[3])
  if (!match || port > 65_535)
    throw new ManagementError('invalid', `cannot listen at ${JSON.stringify(addr)}: expected HOST:PORT`)
  return { host: match[1] ?? (match[2] || '::'), port }
}

/** By number or as `localhost`: what a name resolves to may change. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true
  return isIP(host) === 4 && host.startsWith('127.')
}

function addressOf(listener: Listener): string {
  const address = listener.address()
  if (address === null || typeof address === 'string') return ''
  return `${isIP(address.address) === 6 ? `[${address.address}]` : address.address}:${address.port}`
}
