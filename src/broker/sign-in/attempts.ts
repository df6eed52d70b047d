/**
 * What the pages of signing in have in common: they find the attempt that they work on, know its choices and addresses,
 * and end it in one way.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Interaction, default as Provider } from 'oidc-provider'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { SignInEvent } from '../audit.ts'
import type { BorrowedConnector, ConnectorLabel, OpenConnectors } from '../connectors/borrowed-connector.ts'
import type { UpstreamIdentity } from '../connectors/connector.ts'
import { GuessGuard } from '../guesses/guess-guard.ts'
import { basePathOf } from '../issuer.ts'
import type { BoundedRecords } from '../provider/bounded-records.ts'
import { allowsConnector, type ClientBook } from '../provider/client-book.ts'
import { deviceGrant, mayServe } from '../provider/connector-grants.ts'
import { dexSubject } from '../provider/dex-subject.ts'
import type { Identities } from '../provider/identities.ts'
import type { Store } from '../store/store.ts'
import type { BrokerPages } from '../views.ts'
import { answerAttempt, findAttempt, parameterOf } from './attempt.ts'
import type { AttemptCookies } from './attempt-cookies.ts'
import { PasswordChecks } from './password-check.ts'
import { sendRedirect } from './send.ts'
import { Turns } from './turns.ts'

export interface SignInOptions {
  readonly issuer: string
  readonly store: Store
  readonly clients: ClientBook
  readonly connectors: OpenConnectors
  readonly identities: Identities
  readonly pages: BrokerPages
  readonly cookies: AttemptCookies
  readonly records: BoundedRecords
  readonly now: () => number
  /** `oauth2.alwaysShowLoginScreen`. */
  readonly alwaysChoose: boolean
  readonly rememberByDefault: boolean
  audit(event: SignInEvent): void
  /** `requestId`: what the page names, so that it is found. */
  report(message: string, error: unknown, requestId: string): void
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

export class Attempts {
  readonly options: SignInOptions
  readonly passwords: PasswordChecks
  /** Networks from which answers came that nobody had given. */
  readonly forgeries: GuessGuard
  /** Answers that are being read, half a mebibyte each, by network. */
  readonly reading = new Turns({ each: 32, all: 128 })

  constructor(options: SignInOptions) {
    this.options = options
    this.passwords = new PasswordChecks(options.now)
    this.forgeries = new GuessGuard({
      ...{ free: 30, firstWaitMs: 1_000, longestWaitMs: 300_000 },
      ...{ forgetAfterMs: 3_600_000, keys: 20_000 },
    })
  }

  /** The attempt of this id, in the browser that began it. @throws AttemptOver */
  find({ request, provider }: SignInRequest, uid: string | null): Promise<Interaction> {
    return findAttempt(request, { uid, provider, cookies: this.options.cookies })
  }

  /** The connectors that this attempt may use, in order. */
  async choices({
    params,
    deviceCode,
  }: Pick<Interaction, 'params' | 'deviceCode'>): Promise<readonly ConnectorLabel[]> {
    const grant = deviceCode === undefined ? 'authorization_code' : deviceGrant
    const { clients, connectors } = this.options
    const client = await clients.find(String(params['client_id'] ?? ''))
    const named = params['connector_id']
    return connectors
      .list()
      .filter(({ id }) => allowsConnector(client, id) && (named === undefined || named === id))
      .filter((connector) => mayServe(connector, grant))
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
    if (!found.identity.userId.isWellFormed())
      throw new ProxyError('ACCOUNT_INCOMPLETE', 'cannot sign in: the id of the user is no text')
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
    return `${basePathOf(this.options.issuer)}${path}?${new URLSearchParams(query)}`
  }

  async clientName(attempt: Interaction): Promise<string> {
    const id = parameterOf(attempt, 'client_id')
    return (await this.options.clients.find(id))?.name || id
  }
}
