/** A proxy for outgoing calls, as networks have them: CONNECT and the absolute form, users if a test wants them. */
import { createServer, type IncomingMessage, type RequestListener, request } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'

export interface OutboundProxy extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, or https where it has a certificate. */
  readonly url: string
  /** `CONNECT idp.corp.test:443` and `GET http://…`, in order. */
  readonly asked: string[]
}

export interface OutboundProxyOptions {
  /** `user:password` that has to come along. */
  readonly user?: string
  /** Takes a connection and never answers. */
  readonly silent?: boolean
  /** Spoken to by TLS. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

/** Every name leads to 127.0.0.1, whatever it is: the port says who is meant. */
export async function startOutboundProxy({
  user,
  silent = false,
  tls,
}: OutboundProxyOptions = {}): Promise<OutboundProxy> {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const wanted = user === undefined ? undefined : `Basic ${Buffer.from(user).toString('base64')}`
  const isWelcome = ({ method, url, headers }: IncomingMessage) => {
    asked.push(`${method} ${url}`)
    return wanted === undefined || headers['proxy-authorization'] === wanted
  }
  const answer: RequestListener = (incoming, response) => {
    if (silent) return
    if (!isWelcome(incoming)) return void response.writeHead(407).end()
    const { port, pathname, search } = new URL(incoming.url ?? '')
    const { 'proxy-authorization': _, ...headers } = incoming.headers
    const options = { port, path: `${pathname}${search}`, method: incoming.method, headers }
    const onward = request({ host: '127.0.0.1', ...options }, (found) => {
      response.writeHead(found.statusCode ?? 502, found.headers)
      found.pipe(response)
    })
    onward.on('error', () => response.writeHead(502).end())
    incoming.pipe(onward)
  }
  const server = tls ? createSecureServer(tls, answer) : createServer(answer)
  server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    socket.on('error', () => {})
    if (silent) return
    if (!isWelcome(incoming)) return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    const onward = connect({ host: '127.0.0.1', port: Number(incoming.url?.split(':').at(-1)) })
    onward.once('connect', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    onward.on('error', () => socket.destroy())
    socket.on('close', () => onward.destroy())
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
