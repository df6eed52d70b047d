/** Puts an answer of our own on the wire: HTTP/1.1, HTTP/2 and refused upgrades alike; never rejects. */
import type { ServerResponse } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Exchange } from '../listener/visit.ts'
import { hasHeader, headerOf } from '../wire/headers.ts'
import type { Answer, Outcome } from './answer.ts'

/** An unread request body up to this many octets is read to its end, so that the connection can be used again. */
const smallBody = 64 * 1024
/**
 * Milliseconds for which a client may go on sending what nobody reads, and for which it may be silent meanwhile. Many
 * clients look for the answer only when their whole upload is out: what ends before costs them the answer.
 */
const lingering = { time: 30_000, silence: 2000 }

/**
 * Sends `answer`; resolves when its last octet was handed to the network, or when the client is gone.
 *
 * A request body that nobody read is either small and read to its end, or the connection closes after the answer
 * (RFC 9112 §9.3). It lingers before that, because closing over unread octets resets the connection and can cost the
 * client the answer (§9.6). Over HTTP/2 the stream lingers: without room to send in, clients wait and never look.
 *
 * @param details one word of why, for the access log: the name of an endpoint or an error code.
 */
export async function sendAnswer(exchange: Exchange, answer: Answer, details: string): Promise<Outcome> {
  const { visit, request } = exchange
  // Http2ServerResponse offers every call that is made here under the same name.
  const response = exchange.response as ServerResponse
  const begun = response.headersSent
  if (begun || response.destroyed) {
    // Too late for an answer of ours: cut what was begun, so that nobody takes half of it for the whole.
    abandon(exchange)
    return { status: begun ? response.statusCode : answer.status, size: 0, details }
  }
  const hasNoBody = isBodyless(answer.status)
  const body = Buffer.from(hasNoBody ? '' : answer.body)
  const sent = visit.method === 'HEAD' ? Buffer.alloc(0) : body
  const closes = visit.httpVersion !== '2.0' && (exchange.upgraded !== undefined || leavesMuchUnread(exchange))

  const headers = [...answer.headers]
  if (!hasHeader(headers, 'x-request-id')) headers.push('x-request-id', visit.id)
  if (!hasNoBody) headers.push('content-length', String(body.length))
  if (closes) headers.push('connection', 'close')

  try {
    // Node checks names and values here and throws on what would split the answer (CR, LF, NUL).
    response.writeHead(answer.status, headers)
    const finished = untilFinished(exchange)
    if (closes && !exchange.upgraded) await writeAndLinger(request, response, sent)
    else if (sent.length > 0) response.end(sent)
    else response.end()
    if ('stream' in request && visit.hasBody && !request.complete) void endStreamLater(request)
    if (!(await finished)) return { status: answer.status, size: 0, details }
    if (exchange.upgraded) closeSoon(exchange.upgraded.socket)
    return { status: answer.status, size: sent.length, details }
  } catch {
    abandon(exchange)
    return { status: answer.status, size: 0, details }
  }
}

/** RFC 9110 §6.4.1: these never have content, whatever the answer says. */
function isBodyless(status: number): boolean {
  return status < 200 || status === 204 || status === 304
}

/** True where the request's body is still to come and is long, of unknown length, or waits for a 100 that never comes. */
function leavesMuchUnread({ visit, request }: Exchange): boolean {
  if (!visit.hasBody || request.complete) return false
  const length = headerOf(visit.headers, 'content-length')
  if (length === undefined || headerOf(visit.headers, 'expect') !== undefined) return true
  return Number(length) > smallBody
}

/** Writes the whole answer, throws away what the client still sends, within bounds, and ends the connection. */
async function writeAndLinger(request: Exchange['request'], response: ServerResponse, body: Buffer): Promise<void> {
  if (body.length > 0) response.write(body)
  else response.flushHeaders()
  await thrownAway(request)
  response.end()
}

/** A whole answer before the end of the request: the client is to stop sending (RFC 9113 §8.1), but not at once. */
async function endStreamLater(request: Http2ServerRequest): Promise<void> {
  const { stream } = request
  await thrownAway(request)
  // A stream whose request came to its end closes by itself, after what is still queued.
  if (request.complete) return
  if (stream.writableFinished) stream.close(finishedStream)
  else stream.once('finish', () => stream.close(finishedStream))
}

/** Resolves at the end of the request, or when the client has had its time; never rejects. */
function thrownAway(request: Exchange['request']): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      clearTimeout(silence)
      request.off('data', heard)
      resolve()
    }
    const timer = setTimeout(done, lingering.time)
    const silence = setTimeout(done, lingering.silence)
    const heard = () => void silence.refresh()
    request.once('end', done).once('close', done).once('error', done)
    request.on('data', heard)
    request.resume()
  })
}

/** True when the answer went out whole, false when the client left before. */
function untilFinished({ response }: Exchange): Promise<boolean> {
  return new Promise((resolve) => {
    response.once('finish', () => resolve(true))
    response.once('close', () => resolve(response.writableFinished))
    response.once('error', () => resolve(false))
  })
}

/** Half-closes, and cuts a peer that does not close its side in time. */
function closeSoon(socket: Duplex): void {
  socket.end()
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), lingering.silence)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}

function abandon({ response, upgraded }: Exchange): void {
  if (upgraded) upgraded.socket.destroy()
  else if ('stream' in response) response.stream?.close(abandonedStream)
  else response.destroy()
}

/** INTERNAL_ERROR (RFC 9113 §7): the peer must not take what it has for the whole. */
const abandonedStream = 2
/** NO_ERROR: the answer is whole, the request need not be. */
const finishedStream = 0
