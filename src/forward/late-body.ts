/** What a client still sends of a request that was answered already. */
import type { Exchange } from '../listener/visit.ts'
import type { BodyRelay } from './body-relay.ts'

/** Milliseconds for which it may go on once it has the answer, and for which it may be silent meanwhile. */
const patience = { time: 30_000, silence: 2000 }
/** NO_ERROR (RFC 9113 §8.1): the answer is whole, the request need not be. */
const finishedStream = 0

/**
 * Throws the rest away for a while and then ends the connection (the stream, over HTTP/2). Many clients look for the
 * answer only when their whole upload is out, so closing at once over unread octets could cost them the answer (RFC 9112
 * §9.6), and so could a stream without room to send in; reading on without end would be work for nobody.
 */
export function endLateBody({ request, response }: Exchange, relay: BodyRelay): void {
  relay.letGo()
  request.resume()
  // Node's response over HTTP/2 is finished only when its stream has closed.
  const answer = 'stream' in request ? request.stream : response
  if (answer.writableFinished) watch(request, response)
  else answer.once('finish', () => watch(request, response))
}

function watch(request: Exchange['request'], response: Exchange['response']): void {
  if (request.complete) return
  const end = () => {
    forget()
    if (request.complete) return
    if ('stream' in request) request.stream.close(finishedStream)
    else {
      response.destroy()
      request.destroy()
    }
  }
  const timer = setTimeout(end, patience.time).unref()
  const silence = setTimeout(end, patience.silence).unref()
  const heard = () => void silence.refresh()
  const forget = () => {
    clearTimeout(timer)
    clearTimeout(silence)
    request.off('data', heard)
  }
  request.once('end', forget).once('close', forget)
  request.on('data', heard)
}
