/** Interim answers (1xx) of an application, passed on to clients that understand them (RFC 9110 §15.2). */
import type { ServerResponse } from 'node:http'
import { ProxyError } from '../errors/proxy-error.ts'
import type { Visit } from '../listener/visit.ts'

/** Interim answers to one request: without a bound, a client that reads none of them would have us keep any number. */
const most = 64

export interface Interim {
  /** How many there were, this one included. */
  readonly count: number
  readonly visit: Visit
  readonly response: ServerResponse
  /** Only called where something will be passed on. */
  readonly headers: () => readonly string[]
}

/**
 * Passes `status` on, or leaves it out: 100 is ours to send, HTTP/1.0 knows none. True: there may be more to read.
 * Throws UPSTREAM_INVALID for 101, and for too many.
 */
export function passInterim(status: number, { count, visit, response, headers }: Interim): true {
  if (status === 101) throw new ProxyError('UPSTREAM_INVALID', 'cannot pass the answer on: 101 that nobody asked for')
  if (count > most)
    throw new ProxyError('UPSTREAM_INVALID', `cannot pass the answer on: more than ${most} interim answers`)
  if (status === 100 || visit.httpVersion === '1.0') return true
  try {
    const list = headers()
    if (visit.httpVersion === '1.1') response.writeInformation(status, [...list])
    else if (status === 103) writeHints(response, list)
  } catch {
    // An interim answer may always be left out.
  }
  return true
}

/** HTTP/2 in Node has a call for early hints only, and for their links only. */
function writeHints(response: ServerResponse, headers: readonly string[]): void {
  const link = headers.filter((_, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === 'link')
  if (link.length > 0) response.writeEarlyHints({ link })
}
