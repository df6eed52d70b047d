/** What every connection of one set of listeners shares: options in force, handlers, limits, the clock. */
import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { catalog, type ErrorCode } from '../errors/catalog.ts'
import type { Bytes, Milliseconds } from '../wire/units.ts'
import type { AdmitOptions, Refusal } from './admission.ts'
import type { Exchange } from './visit.ts'

export interface Limits {
  /** From the first byte of a head (or the start of a connection) to its end; also for the TLS handshake. */
  readonly head: Milliseconds
  /** How long the client may send nothing while a body is awaited (`timeout_read`). */
  readonly bodyIdle: Milliseconds
  /** How long a connection may stay without a request, or take nothing of an answer (`timeout_idle`). */
  readonly idle: Milliseconds
  /** Octets of one head. */
  readonly headerBytes: Bytes
  /** Connections of one listener; more are closed at once. */
  readonly connections: number
  /** Requests that one HTTP/1.1 connection may have waiting behind the one under way. */
  readonly pipelined: number
  /** Open streams of one HTTP/2 connection. */
  readonly streams: number
  /** Streams that may be reset at once, by either side, before an HTTP/2 connection is closed … */
  readonly resetBurst: number
  /** … and how many more each second. */
  readonly resetsPerSecond: number
}

export interface Handlers {
  /** Serves one admitted exchange to its end. */
  exchange(exchange: Exchange): void | Promise<void>
  /**
   * Answers (and logs) a refused request. With `response` undefined the answer was written already: only log it.
   * Absent: a bare answer is written. The response closes its connection where the refusal asks for it.
   */
  refused?(refusal: Refusal, response: ServerResponse | Http2ServerResponse | undefined): void
}

export interface Door {
  readonly handlers: Handlers
  readonly limits: Limits
  admission(): AdmitOptions
  now(): number
  newId(): string
}

/** A refusal where no head could be read. */
export function refusalWithoutHead(
  door: Door,
  { code, detail, peerAddress }: { code: ErrorCode; detail: string; peerAddress: string },
): Refusal {
  const { status } = catalog[code]
  return { code, status, detail, headers: [], id: door.newId(), method: '', authority: '', path: '', peerAddress }
}
