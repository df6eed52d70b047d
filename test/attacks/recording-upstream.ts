/**
 * An application with a parser of its own, as strict as RFC 9112 lets a server be: it writes down every request that
 * reaches it, and every octet that no proxy should have sent.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'

export interface Recorded {
  readonly method: string
  readonly target: string
  /** Names in lower case, and values, as a flat list. */
  readonly fields: readonly string[]
  /** Octets of the body, once it has come whole. */
  body: string | undefined
}

export interface RecordingUpstream extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly seen: Recorded[]
  /** What was malformed or ambiguous, in words. */
  readonly faults: string[]
  readonly sockets: ReadonlySet<Socket>
}

export interface UpstreamOptions {
  /** The bytes of the answer to a request; by default a 200 that echoes its method and target. */
  readonly answer?: (request: Recorded, socket: Socket) => string | Buffer | undefined
}

/** Starts it on 127.0.0.1. Answers bear `x-from: upstream`, so that nobody takes them for the proxy's own. */
export async function startRecordingUpstream({ answer = echo }: UpstreamOptions = {}): Promise<RecordingUpstream> {
  const seen: Recorded[] = []
  const faults: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    const reader = new Reader({
      begun: (request) => seen.push(request),
      whole(request) {
        const bytes = answer(request, socket)
        if (bytes !== undefined && socket.writable) socket.write(bytes)
      },
      fault(what) {
        faults.push(what)
        socket.destroy()
      },
    })
    socket.on('data', (chunk: Buffer) => reader.take(chunk.toString('latin1')))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    faults,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** All values of field `name` (lower case). */
export function valuesOf({ fields }: Pick<Recorded, 'fields'>, name: string): string[] {
  return fields.filter((_, at) => at % 2 === 1 && fields[at - 1] === name)
}

function echo(request: Recorded): string {
  const body = request.method === 'HEAD' ? '' : `<${request.method} ${request.target}>`
  const id = valuesOf(request, 'x-request-id')[0] ?? ''
  const length = `<${request.method} ${request.target}>`.length
  return `HTTP/1.1 200 OK\r\nx-from: upstream\r\nx-request-id: ${id}\r\ncontent-length: ${length}\r\n\r\n${body}`
}

interface Listener {
  begun(request: Recorded): void
  whole(request: Recorded): void
  fault(what: string): void
}

const requestLine = /^([A-Z-]+) (\/[\x21-\x7e]*) HTTP\/1\.1$/
const fieldLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t\x20-\x7e\x80-\xff]*)$/
const chunkLine = /^([0-9a-f]{1,8})$/i

interface Underway {
  readonly request: Recorded
  readonly left: number | 'chunked'
  body: string
}

class Reader {
  readonly #listener: Listener
  #text = ''
  #current: Underway | undefined
  #failed = false

  constructor(listener: Listener) {
    this.#listener = listener
  }

  take(text: string): void {
    if (this.#failed) return
    this.#text += text
    while (!this.#failed && (this.#current ? this.#readBody(this.#current) : this.#readHead())) {}
  }

  #readHead(): boolean {
    const end = this.#text.indexOf('\r\n\r\n')
    if (end === -1) return false
    const [line = '', ...lines] = this.#text.slice(0, end).split('\r\n')
    this.#text = this.#text.slice(end + 4)
    const [, method, target] = requestLine.exec(line) ?? []
    if (method === undefined || target === undefined) return this.#fail(`request line ${JSON.stringify(line)}`)
    const fields: string[] = []
    for (const one of lines) {
      const [, name, value] = fieldLine.exec(one) ?? []
      if (name === undefined || value === undefined || value !== value.trim())
        return this.#fail(`field ${JSON.stringify(one.slice(0, 200))} of ${line}`)
      fields.push(name.toLowerCase(), value)
    }
    const request: Recorded = { method, target, fields, body: undefined }
    this.#listener.begun(request)
    const problem = problemOfFraming(request)
    if (problem !== undefined) return this.#fail(`${problem}: ${line} ${JSON.stringify(fields)}`)
    const isChunked = valuesOf(request, 'transfer-encoding').length === 1
    const left = isChunked ? 'chunked' : Number(valuesOf(request, 'content-length')[0] ?? 0)
    this.#current = { request, left, body: '' }
    return true
  }

  #readBody(current: Underway): boolean {
    if (current.left === 'chunked') return this.#readChunk(current)
    if (this.#text.length < current.left) return false
    current.body = this.#text.slice(0, current.left)
    this.#text = this.#text.slice(current.left)
    return this.#end(current)
  }

  #readChunk(current: Underway): boolean {
    const end = this.#text.indexOf('\r\n')
    if (end === -1) return false
    const [, digits] = chunkLine.exec(this.#text.slice(0, end)) ?? []
    if (digits === undefined) return this.#fail(`chunk size ${JSON.stringify(this.#text.slice(0, 60))}`)
    const size = Number.parseInt(digits, 16)
    if (this.#text.length < end + 2 + size + 2) return false
    if (this.#text.slice(end + 2 + size, end + 4 + size) !== '\r\n')
      return this.#fail(size === 0 ? 'trailers' : 'a chunk without its end')
    current.body += this.#text.slice(end + 2, end + 2 + size)
    this.#text = this.#text.slice(end + 4 + size)
    return size === 0 ? this.#end(current) : true
  }

  #end({ request, body }: { request: Recorded; body: string }): boolean {
    request.body = body
    this.#current = undefined
    this.#listener.whole(request)
    return true
  }

  #fail(what: string): false {
    this.#failed = true
    this.#listener.fault(what)
    return false
  }
}

function problemOfFraming(request: Recorded): string | undefined {
  const count = (name: string) => valuesOf(request, name).length
  if (count('host') !== 1) return `${count('host')} Host fields`
  if (count('content-length') + count('transfer-encoding') > 1) return 'more than one framing field'
  if (valuesOf(request, 'content-length').some((value) => !/^\d{1,15}$/.test(value))) return 'a bad length'
  if (valuesOf(request, 'transfer-encoding').some((value) => value !== 'chunked')) return 'a coding but chunked'
  if (count('cookie') > 1) return 'several Cookie fields'
  if (count('x-request-id') !== 1) return `${count('x-request-id')} X-Request-Id fields`
  return undefined
}
