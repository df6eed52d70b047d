/** Ends an answer. */
import type { ServerResponse } from 'node:http'

/** Octets; above this the copy costs more than the second piece. */
const onePiece = 16 * 1024

/**
 * With the whole body, or, where there is none, with what was written before. As text of one octet a character, Node
 * writes head and body to the socket in one piece instead of two: a tenth less CPU a request (bench/RESULTS.md). HTTP/2
 * frames them apart in any case.
 */
export function endWith(response: ServerResponse, body: Buffer | undefined): void {
  if (!body) response.end()
  else if (body.length <= onePiece && !('stream' in response)) response.end(body.toString('latin1'), 'latin1')
  else response.end(body)
}
