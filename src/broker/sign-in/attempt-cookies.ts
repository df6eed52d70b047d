/**
 * Binds a sign-in to the browser that began it. Each attempt has a cookie of its own, so that ten tabs are ten attempts;
 * who is sent a link to somebody else's attempt cannot finish it for them (login CSRF, RFC 9700 §4.7).
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { cookiesOf } from '../../wire/cookies.ts'

const family = 'ostiary_attempt_'
/** Of one browser; more would make its requests too long. */
const mostAttempts = 12
/** Dropped by one answer: its head has to pass through whatever stands before us, which may take no more than 4 KiB. */
const mostDropped = 16

export class AttemptCookies {
  readonly #key: Buffer
  readonly #prefix: string

  /** `hostPrefix`: `__Host-` where the issuer allows it, which no sibling host can plant. */
  constructor(key: Buffer, hostPrefix: string) {
    this.#key = key
    this.#prefix = hostPrefix + family
  }

  name(uid: string): string {
    return `${this.#prefix}${uid.slice(0, 12)}`
  }

  /** Names of the oldest attempts, where a browser holds more than it may: browsers send the oldest first (RFC 6265 §5.4). */
  tooMany(request: IncomingMessage): readonly string[] {
    const names = cookiesOf(request.headers.cookie).map(({ name }) => name)
    const held = names.filter((name) => name.startsWith(this.#prefix))
    return held.slice(0, -(mostAttempts - 1)).slice(0, mostDropped)
  }

  value(uid: string): string {
    return createHmac('sha256', this.#key).update(`attempt ${uid}`).digest('base64url')
  }

  /** Whether this request comes from the browser that began the attempt. */
  isBound(request: IncomingMessage, uid: string): boolean {
    const name = this.name(uid)
    const sent = cookiesOf(request.headers.cookie).find((cookie) => cookie.name === name)?.value ?? ''
    const expected = Buffer.from(this.value(uid))
    const given = Buffer.from(sent)
    return given.length === expected.length && timingSafeEqual(given, expected)
  }
}
