/** Servers whose every request becomes an Exchange, as the listener makes them; for tests of what goes out on the wire. */
import { createServer, type IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type Http2ServerRequest } from 'node:http2'
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect } from 'node:net'
import type { Exchange, Visit } from '#src/listener/visit.ts'

/** A visit with everything in its place; `changes` say what the test is about. */
export function visit(changes: Partial<Visit> = {}): Visit {
  return {
    id: '4f5e0f4c-1111-4222-8333-123456789abc',
    method: 'GET',
    scheme: 'https',
    host: 'wiki.app.test',
    port: '',
    authority: 'wiki.app.test',
    path: '/page',
    query: '',
    headers: [],
    clientAddress: '203.0.113.7',
    peerAddress: '127.0.0.1',
    forwardedFor: '203.0.113.7',
    httpVersion: '1.1',
    upgrade: undefined,
    hasBody: false,
    receivedAt: 0,
    ...changes,
  }
}

function visitOf(request: IncomingMessage | Http2ServerRequest): Visit {
  const headers = request.rawHeaders.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text))
  const of = (name: string) => request.headers[name]
  return visit({
    method: request.method ?? 'GET',
    headers,
    httpVersion: request.httpVersion as Visit['httpVersion'],
    hasBody:
      request.httpVersion === '2.0'
        ? !('complete' in request && request.complete)
        : !!(of('transfer-encoding') ?? Number(of('content-length') ?? 0)),
  })
}

export type Serve = (exchange: Exchange) => unknown

async function listening(server: Server) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** HTTP/1.1 and upgrades. */
export function startHttp1(serve: Serve) {
  const server = createServer(
    (request, response) => void serve({ visit: visitOf(request), request, response, upgraded: undefined }),
  )
  server.on('upgrade', (request, socket, head) => {
    const response = new ServerResponse(request)
    response.assignSocket(socket as Socket)
    void serve({ visit: visitOf(request), request, response, upgraded: { socket, head } })
  })
  return listening(server)
}

/** HTTP/2 in the clear. */
export function startHttp2(serve: Serve) {
  const server = createHttp2Server(
    (request, response) => void serve({ visit: visitOf(request), request, response, upgraded: undefined }),
  )
  return listening(server as unknown as Server)
}

/** Sends `bytes` and collects what comes back until the other side closes, or `until` is in it. */
export function speak(port: number, bytes: string, until?: RegExp): Promise<{ text: string; closed: boolean }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
      if (until?.test(text)) {
        socket.destroy()
        resolve({ text, closed: false })
      }
    })
    socket.on('end', () => resolve({ text, closed: true }))
    socket.on('error', reject)
    socket.write(bytes)
  })
}
