/** The application behind the proxy: echoes, records what it saw, and misbehaves on request by `?do=NAME`. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocketServer } from 'ws'

/** What one request looked like when it arrived. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  /** Names and values as they were on the wire. */
  readonly rawHeaders: readonly string[]
  /** True once the proxy broke it off. */
  aborted: boolean
  /** Of a WebSocket: its socket. */
  socket?: Socket
}

/** What `?do=echo` (and anything without `do`) answers, as JSON. */
export interface Echo {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: { readonly bytes: number; readonly sha256: string }
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

export interface Upstream extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, or https with `tls`. */
  readonly url: string
  readonly port: number
  /** In the order of arrival, WebSocket handshakes included. */
  readonly requests: Seen[]
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Socket>
  stop(): Promise<void>
}

export interface UpstreamOptions {
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly port?: number
}

/** Starts an application on 127.0.0.1; `handler` takes the place of the acts. WebSockets are echoed. */
export async function startUpstream(handler?: Handler, options: UpstreamOptions = {}): Promise<Upstream> {
  const requests: Seen[] = []
  const limits = { maxHeaderSize: 256 * 1024 }
  const server = options.tls ? createTlsServer({ ...options.tls, ...limits }) : createServer(limits)
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const seen = record(request)
    requests.push(seen)
    response.on('close', () => {
      seen.aborted = !response.writableFinished
    })
    const act = handler ?? acts[queryOf(request).get('do') ?? 'echo'] ?? acts['echo']
    Promise.resolve(act?.(request, response)).catch(() => response.destroy())
  })
  const webSockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    requests.push({ ...record(request), socket })
    if (queryOf(request).get('do') === 'cut') {
      socket.destroy()
      return
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }))
      webSocket.on('error', () => {})
    })
  })
  const { port, sockets, stop } = await listening(server, options.port)
  const url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`
  return { url, port, requests, sockets, stop, [Symbol.asyncDispose]: stop }
}

/** A server that sends `bytes` for each request head it reads, whatever they are; then it ends the connection. */
export async function startRawUpstream(bytes: string | Buffer | ((socket: Socket) => void)): Promise<Upstream> {
  const requests: Seen[] = []
  const server = createTcpServer((socket) => {
    socket.once('data', (chunk) => {
      const [line = '', ...fields] = chunk.toString('latin1').split('\r\n\r\n')[0]?.split('\r\n') ?? []
      const [method = '', url = ''] = line.split(' ')
      requests.push({ method, url, headers: {}, rawHeaders: fields, aborted: false })
      if (typeof bytes === 'function') bytes(socket)
      else socket.end(bytes)
    })
  })
  const { port, sockets, stop } = await listening(server)
  return { url: `http://127.0.0.1:${port}`, port, requests, sockets, stop, [Symbol.asyncDispose]: stop }
}

const piece = Buffer.alloc(64 * 1024, 'ostiary-pattern-')

/** `size` octets of a known pattern, in pieces. */
export function* patternOf(size: number): Generator<Buffer> {
  for (let left = size; left > 0; left -= piece.length) yield piece.subarray(0, Math.min(left, piece.length))
}

/** SHA-256 (hex) of `size` octets of the pattern. */
export function checksumOf(size: number): string {
  const hash = createHash('sha256')
  for (const chunk of patternOf(size)) hash.update(chunk)
  return hash.digest('hex')
}

const acts: Readonly<Record<string, Handler>> = {
  async echo(request, response) {
    const body = await digest(request)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }))
  },
  /** `status=404`, `body=…`, and every `h.NAME=VALUE` as a header. */
  async status(request, response) {
    await digest(request)
    const query = queryOf(request)
    for (const [name, value] of query) if (name.startsWith('h.')) response.appendHeader(name.slice(2), value)
    response.writeHead(Number(query.get('status') ?? 200))
    response.end(query.get('body') ?? '')
  },
  /** `n` events, one each `ms`. */
  async sse(request, response) {
    const query = queryOf(request)
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    for (let i = 0; i < Number(query.get('n') ?? 5) && !response.destroyed; i++) {
      response.write(`id: ${i}\ndata: event ${i}\n\n`)
      await pause(Number(query.get('ms') ?? 50))
    }
    response.end()
  },
  /** `bytes` of the pattern; without `length=1` in chunks. */
  async down(request, response) {
    const query = queryOf(request)
    const size = Number(query.get('bytes'))
    if (query.has('length')) response.setHeader('content-length', size)
    response.writeHead(200, { 'content-type': 'application/octet-stream' })
    await pipeline(Readable.from(patternOf(size)), response)
  },
  /** Answers after `ms`. */
  async slow(request, response) {
    await digest(request)
    await pause(Number(queryOf(request).get('ms') ?? 1000))
    if (!response.destroyed) response.writeHead(200, { 'content-type': 'text/plain' }).end('slow but there')
  },
  /** The head at once, the body after `ms`. */
  async headfirst(request, response) {
    response.writeHead(200, { 'content-length': 5 }).flushHeaders()
    await pause(Number(queryOf(request).get('ms') ?? 1000))
    response.end('later')
  },
  /** Promises 1,000 octets (or chunks, with `chunked=1`), sends ten, cuts. */
  async abort(request, response) {
    if (!queryOf(request).has('chunked')) response.setHeader('content-length', 1000)
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.write('0123456789')
    await pause(50)
    response.socket?.destroy()
  },
  /** Cuts without a word. */
  cut(_, response) {
    response.socket?.destroy()
  },
  /** Answers before it has read the body. */
  early(_, response) {
    response.writeHead(413, { 'content-length': 3 }).end('no.')
  },
  /** Early hints, then the answer. */
  hints(_, response) {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => response.end('hinted'))
  },
}

async function digest(request: IncomingMessage): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { bytes, sha256: hash.digest('hex') }
}

function record(request: IncomingMessage): Seen {
  const { method = '', url = '', headers, rawHeaders } = request
  return { method, url, headers, rawHeaders, aborted: false }
}

function queryOf(request: IncomingMessage): URLSearchParams {
  return new URL(request.url ?? '/', 'http://upstream.invalid').searchParams
}

async function listening(server: Server, wanted = 0) {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(wanted, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { port, sockets, stop }
}
