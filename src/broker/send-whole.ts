/** Answers of a known length: head and body leave in one piece, where Node would send chunks otherwise. */
import type { ServerResponse } from 'node:http'

export function sendWhole(
  response: ServerResponse,
  { status, headers = {}, body = '' }: { status: number; headers?: Readonly<Record<string, string>>; body?: string },
): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}
