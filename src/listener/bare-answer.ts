/** The shortest answer to a refused request: for when nobody gave us a page, or no response object exists. */
import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Refusal } from './admission.ts'

/** Writes it to a response. */
export function writeBareAnswer(response: ServerResponse | Http2ServerResponse, refusal: Refusal): void {
  const body = bodyOf(refusal.status)
  response.statusCode = refusal.status
  for (let at = 0; at < safeHeaders.length; at += 2)
    response.setHeader(safeHeaders[at] ?? '', safeHeaders[at + 1] ?? '')
  const { headers } = refusal
  for (let at = 0; at < headers.length; at += 2) response.setHeader(headers[at] ?? '', headers[at + 1] ?? '')
  response.setHeader('content-length', String(body.length))
  response.end(body)
}

/** The same as the bytes of HTTP/1.1, for a socket whose parser gave up. */
export function bareAnswerBytes(refusal: Pick<Refusal, 'status' | 'headers'>): string {
  const body = bodyOf(refusal.status)
  const fields = [...safeHeaders, ...refusal.headers, 'content-length', String(body.length), 'connection', 'close']
  let bytes = `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}\r\n`
  for (let at = 0; at < fields.length; at += 2) bytes += `${fields[at]}: ${fields[at + 1]}\r\n`
  return `${bytes}\r\n${body}`
}

const safeHeaders: readonly string[] = [
  'content-type',
  'text/plain; charset=utf-8',
  'cache-control',
  'no-store',
  'x-content-type-options',
  'nosniff',
  'content-security-policy',
  "default-src 'none'; frame-ancestors 'none'",
]

function bodyOf(status: number): string {
  return `${STATUS_CODES[status] ?? String(status)}\n`
}
