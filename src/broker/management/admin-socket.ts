/**
 * The administration socket: JSON over HTTP at a Unix socket that only its owner opens (mode 0600). Whoever may connect
 * may do everything, so the file's mode is the lock, and nothing else listens there.
 */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { Log } from '../../observe/log.ts'
import { type Management, ManagementError } from './management.ts'
import { isOperation, type OperationName, operations, parseBounded, readTest } from './operations.ts'
import { folderDoubt, makeRoom } from './socket-file.ts'

export interface AdminSocketOptions {
  /** Absolute. */
  readonly path: string
  readonly management: Management
  readonly log: Pick<Log, 'event'>
}

/** A connector of 1 MiB would be its certificates many times over. */
const BODY_LIMIT = 1024 * 1024
const HEAD_MS = 5_000
const BODY_MS = 10_000
const CONNECTIONS = 32

/** @throws ManagementError where the path is taken, or cannot be served */
export async function openAdminSocket(options: AdminSocketOptions): Promise<AsyncDisposable> {
  const { path, log } = options
  await makeRoom(path)
  const doubt = folderDoubt(path)
  if (doubt) log.event('warn', `the administration socket is not safe: ${doubt}`, { path })
  const server = createServer(
    { headersTimeout: HEAD_MS, requestTimeout: BODY_MS, connectionsCheckingInterval: 1_000, maxHeaderSize: 8_192 },
    (request, response) => void answer(request, response, options),
  )
  server.maxConnections = CONNECTIONS
  await listen(server, path)
  const mine = lstatSync(path).ino
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      // Whoever was started meanwhile has their own there.
      if (lstatSync(path, { throwIfNoEntry: false })?.ino === mine) unlinkSync(path)
    },
  }
}

/** The socket is made with its mode: between making it and changing the mode somebody could connect. */
async function listen(server: Server, path: string): Promise<void> {
  const before = process.umask(0o177)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, resolve)
      process.umask(before)
    })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
    throw new ManagementError('invalid', `cannot listen at ${JSON.stringify(path)}: ${code}`, { cause })
  } finally {
    process.umask(before)
  }
  chmodSync(path, 0o600)
}

async function answer(request: IncomingMessage, response: ServerResponse, options: AdminSocketOptions): Promise<void> {
  const { management, log } = options
  request.on('error', () => {})
  response.on('error', () => {})
  try {
    const name = /^\/v1\/([A-Za-z]{1,40})$/.exec(request.url ?? '')?.[1] ?? ''
    if (name !== 'testConnector' && !isOperation(name))
      return send(response, 404, refusal('not-found', 'no such operation'))
    if (request.method !== 'POST') return send(response, 405, refusal('invalid', 'expected POST'))
    const asked = parseBounded(await bodyOf(request))
    if (name === 'testConnector') return await stream(response, management, readTest(asked))
    send(response, 200, { result: (await runAudited(name, asked, options)) ?? null })
  } catch (error) {
    const told = errorJson(error, log)
    if (!response.headersSent) return send(response, statusOf(told.error.failure), told)
    response.end(`${JSON.stringify(told)}\n`)
  }
}

/** Who may connect may do everything: what was done, and what was tried, is all that can be known afterwards. */
async function runAudited(
  name: OperationName,
  asked: unknown,
  { management, log }: AdminSocketOptions,
): Promise<unknown> {
  const { isAudited, run } = operations[name]
  const details = { operation: name, of: subjectOf(asked) }
  try {
    const result = await run(management, asked)
    // Of a client that was made without one, the id is in the answer.
    const of = details.of || subjectOf(result)
    if (isAudited) log.event('info', 'managed over the administration socket', { ...details, of })
    return result
  } catch (error) {
    const failure = error instanceof ManagementError ? error.failure : 'unreachable'
    if (isAudited) log.event('warn', 'refused over the administration socket', { ...details, failure })
    throw error
  }
}

/** One step a line as it comes; the last line says that it was the last. */
async function stream(
  response: ServerResponse,
  management: Management,
  { id, user }: { readonly id: string; readonly user?: string },
): Promise<void> {
  const ending = new AbortController()
  response.on('close', () => ending.abort())
  for await (const step of management.testConnector(id, { user, signal: ending.signal })) {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    response.write(`${JSON.stringify({ step })}\n`)
    if (ending.signal.aborted) return
  }
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.end(`${JSON.stringify({ end: true })}\n`)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of request) {
    size += piece.length
    if (size > BODY_LIMIT) throw new ManagementError('invalid', `cannot read more than ${BODY_LIMIT} octets`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`
  // What is left of a refused request is not read: the connection ends.
  const ends = status < 400 ? {} : { connection: 'close' }
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...ends })
  response.end(text)
}

interface ErrorJson {
  readonly error: { readonly failure: string; readonly message: string; readonly details: readonly string[] }
}

function refusal(failure: string, message: string, details: readonly string[] = []): ErrorJson {
  return { error: { failure, message, details } }
}

function errorJson(error: unknown, log: AdminSocketOptions['log']): ErrorJson {
  if (error instanceof ManagementError) return refusal(error.failure, error.message, error.details)
  // The client has gone, or its body took too long.
  if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET') return refusal('invalid', 'gone')
  log.event('error', 'management failed', { error })
  // The sentence of a named failure holds no secret, and whoever is here reads the log as well.
  if (error instanceof ProxyError) return refusal('unreachable', error.message)
  return refusal('unreachable', 'the broker failed in an unforeseen way', ['its log says more'])
}

const statuses: Readonly<Record<string, number>> = {
  exists: 409,
  conflict: 409,
  'not-found': 404,
  'read-only': 403,
  invalid: 422,
  'does-not-work': 424,
  unsupported: 501,
  unreachable: 502,
}

function statusOf(failure: string): number {
  return statuses[failure] ?? 500
}

/** Whom a change concerns, for the log: ids, addresses, subjects; nothing else of it. */
function subjectOf(asked: unknown): string {
  const parts = partsOf(asked)
  const inner = partsOf(parts['change'])
  const named = [inner['id'], parts['id'], parts['email'], parts['subject']].find((one) => typeof one === 'string')
  return typeof named === 'string' ? named.slice(0, 128) : ''
}

function partsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
