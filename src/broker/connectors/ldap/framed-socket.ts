/** A connection as the LDAP library sees it: one whole, sound message at a time, and only so many octets of them. */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { isSound, messageLength } from './ber.ts'

/** One message: an entry with the few attributes that we ask for. */
const MESSAGE_LIMIT = 1024 * 1024
/** The answer to one question: some thousand groups. */
const ANSWER_LIMIT = 16 * 1024 * 1024
/** Small ones cost more than their octets. */
const MOST_MESSAGES = 50_000

/** Owns the socket: ends with it, and ends it. */
export class FramedSocket extends Duplex {
  /** What the library looks at to see that the connection stands. */
  readonly readyState = 'open'
  readonly connecting = false
  readonly #socket: Socket
  /** What came of a message that is not whole yet. */
  #held: Buffer[] = []
  #length = 0
  /** With this many octets there is more to see. */
  #wanted = 2
  #left = ANSWER_LIMIT
  #messagesLeft = MOST_MESSAGES

  constructor(socket: Socket) {
    super({ readableObjectMode: true })
    this.#socket = socket
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
  }

  /** A new question is asked: its answer may be as long as any. */
  expectAnswer(): void {
    this.#left = ANSWER_LIMIT
    this.#messagesLeft = MOST_MESSAGES
  }

  /** Gives the socket back and forgets what was received: nothing that came before TLS may be read as if it came in it. */
  release(): Socket {
    this.#socket.off('data', this.#onData)
    this.#socket.off('end', this.#onEnd)
    this.#socket.off('error', this.#onError)
    this.#socket.off('close', this.#onClose)
    this.removeAllListeners()
    this.#held = []
    return this.#socket
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done())
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }

  readonly #onEnd = () => void this.push(null)
  readonly #onError = (error: Error) => void this.destroy(error)
  readonly #onClose = () => void this.destroy()

  readonly #onData = (chunk: Buffer) => {
    try {
      this.#take(chunk)
    } catch (cause) {
      this.destroy(cause instanceof Error ? cause : new Error('the octets cannot be read', { cause }))
    }
  }

  #take(chunk: Buffer): void {
    this.#left -= chunk.length
    if (this.#left < 0) throw new RangeError(`an answer has more than ${ANSWER_LIMIT} octets`)
    this.#held.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#wanted) return
    let rest = Buffer.concat(this.#held)
    for (;;) {
      const whole = rest.length < 2 ? undefined : messageLength(rest, MESSAGE_LIMIT)
      if (whole === undefined || rest.length < whole) {
        this.#held = [rest]
        this.#length = rest.length
        this.#wanted = whole ?? rest.length + 1
        return
      }
      if (--this.#messagesLeft < 0) throw new RangeError(`an answer has more than ${MOST_MESSAGES} messages`)
      const message = rest.subarray(0, whole)
      if (!isSound(message)) throw new RangeError('a message is not well formed')
      if (!this.push(message)) this.#socket.pause()
      rest = rest.subarray(whole)
    }
  }
}
