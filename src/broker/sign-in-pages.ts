/** The broker's own form: shows it, checks what comes back, and gives the provider the answer. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { default as Provider } from 'oidc-provider'
import { Attempts } from './attempts.ts'
import { type BrokerClient, formTargets, signInPath } from './provider.ts'
import type { BrokerUser, Users } from './users.ts'
import { type BrokerPages, type BrokerView, pageHeaders } from './views.ts'

/** One try to sign in. */
export interface AuditEvent {
  readonly outcome: 'signed-in' | 'refused' | 'held-up'
  readonly email: string
  readonly address: string
}

export interface SignInOptions {
  readonly provider: Provider
  readonly issuer: string
  readonly users: Users
  readonly pages: BrokerPages
  readonly clients: readonly BrokerClient[]
  readonly now: () => number
  readonly audit: ((event: AuditEvent) => void) | undefined
}

const FORM_OCTETS = 8192
/** An address that is longer is nobody's (RFC 5321 §4.5.3.1.3). */
const EMAIL_CHARACTERS = 254
/** Passwords being compared or waiting for it; each takes the processor for some 70 ms. */
const CHECKS_AT_ONCE = 8

const WRONG = 'That address and password do not belong together.'
const BUSY = 'Too many people are signing in just now. Try again in a moment.'

export class SignInPages {
  readonly #options: SignInOptions
  readonly #perAccount = new Attempts({ failures: 5, windowMs: 60_000, keys: 10_000 })
  readonly #perAddress = new Attempts({ failures: 30, windowMs: 60_000, keys: 10_000 })
  #checks = 0

  constructor(options: SignInOptions) {
    this.#options = options
  }

  /** Answers a request for the form of an attempt; false when the request is not for that. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const uid = /^\/sign-in\/([\w-]{1,64})$/.exec(request.url ?? '')?.[1]
    if (uid === undefined) return false
    try {
      await this.#serveAttempt(request, response, uid)
    } catch (error) {
      if (!(error instanceof AttemptOver) && (error as Error).name !== 'SessionNotFound') throw error
      this.#send(response, 400, {
        kind: 'problem',
        heading: 'This sign-in is over',
        text: 'It took too long, or it was finished in another tab. Go back to the application and open it again.',
      })
    }
    return true
  }

  async #serveAttempt(request: IncomingMessage, response: ServerResponse, uid: string): Promise<void> {
    const { provider, issuer } = this.#options
    // Found by the cookie of this attempt, which only the browser that began it holds.
    const attempt = await provider.interactionDetails(request, response)
    if (attempt.uid !== uid) throw new AttemptOver('the cookie is of another attempt')
    const action = signInPath(uid)
    const hint = attempt.params['login_hint']
    const suggestion = typeof hint === 'string' ? hint.slice(0, EMAIL_CHARACTERS) : ''

    if (request.method === 'GET' || request.method === 'HEAD') {
      const known = await this.#knownMeanwhile(request, attempt.prompt)
      if (known) return this.#finish(request, response, known)
      return this.#send(response, 200, { kind: 'sign-in', action, email: suggestion, problem: undefined })
    }
    const { origin } = request.headers
    if (request.method !== 'POST' || (origin !== undefined && origin !== issuer)) {
      request.resume()
      response.writeHead(request.method === 'POST' ? 403 : 405, { allow: 'GET, HEAD, POST' }).end()
      return
    }
    const form = await readForm(request)
    if (!form) {
      response.writeHead(413, { connection: 'close' }).end()
      return
    }
    const email = (form.get('email') ?? '').slice(0, EMAIL_CHARACTERS)
    const checked = await this.#check({ email, password: form.get('password') ?? '', address: addressOf(request) })
    if (typeof checked === 'object') return this.#finish(request, response, checked.subject)
    const status = checked === WRONG ? 401 : 429
    this.#send(response, status, { kind: 'sign-in', action, email, problem: checked })
  }

  /** The user, or the sentence that says why not. */
  async #check(attempt: { email: string; password: string; address: string }): Promise<BrokerUser | string> {
    const { users, now, audit } = this.#options
    const { email, password, address } = attempt
    const account = email.trim().toLowerCase()
    if (this.#checks >= CHECKS_AT_ONCE) return BUSY
    const wait = Math.max(this.#perAddress.begin(address, now()), this.#perAccount.begin(account, now()))
    if (wait > 0) {
      audit?.({ outcome: 'held-up', email, address })
      return `Too many tries. Wait ${Math.ceil(wait / 1000)} seconds and try again.`
    }
    this.#checks++
    try {
      const user = await users.check({ email, password })
      audit?.({ outcome: user ? 'signed-in' : 'refused', email, address })
      if (!user) return WRONG
      this.#perAccount.forget(account)
      this.#perAddress.takeBack(address)
      return user
    } finally {
      this.#checks--
    }
  }

  /** Who signed in through another tab since this attempt began, unless the application asks for a fresh sign-in. */
  async #knownMeanwhile(request: IncomingMessage, prompt: { name: string; reasons: string[] }) {
    const { provider } = this.#options
    if (prompt.name !== 'login' || prompt.reasons.some((reason) => reason !== 'no_session')) return undefined
    const name = provider.cookieName('session')
    const id = new RegExp(`(?:^|; )${name}=([\\w-]+)`).exec(request.headers.cookie ?? '')?.[1]
    return id === undefined ? undefined : (await provider.Session.find(id))?.accountId
  }

  #finish(request: IncomingMessage, response: ServerResponse, accountId: string): Promise<void> {
    return this.#options.provider.interactionFinished(request, response, { login: { accountId, amr: ['pwd'] } })
  }

  #send(response: ServerResponse, status: number, view: BrokerView): void {
    const { pages, clients } = this.#options
    response.writeHead(status, pageHeaders(pages, formTargets(clients))).end(pages.render(view))
  }
}

/** There is no such attempt (any more) for this browser. */
class AttemptOver extends Error {}

async function readForm(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request) {
    size += (part as Buffer).length
    if (size > FORM_OCTETS) return undefined
    parts.push(part as Buffer)
  }
  return new URLSearchParams(Buffer.concat(parts).toString('utf8'))
}

const addressOf = (request: IncomingMessage) => request.socket.remoteAddress ?? 'unknown'
