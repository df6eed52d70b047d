/** Where the broker is reached: at the addresses of its configuration, and inside by the proxy of the same process. */
import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { createServer as createPlainServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, BlockList, isIP } from 'node:net'
import { promisify } from 'node:util'
import type { BrokerSettings } from '../config/dex/broker-settings.ts'
import type { Front } from './front.ts'

/** Of one request: what the proxy lets in at most, and what it adds. */
const mostFields = 1_100

/** Instead of an address: whoever else is on this machine has another one. */
const ownAddress = 'inside'

/** A header that only this process knows how to fill: the proxy tells who asks. */
export const callerHeader = 'x-ostiary-caller'

export interface BrokerDoors extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, for the proxy in this process. */
  readonly inside: string
  /** Value of `callerHeader` before the client's address. */
  readonly proof: string
  /** Value of `callerHeader` for what the proxy in this process asks on its own account. */
  readonly own: string
  /** What is listened on besides, as `http://HOST:PORT`. */
  readonly outside: readonly string[]
  /** A new certificate for connections from now on; @throws where it does not fit its key */
  replaceTls(tls: BrokerSettings['web']['tls']): void
}

/** Milliseconds. Node looks every thirty seconds for those who say nothing, and leaves two minutes for a handshake. */
const patience = { connectionsCheckingInterval: 2_000, handshakeTimeout: 10_000 }

/** Opens all or none; rejects naming the address that cannot be had. */
export async function openBrokerDoors(web: BrokerSettings['web'], front: Front): Promise<BrokerDoors> {
  await using opened = new AsyncDisposableStack()
  const proof = randomBytes(24).toString('base64url')
  const serveInside = serving(front, (request) => provenCaller(request, proof))
  const serveOutside = serving(front, (request) => clientOf(request, web.clientRemoteIP))

  const open = async (server: Server, address: string) => {
    limit(server)
    await listen(server, address)
    opened.defer(() => drain(server))
    return server.address() as AddressInfo
  }
  const inner = createPlainServer(patience, serveInside)
  const { port } = await open(inner, '127.0.0.1:0')
  const outside: string[] = []
  if (web.http !== undefined) {
    const at = await open(createPlainServer(patience, serveOutside), web.http)
    outside.push(`http://${printHost(at)}`)
  }
  const secure =
    web.https !== undefined && web.tls
      ? createSecureServer({ ...tlsOptions(web.tls), ...patience }, serveOutside)
      : undefined
  if (secure) outside.push(`https://${printHost(await open(secure, web.https ?? ''))}`)
  const owned = opened.move()
  return {
    inside: `http://127.0.0.1:${port}`,
    proof,
    own: `${proof} ${ownAddress}`,
    outside,
    replaceTls: (tls) => {
      if (tls) secure?.setSecureContext(tlsOptions(tls))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function serving(front: Front, who: (request: IncomingMessage) => { address: string; requestId?: string | undefined }) {
  return (request: IncomingMessage, response: Parameters<Front>[1]) => {
    if (request.rawHeaders.length > 2 * mostFields) return refuse(response, 431)
    if (hasTwice(request, 'host') || hasTwice(request, 'authorization')) return refuse(response, 400)
    const { address, requestId = randomUUID() } = who(request)
    delete request.headers[callerHeader]
    void front(request, response, { address, requestId })
  }
}

function refuse(response: Parameters<Front>[1], status: number): void {
  response.writeHead(status, { connection: 'close' }).end()
}

/** A field that there is one of (RFC 9112 §3.2, RFC 9110 §11.6.2): of two, Node takes the first, and others the last. */
function hasTwice({ rawHeaders }: IncomingMessage, name: string): boolean {
  return rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === name).length > 1
}

/** The client's address and the request's id as the proxy gives them; anybody else on this machine is who they are. */
function provenCaller(request: IncomingMessage, proof: string) {
  const sent = request.headers[callerHeader]
  const [shown = '', address = '', requestId] = typeof sent === 'string' ? sent.split(' ') : []
  // Compared by octets: a header may hold letters of two octets each, and unequal lengths throw.
  const [given, expected] = [Buffer.from(shown), Buffer.from(proof)]
  const isProven = given.length === expected.length && timingSafeEqual(given, expected)
  if (isProven && (isIP(address) !== 0 || address === ownAddress)) return { address, requestId }
  return { address: request.socket.remoteAddress ?? 'unknown' }
}

/** Dex's `web.clientRemoteIP`: a header, believed from the networks that are named, the last of its values first. */
function clientOf(request: IncomingMessage, trust: BrokerSettings['web']['clientRemoteIP']) {
  const peer = request.socket.remoteAddress ?? 'unknown'
  if (!trust) return { address: peer }
  const trusted = new BlockList()
  for (const network of trust.trustedProxies) {
    const [address = '', bits] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (isIP(address) !== 0) trusted.addSubnet(address, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family)
  }
  const isTrusted = (address: string) =>
    isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  const plainPeer = peer.replace(/^::ffff:/i, '')
  if (!isTrusted(plainPeer)) return { address: plainPeer }
  const sent = String(request.headers[trust.header.toLowerCase()] ?? '')
  const hops = sent.split(',').map((hop) => hop.trim())
  const client = hops.findLast((hop) => isIP(hop) !== 0 && !isTrusted(hop))
  return { address: client ?? plainPeer }
}

/** Takes nothing more, lets requests under way finish, and cuts what is left then. */
async function drain(server: Server): Promise<void> {
  const closed = promisify(server.close.bind(server))()
  // A connection that has just answered is kept for its next request: nobody else closes it.
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const late = setTimeout(() => server.closeAllConnections(), drainMs)
  await closed
  clearInterval(idle)
  clearTimeout(late)
}

function tlsOptions({ cert, key, minVersion }: NonNullable<BrokerSettings['web']['tls']>) {
  return { cert, key: key.reveal(), minVersion: `TLSv${minVersion}` as const }
}

/** A sign-in that waits for a directory takes no longer. */
const drainMs = 10_000

function limit(server: Server): void {
  server.headersTimeout = 10_000
  server.requestTimeout = 30_000
  server.keepAliveTimeout = 30_000
  server.maxConnections = 2_000
  // Some releases of Node drop what is above their limit in silence: the last field says who asks.
  server.maxHeadersCount = 0
  // Node hangs up without a word.
  server.on('connect', (_request, socket) =>
    socket.end(
      'HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, POST\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    ),
  )
}

function listen(server: Server, address: string): Promise<void> {
  const { host, port } = splitAddress(address)
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`cannot listen on ${address}: ${error.message}`, { cause: error })),
    )
    server.listen({ host, port }, () => {
      server.removeAllListeners('error')
      server.on('error', () => undefined)
      resolve()
    })
  })
}

/** `HOST:PORT`, `[::1]:PORT`, `:PORT`. */
function splitAddress(address: string): { host: string | undefined; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(address)
  if (!match) throw new Error(`cannot listen on ${address}: expected HOST:PORT`)
  return { host: match[1] ?? (match[2] || undefined), port: Number(match[3]) }
}

function printHost({ address, port, family }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}
