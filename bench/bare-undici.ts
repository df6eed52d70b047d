/** The least that a proxy on undici can do: no identity, no checks, no log; what everything else is measured against. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'

const { PORT, UPSTREAM = '' } = process.env
const pool = new Pool(UPSTREAM, { headersTimeout: 0, bodyTimeout: 0 })

class Handler implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse
  #resume: (() => void) | undefined

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onConnect(): void {}

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    this.#resume = resume
    const headers: string[] = []
    for (let at = 0; at < raw.length; at += 2) {
      const name = String(raw[at])
      const lower = name.toLowerCase()
      if (lower === 'connection' || lower === 'keep-alive' || lower === 'transfer-encoding') continue
      headers.push(name, raw[at + 1]?.toString('latin1') ?? '')
    }
    this.#response.writeHead(status, headers)
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#response.write(chunk)) return true
    this.#response.once('drain', () => this.#resume?.())
    return false
  }

  onComplete(): void {
    this.#response.end()
  }

  onError(): void {
    this.#response.destroy()
  }
}

const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  const headers: string[] = []
  const { rawHeaders } = request
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (name.toLowerCase() !== 'connection') headers.push(name, rawHeaders[at + 1] ?? '')
  }
  const { method = 'GET', url = '/' } = request
  const body = method === 'GET' || method === 'HEAD' ? null : request
  pool.dispatch({ method, path: url, headers, body }, new Handler(response))
})
server.listen(Number(PORT), '127.0.0.1')
