/**
 * The broker's own pages of signing in: the choice of a connector, the password form, the way to another service and
 * back, consent. Each works on one attempt, found only in the browser that began it, and leads back to the provider.
 */
import type { Interaction, KoaContextWithOIDC } from 'oidc-provider'
import { cookiePathOf } from '../issuer.ts'
import { overView } from '../provider/error-view.ts'
import { AttemptOver, answer } from './attempt.ts'
import { Attempts, type SignInOptions, type SignInRequest } from './attempts.ts'
import { serveChoice } from './choice.ts'
import { serveConsent } from './consent.ts'
import { servePasswordForm } from './password-form.ts'
import { serveCallback, startRedirect } from './redirect.ts'
import { hasBrokenOff, sendProblem, sendRedirect, sendView } from './send.ts'

/** Milliseconds. Nobody types a password for longer. */
export const longestAttempt = 60 * 60_000

/** Path of the choice of connectors. */
const choicePath = '/sign-in'
const consentPath = '/approval'
/** The way in by one connector, whose id is percent-encoded. */
const loginPath = /^\/auth\/([^/]+)\/login$/

/** Back to the provider. It looks at a cookie of its own there, which lies below a path and could be planted. */
const resumePath = /^\/(?:auth|device)\/([\w-]{16,64})$/

export class SignIn {
  readonly #attempts: Attempts

  constructor(options: SignInOptions) {
    this.#attempts = new Attempts(options)
  }

  /** Where an attempt begins; sets the cookie that binds it to the browser. For the provider's `interactions.url`. */
  async begin(
    context: KoaContextWithOIDC,
    { uid, prompt, params, deviceCode }: Pick<Interaction, 'uid' | 'prompt' | 'params' | 'deviceCode'>,
  ): Promise<string> {
    const { cookies, issuer, alwaysChoose } = this.#attempts.options
    const attributes = {
      httpOnly: true,
      sameSite: 'lax',
      secure: issuer.startsWith('https:'),
      path: cookiePathOf(issuer),
      signed: false,
    } as const
    for (const name of cookies.tooMany(context.req)) context.cookies.set(name, null, attributes)
    context.cookies.set(cookies.name(uid), cookies.value(uid), { ...attributes, maxAge: longestAttempt })
    if (prompt.name === 'consent') return this.#attempts.url(consentPath, { req: uid })
    const choices = await this.#attempts.choices({ params, deviceCode })
    const [only] = choices
    const named = typeof params['connector_id'] === 'string'
    if (only && choices.length === 1 && (named || !alwaysChoose)) return this.#attempts.loginUrl(only.id, uid)
    return this.#attempts.url(choicePath, { state: uid })
  }

  /** Answers a request for one of these pages; false when it is for none. */
  async serve(asked: SignInRequest): Promise<boolean> {
    const { path, request, query } = asked
    const resumed = request.method === 'POST' || query.has('client_id') ? undefined : resumePath.exec(path)?.[1]
    if (resumed !== undefined && !this.#attempts.options.cookies.isBound(request, resumed)) {
      this.#fail(asked, new AttemptOver('the attempt is of another browser'))
      return true
    }
    const connectorId = loginPath.exec(path)?.[1]
    const isOurs =
      connectorId !== undefined || path === choicePath || path === consentPath || /^\/callback(?:\/[^/]+)?$/.test(path)
    if (!isOurs) return false
    try {
      await this.#serve(asked, connectorId === undefined ? undefined : decoded(connectorId))
    } catch (error) {
      this.#fail(asked, error)
    }
    return true
  }

  async #serve(asked: SignInRequest, connectorId: string | undefined): Promise<void> {
    const { path, query } = asked
    if (path.startsWith('/callback')) return serveCallback(this.#attempts, asked)
    if (path === consentPath) return serveConsent(this.#attempts, asked)
    const attempt = await this.#attempts.find(asked, query.get('state'))
    const known = await this.#knownMeanwhile(asked, attempt)
    if (known) return sendRedirect(asked.response, await answer(attempt, { resumed: true }))
    if (path === choicePath) return serveChoice(this.#attempts, asked, attempt)
    if (!(await this.#attempts.choices(attempt)).some(({ id }) => id === connectorId))
      throw new AttemptOver('the connector is not one of this attempt')
    using borrowed = await this.#attempts.options.connectors.borrow(connectorId ?? '')
    if (!borrowed) throw new AttemptOver('the connector is gone')
    if (borrowed.connector.kind === 'password') return servePasswordForm(this.#attempts, asked, { attempt, borrowed })
    return startRedirect(this.#attempts, asked, { attempt, borrowed })
  }

  /** Whether somebody has signed in through another tab since this attempt began, and nothing fresher is asked for. */
  async #knownMeanwhile({ request, provider }: SignInRequest, attempt: Interaction): Promise<boolean> {
    const { name, reasons } = attempt.prompt
    if (request.method !== 'GET' || name !== 'login' || reasons.some((reason) => reason !== 'no_session')) return false
    const cookie = new RegExp(`(?:^|; )${provider.cookieName('session')}=([\\w-]+)`).exec(request.headers.cookie ?? '')
    const session = cookie?.[1] === undefined ? undefined : await provider.Session.find(cookie[1])
    return session?.accountId !== undefined
  }

  #fail(asked: SignInRequest, error: unknown): void {
    const { report, pages } = this.#attempts.options
    if (error instanceof AttemptOver) {
      sendView(asked.response, pages, {
        status: 400,
        view: overView,
      })
      return
    }
    if (hasBrokenOff(asked.request)) return
    report('a sign-in has failed', error, asked.requestId)
    sendProblem(asked, pages, error)
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
