/**
 * A forward proxy for programs that cannot keep cookies or find invented names: it takes CONNECT, ends TLS itself, and
 * carries each request to one target, host name and all, with a Cookie header laid over. It changes nothing else, so
 * two runs through it differ only by what stands at the target.
 */
import { createServer, type IncomingMessage, request as plainRequest, type ServerResponse } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import type { Certificate } from './certificate.ts'

export interface CourierOptions {
  /** What the program sees when it opens TLS through the courier. */
  readonly certificate: Certificate
  /** Where every request goes; with `ca` over TLS, else in plain HTTP. */
  readonly target: { readonly host: string; readonly port: number; readonly ca?: string }
  /** The value of the Cookie header to add, if any. */
  readonly cookie?: string
}

export interface Courier extends AsyncDisposable {
  /** `http://127.0.0.1:port`, to be given as proxy. */
  readonly url: string
}

/** Of one connection only (RFC 9110 §7.6.1): never carried from one to the next. */
const HOP = new Set(['connection', 'keep-alive', 'te', 'proxy-connection', 'transfer-encoding', 'upgrade'])

/** Starts a courier on a free port of 127.0.0.1. */
export async function startCourier(options: CourierOptions): Promise<Courier> {
  const sockets = new Set<Socket>()
  const context = createSecureContext({ cert: options.certificate.certificate, key: options.certificate.key })
  const carrier = createServer((incoming, answer) => carry(options, { incoming, answer }))
  // An expectation is the target's to answer (RFC 9110 §10.1.1), so `100 Continue` is passed on, never made here.
  carrier.on('checkContinue', (incoming, answer) => carry(options, { incoming, answer }))

  const door = createServer((_, answer) => answer.writeHead(405).end())
  door.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  door.on('connect', (_, socket: Socket) => {
    socket.on('error', () => socket.destroy())
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    const secure = new TLSSocket(socket, { isServer: true, secureContext: context })
    secure.on('error', () => socket.destroy())
    carrier.emit('connection', secure)
  })
  await new Promise<void>((resolve, reject) => door.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = door.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => door.close(resolve))
    },
  }
}

function carry(
  options: CourierOptions,
  { incoming, answer }: { incoming: IncomingMessage; answer: ServerResponse },
): void {
  const { target, cookie } = options
  const headers = withoutHop(incoming.rawHeaders)
  if (cookie !== undefined) headers.push('Cookie', cookie)
  if (incoming.headers['transfer-encoding'] !== undefined) headers.push('Transfer-Encoding', 'chunked')
  const outgoing = {
    host: target.host,
    port: target.port,
    method: incoming.method ?? 'GET',
    path: incoming.url ?? '/',
    headers,
    setDefaultHeaders: false,
  }
  const servername = (incoming.headers.host ?? '').replace(/:\d+$/, '')
  const onward =
    target.ca === undefined ? plainRequest(outgoing) : secureRequest({ ...outgoing, ca: target.ca, servername })

  onward.on('continue', () => answer.writeContinue())
  onward.on('response', (response) => {
    answer.writeHead(response.statusCode ?? 502, response.statusMessage, withoutHop(response.rawHeaders))
    response.pipe(answer)
  })
  onward.on('error', () => answer.destroy())
  answer.on('close', () => onward.destroy())
  if (incoming.headers.expect !== undefined) onward.flushHeaders()
  incoming.pipe(onward)
}

function withoutHop(raw: readonly string[]): string[] {
  const kept: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    if (!HOP.has(name.toLowerCase())) kept.push(name, raw[at + 1] ?? '')
  }
  return kept
}
