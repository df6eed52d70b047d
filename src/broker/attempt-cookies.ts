/**
 * Binds a sign-in to the browser that began it. Each attempt has a cookie of its own, so that ten tabs are ten attempts;
 * who is sent a link to somebody else's attempt cannot finish it for them (login CSRF, RFC 9700 §4.7).
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { cookiesOf } from '../wire/cookies.ts'

export class AttemptCookies {
  readonly #key: Buffer

  constructor(key: Buffer) {
    this.#key = key
  }

  name(uid: string): string {
    return `ostiary_attempt_${uid.slice(0, 12)}`
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
