/** A listener with a tiny application behind it, and clients that send bytes as they are. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { readDevelopmentCertificates } from '#src/cli/demo/certificates.ts'
import type { AdmitOptions, Refusal } from '#src/listener/admission.ts'
import { writeBareAnswer } from '#src/listener/bare-answer.ts'
import type { CertificatePair } from '#src/listener/certificates.ts'
import type { Limits } from '#src/listener/door.ts'
import { type Listeners, openListeners } from '#src/listener/open-listeners.ts'
import type { Exchange, Visit } from '#src/listener/visit.ts'
import { hasHeader } from '#src/wire/headers.ts'

export const strictAdmission: AdmitOptions = {
  normalizePath: true,
  mergeSlashes: true,
  escapedSlashes: 'reject_request',
  underscores: 'reject_request',
  trustedHops: 0,
  skipXffAppend: false,
  maximumHeaders: 1000,
}

export interface TestDoor extends AsyncDisposable {
  readonly listeners: Listeners
  readonly port: number
  /** What the application behind it got. */
  readonly visits: Visit[]
  /** Bodies that arrived whole. */
  readonly bodies: string[]
  readonly refusals: Refusal[]
}

export interface DoorSettings {
  readonly admission?: Partial<AdmitOptions>
  readonly limits?: Partial<Limits>
  readonly certificates?: readonly CertificatePair[]
  /** Instead of answering at once. */
  readonly serve?: (exchange: Exchange) => void | Promise<void>
}

/** Opens a listener whose application answers with the visit as JSON. */
export async function openDoor(settings: DoorSettings = {}): Promise<TestDoor> {
  const visits: Visit[] = []
  const bodies: string[] = []
  const refusals: Refusal[] = []
  const { certificates } = settings
  const listeners = await openListeners(
    {
      address: '127.0.0.1:0',
      admission: { ...strictAdmission, ...settings.admission },
      limits: settings.limits ?? {},
      ...(certificates ? { tls: { certificates } } : {}),
    },
    {
      async exchange(exchange) {
        visits.push(exchange.visit)
        if (settings.serve) return settings.serve(exchange)
        await answer(exchange, bodies)
      },
      refused(refusal, response) {
        refusals.push(refusal)
        if (response) writeBareAnswer(response, refusal)
      },
    },
  )
  return {
    listeners,
    port: listeners.port,
    visits,
    bodies,
    refusals,
    [Symbol.asyncDispose]: () => listeners[Symbol.asyncDispose](),
  }
}

async function answer({ visit, request, response, upgraded }: Exchange, bodies: string[]): Promise<void> {
  if (upgraded) {
    upgraded.socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n')
    return
  }
  if (hasHeader(visit.headers, 'expect')) response.writeContinue()
  try {
    bodies.push(await text(request))
  } catch {
    return // the client gave up
  }
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(visit))
}

export interface RawAnswer {
  readonly text: string
  /** Of the first answer. */
  readonly status: number | undefined
  /** Of all answers, interim ones included. */
  readonly statuses: readonly number[]
  /** Whether the server closed the connection by itself. */
  readonly closed: boolean
}

/** Sends bytes (latin1; several parts with a pause between) on a new connection and reads until it is closed or nothing has come for `wait` ms. */
export async function sendRaw(
  port: number,
  bytes: string | readonly string[],
  { wait = 150 } = {},
): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  return converse(socket, bytes, wait)
}

/** The same over TLS, with HTTP/1.1. */
export async function sendRawTls(port: number, bytes: string, { servername = 'a.test', wait = 150 } = {}) {
  const socket = connectTls({ port, host: '127.0.0.1', servername, rejectUnauthorized: false })
  return converse(socket, bytes, wait)
}

async function converse(socket: Socket, bytes: string | readonly string[], wait: number): Promise<RawAnswer> {
  let received = ''
  let closed = false
  let last = Date.now()
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1')
    last = Date.now()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  socket.on('end', () => {
    closed = true
  })
  for (const [at, part] of (typeof bytes === 'string' ? [bytes] : bytes).entries()) {
    if (at > 0) await pause(40)
    socket.write(Buffer.from(part, 'latin1'))
  }
  const deadline = Date.now() + 3000
  while (!closed && Date.now() < deadline && (received === '' || Date.now() - last < wait)) {
    await pause(5)
  }
  const isClosed = closed
  socket.destroy()
  const statuses = [...received.matchAll(/(?:^|\n|})HTTP\/1\.1 ([0-9]{3})/g)].map(([, status]) => Number(status))
  return { text: received, status: statuses[0], statuses, closed: isClosed }
}

/** A certificate for `names`, made by the development authority in a folder that is gone afterwards. */
export async function makePair(...names: string[]): Promise<CertificatePair> {
  const folder = await mkdtemp(join(tmpdir(), 'ostiary-tls-'))
  try {
    const files = await readDevelopmentCertificates(folder, { names, now: Date.now() })
    return {
      certPem: await readFile(files.certificateFile, 'utf8'),
      keyPem: await readFile(files.keyFile, 'utf8'),
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Waits until `holds`, for at most `limit` ms. */
export async function until(holds: () => boolean, limit = 3000): Promise<boolean> {
  const deadline = Date.now() + limit
  while (!holds()) {
    if (Date.now() > deadline) return false
    await pause(5)
  }
  return true
}
