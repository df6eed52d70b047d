/** The sample application `files`: a small WebDAV store (RFC 4918, class 1 without property changes), and a page for people. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Application, openApplication, sendPage, sendScript } from './application.ts'
import { FileStore, type Refusal } from './file-store.ts'
import { filesPage, filesScript } from './files-pages.ts'
import { multistatus } from './multistatus.ts'

const MEBI = 1 << 20
const LIMITS = { octets: 256 * MEBI, entries: 2000 }
const METHODS = 'OPTIONS, GET, HEAD, PUT, DELETE, MKCOL, PROPFIND, COPY, MOVE'
/** Where the page's script is; no file can be stored there. */
const SCRIPT = '/.files.js'
const PATH_CHARACTERS = 1024

type Answer = { readonly status: number; readonly headers?: Readonly<Record<string, string>> }

/** Starts the store with a few files in it. What is stored ends with the process. */
export function openFiles(options: { readonly now: () => number }): Promise<Application> {
  const { now } = options
  const store = new FileStore(LIMITS, now())
  const seed = (path: string, text: string) =>
    store.put(path, { content: Buffer.from(text), type: 'text/plain; charset=utf-8', now: now() })
  seed(
    '/welcome.txt',
    'Everybody who is signed in may read and change these files.\nThey live in memory and end with the demo.\n',
  )
  store.makeCollection('/reports', now())
  seed('/reports/first-quarter.txt', 'All well.\n')

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const path = readPath(request.url ?? '/')
    const method = request.method ?? ''
    if (path === undefined) return finish(request, response, { status: 400 })
    switch (method) {
      case 'GET':
      case 'HEAD':
        return read(store, { path, request, response })
      case 'PUT':
        return finish(request, response, await write(store, { path, request, now: now() }))
      case 'PROPFIND':
        return propfind(store, { path, request, response })
      case 'OPTIONS':
        return finish(request, response, { status: 204, headers: { allow: METHODS, dav: '1' } })
      case 'DELETE':
        return finish(request, response, { status: store.remove(path) ?? 204 })
      case 'MKCOL': {
        const hasBody = Number(request.headers['content-length'] ?? 0) > 0 || request.headers['transfer-encoding']
        const status = hasBody ? 415 : (store.makeCollection(path, now()) ?? 201)
        return finish(request, response, { status })
      }
      case 'COPY':
      case 'MOVE':
        return finish(request, response, transfer(store, { path, request, move: method === 'MOVE' }))
      default:
        return finish(request, response, { status: 405, headers: { allow: METHODS } })
    }
  }
  return openApplication({ serve })
}

function read(store: FileStore, at: { path: string; request: IncomingMessage; response: ServerResponse }): void {
  const { path, request, response } = at
  if (path === SCRIPT) {
    sendScript(response, filesScript)
    return
  }
  const entry = store.get(path)
  if (!entry) {
    finish(request, response, { status: 404 })
    return
  }
  if (entry.kind === 'collection') {
    sendPage(response, filesPage(path, store.list(path)))
    return
  }
  const headers = { etag: entry.etag, 'last-modified': new Date(entry.changedAt).toUTCString() }
  if (request.headers['if-none-match'] === entry.etag) {
    response.writeHead(304, headers).end()
    return
  }
  response.writeHead(200, {
    ...headers,
    'content-type': entry.type,
    'content-length': entry.content.length,
    'cache-control': 'no-cache',
    // What one user uploads must not run as a page of this site for another.
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
  })
  response.end(request.method === 'HEAD' ? undefined : entry.content)
}

async function write(store: FileStore, at: { path: string; request: IncomingMessage; now: number }): Promise<Answer> {
  const { path, request, now } = at
  if (path === SCRIPT) return { status: 405 }
  const old = store.get(path)
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers
  const etag = old?.kind === 'file' ? old.etag : undefined
  if (ifMatch !== undefined && (etag === undefined || (ifMatch !== '*' && ifMatch !== etag))) return { status: 412 }
  if (ifNoneMatch === '*' && old) return { status: 412 }
  const content = await readAll(request, store.room(path))
  if (!content) return { status: 507, headers: { connection: 'close' } }
  const type = request.headers['content-type'] ?? 'application/octet-stream'
  const refusal = store.put(path, { content, type, now })
  return { status: refusal ?? (old ? 204 : 201) }
}

function propfind(store: FileStore, at: { path: string; request: IncomingMessage; response: ServerResponse }): void {
  const { path, request, response } = at
  const entry = store.get(path)
  if (!entry) {
    finish(request, response, { status: 404 })
    return
  }
  const depth = request.headers['depth'] ?? 'infinity'
  // RFC 4918 §9.1 allows to refuse a walk over everything.
  if (depth === 'infinity' && entry.kind === 'collection') {
    finish(request, response, { status: 403 })
    return
  }
  const members = depth === '1' ? store.list(path) : []
  request.resume()
  response.writeHead(207, { 'content-type': 'application/xml; charset=utf-8' })
  response.end(multistatus([[path, entry], ...members.map(([name, one]) => [`${path}/${name}`, one] as const)]))
}

function transfer(store: FileStore, at: { path: string; request: IncomingMessage; move: boolean }): Answer {
  const { destination, overwrite, depth } = at.request.headers
  // The host in it is the public one, which only the proxy knows; the path is what counts here.
  const to = typeof destination === 'string' ? readPath(destination.replace(/^https?:\/\/[^/]*/i, '')) : undefined
  if (to === undefined || to === SCRIPT) return { status: 400 }
  const replaces = store.get(to) !== undefined
  const how = { move: at.move, overwrite: overwrite !== 'F', shallow: depth === '0' }
  const refusal: Refusal | undefined = store.transfer(at.path, to, how)
  return { status: refusal ?? (replaces ? 204 : 201) }
}

function finish(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  request.resume()
  response.writeHead(answer.status, { 'content-length': 0, ...answer.headers }).end()
}

/** The decoded path without a slash at the end, or undefined where it is none that can be stored. */
function readPath(target: string): string | undefined {
  const raw = (target.split(/[?#]/, 1)[0] ?? '').replace(/\/$/, '')
  if ((raw !== '' && !raw.startsWith('/')) || raw.length > PATH_CHARACTERS) return undefined
  try {
    // Decoded piece by piece: a slash that was encoded is refused, not taken for one between names.
    const names = raw.split('/').slice(1).map(decodeURIComponent)
    return names.every(isName) ? names.map((name) => `/${name}`).join('') : undefined
  } catch {
    return undefined
  }
}

const isName = (name: string) => name !== '' && name !== '.' && name !== '..' && !/[/\\\p{Cc}]/u.test(name)

async function readAll(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return undefined
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size > limit) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}
