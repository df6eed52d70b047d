/** What a client still sends of a request that was answered already. */
import type { Exchange } from '../listener/visit.ts'

/** Milliseconds for which it may go on. */
const patience = 2000

/**
 * Throws the rest away for a while and then ends the connection (the stream, over HTTP/2): closing at once over unread
 * octets could cost the client the answer (RFC 9112 §9.6), and reading on without end would be work for nobody.
 */
export function endLateBody({ request, response }: Exchange): void {
  request.resume()
  const timer = setTimeout(() => {
    if (request.complete) return
    response.destroy()
    request.destroy()
  }, patience)
  timer.unref()
  request.once('end', () => clearTimeout(timer))
}
