/**
 * The broker's own pages of signing in: the choice of a connector, the password form, the way to another service and
 * back, consent. Each works on one attempt, found only in the browser that began it, and leads back to the provider.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Interaction, KoaContextWithOIDC, default as Provider } from 'oidc-provider'
import type { UpstreamIdentity } from '../connectors/connector.ts'
import type { BorrowedConnector, ConnectorLabel, OpenConnectors } from '../connectors/open-connectors.ts'
import type { ClientBook } from '../provider/client-book.ts'
import { dexSubject } from '../provider/dex-subject.ts'
import type { Identities } from '../provider/identities.ts'
import type { Store } from '../store/store.ts'
import type { BrokerPages } from '../views.ts'
import { AttemptOver, answer, answerAttempt, findAttempt, parameterOf } from './attempt.ts'
import type { AttemptCookies } from './attempt-cookies.ts'
import { serveChoice } from './choice.ts'
import { serveConsent } from './consent.ts'
import { type AuditEvent, PasswordChecks } from './password-check.ts'
import { servePasswordForm } from './password-form.ts'
import { serveCallback, startRedirect } from './redirect.ts'
import { sendProblem, sendRedirect, sendView } from './send.ts'

export interface SignInOptions {
  readonly issuer: string
  readonly store: Store
  readonly clients: ClientBook
  readonly connectors: OpenConnectors
  readonly identities: Identities
  readonly pages: BrokerPages
  readonly cookies: AttemptCookies
  readonly now: () => number
  /** `oauth2.alwaysShowLoginScreen`. */
  readonly alwaysChoose: boolean
  readonly rememberByDefault: boolean
  audit(event: AuditEvent): void
  report(message: string, error: unknown): void
}

/** One request to a page of signing in. `path` is below the issuer's path. */
export interface SignInRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly path: string
  readonly query: URLSearchParams
  /** Who asks, as far as it can be known. */
  readonly address: string
  readonly requestId: string
  readonly provider: Provider
}

/** Milliseconds. Nobody types a password for longer. */
export const longestAttempt = 60 * 60_000

/** Path of the choice of connectors. */
const choicePath = '/sign-in'
const consentPath = '/approval'
/** Connector ids as they may stand in a path; others are reached through the choice only, percent-encoded. */
const loginPath = /^\/auth\/([^/]+)\/login$/

export class SignIn {
  readonly options: SignInOptions
  readonly passwords: PasswordChecks

  constructor(options: SignInOptions) {
    this.options = options
    this.passwords = new PasswordChecks(options.now)
  }

  /** Where an attempt begins; sets the cookie that binds it to the browser. For the provider's `interactions.url`. */
  async begin(
    context: KoaContextWithOIDC,
    { uid, prompt, params }: Pick<Interaction, 'uid' | 'prompt' | 'params'>,
  ): Promise<string> {
    const { cookies, issuer, alwaysChoose } = this.options
    const path = new URL(issuer).pathname.replace(/\/$/, '') || '/'
    const attributes = {
      httpOnly: true,
      sameSite: 'lax',
      secure: issuer.startsWith('https:'),
      path,
      signed: false,
    } as const
    for (const name of cookies.tooMany(context.req)) context.cookies.set(name, null, attributes)
    context.cookies.set(cookies.name(uid), cookies.value(uid), { ...attributes, maxAge: longestAttempt })
    if (prompt.name === 'consent') return this.url(consentPath, { req: uid })
    const choices = await this.choices({ params })
    const [only] = choices
    const named = typeof params['connector_id'] === 'string'
    if (only && choices.length === 1 && (named || !alwaysChoose)) return this.loginUrl(only.id, uid)
    return this.url(choicePath, { state: uid })
  }

  /** Answers a request for one of these pages; false when it is for none. */
  async serve(asked: SignInRequest): Promise<boolean> {
    const { path } = asked
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
    if (path.startsWith('/callback')) return serveCallback(this, asked)
    if (path === consentPath) return serveConsent(this, asked)
    const attempt = await this.attempt(asked, query.get('state'))
    const known = await this.#knownMeanwhile(asked, attempt)
    if (known) return sendRedirect(asked.response, await answer(attempt, { resumed: true }))
    if (path === choicePath) return serveChoice(this, asked, attempt)
    if (!(await this.choices(attempt)).some(({ id }) => id === connectorId))
      throw new AttemptOver('the connector is not one of this attempt')
    using borrowed = await this.options.connectors.borrow(connectorId ?? '')
    if (!borrowed) throw new AttemptOver('the connector is gone')
    if (borrowed.connector.kind === 'password') return servePasswordForm(this, asked, { attempt, borrowed })
    return startRedirect(this, asked, { attempt, borrowed })
  }

  /** @throws AttemptOver */
  attempt({ request, provider }: SignInRequest, uid: string | null): Promise<Interaction> {
    return findAttempt(request, { uid, provider, cookies: this.options.cookies })
  }

  /** The connectors that this attempt may use, in order. */
  async choices({ params }: Pick<Interaction, 'params'>): Promise<readonly ConnectorLabel[]> {
    const { clients, connectors } = this.options
    const client = await clients.find(String(params['client_id'] ?? ''))
    const allowed = client?.allowedConnectors ?? []
    const named = params['connector_id']
    return connectors
      .list()
      .filter(({ id }) => (allowed.length === 0 || allowed.includes(id)) && (named === undefined || named === id))
      .filter(({ grantTypes }) => grantTypes.length === 0 || grantTypes.includes('authorization_code'))
  }

  /** Somebody has proved who they are: keeps it with the attempt, and sends the browser on. */
  async finish(
    { response, address }: SignInRequest,
    found: {
      readonly attempt: Interaction
      readonly borrowed: BorrowedConnector
      readonly identity: UpstreamIdentity
      readonly login: string
      readonly remember: boolean
    },
  ): Promise<void> {
    const { attempt, borrowed, login, remember } = found
    const identity = { ...found.identity, groups: borrowed.renameGroups(found.identity.groups) }
    const subject = dexSubject({ userId: identity.userId, connectorId: borrowed.id })
    const known = { subject, connectorId: borrowed.id, identity, checkedAt: this.options.now() }
    const amr = borrowed.connector.kind === 'password' ? ['pwd'] : []
    const next = await answerAttempt(attempt, { known, remember, amr })
    this.options.audit({ outcome: 'signed-in', connector: borrowed.id, login, address, subject })
    sendRedirect(response, next)
  }

  loginUrl(connectorId: string, uid: string): string {
    return this.url(`/auth/${encodeURIComponent(connectorId)}/login`, { state: uid })
  }

  /** Without scheme and host: a browser that has turned an http issuer into https stays where it is. */
  url(path: string, query: Readonly<Record<string, string>>): string {
    const below = new URL(this.options.issuer).pathname.replace(/\/$/, '')
    return `${below}${path}?${new URLSearchParams(query)}`
  }

  async clientName(attempt: Interaction): Promise<string> {
    const id = parameterOf(attempt, 'client_id')
    return (await this.options.clients.find(id))?.name || id
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
    const { report, pages } = this.options
    if (error instanceof AttemptOver) {
      sendView(asked.response, pages, {
        status: 400,
        view: {
          kind: 'problem',
          heading: 'This sign-in is over',
          text: 'It took too long, it was finished in another tab, or it was begun in another browser.',
          advice: 'Go back to the application and open it again.',
        },
      })
      return
    }
    report('a sign-in has failed', error)
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
