/** What the two sample applications share: a small HTTP server on a loopback port, and its answers. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import { demoStyleSource } from './style.ts'

export interface Application extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  close(): Promise<void>
}

export interface ApplicationHandlers {
  serve(request: IncomingMessage, response: ServerResponse): void | Promise<void>
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer): void
}

/** Serves `handlers` on a free port of 127.0.0.1. What a handler throws becomes a 500. */
export async function openApplication(handlers: ApplicationHandlers): Promise<Application> {
  const server = createServer((request, response) => {
    Promise.resolve()
      .then(() => handlers.serve(request, response))
      .catch(() => (response.headersSent ? response.destroy() : response.writeHead(500).end()))
  })
  // A proxy keeps connections warm for longer than Node's five seconds.
  server.keepAliveTimeout = 120_000
  const { upgrade } = handlers
  const upgraded = new Set<Duplex>()
  if (upgrade) {
    server.on('upgrade', (request, socket, head) => {
      upgraded.add(socket)
      socket.once('close', () => upgraded.delete(socket))
      upgrade(request, socket, head)
    })
  }
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async () => {
    const closed = promisify(server.close.bind(server))()
    for (const socket of upgraded) socket.destroy()
    server.closeAllConnections()
    await closed
  }
  return { url: `http://127.0.0.1:${port}`, close, [Symbol.asyncDispose]: close }
}

/** Answers with a page that may run scripts of its own origin and talk to it, and nothing else. */
export function sendPage(response: ServerResponse, body: string, status = 200): void {
  const policy = `default-src 'none'; style-src ${demoStyleSource}; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`
  const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy }
  response.writeHead(status, { ...headers, 'cache-control': 'no-store' }).end(body)
}

export function sendScript(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'no-store' }).end(body)
}
