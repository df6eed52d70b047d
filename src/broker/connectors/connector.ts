/** What a connector is: the way to one directory or sign-in service behind the broker. */
import type { ProxyFor } from '../../outbound/environment-proxy.ts'

/** Somebody who has proved who they are, as the source tells it. */
export interface UpstreamIdentity {
  /** The source's own id of the user; half of the `sub` (see `dex-subject.ts`). Never blank. */
  readonly userId: string
  /** The claim `name`; '' where the source has none. */
  readonly name: string
  /** The claim `preferred_username`; '' where the source has none. */
  readonly preferredUsername: string
  readonly email: string
  readonly emailVerified: boolean
  readonly groups: readonly string[]
  /** What the connector needs to ask again (an upstream refresh token, the entry's DN). Kept encrypted, never shown. */
  readonly connectorData?: string
}

/** What the application asked for that makes a difference to the source. */
export interface WantedScopes {
  readonly groups: boolean
  readonly offlineAccess: boolean
}

/** Handed to every `open…` function of a connector. */
export interface ConnectorTools {
  /** Id of the connector: the other half of the `sub`, and part of messages. */
  readonly id: string
  /** The broker's `ISSUER/callback`: where sources send the user back to. */
  readonly callbackUrl: string
  /** Text of a file that the settings name (CA, service account). @throws as `readFile` of node:fs does */
  readFile(path: string): Promise<string>
  /** Milliseconds since the epoch. */
  now(): number
  /** Which proxy leads to an address over HTTP; absent: none to any. */
  readonly proxyFor?: ProxyFor | undefined
  /** For what is doubtful and concerns the operator: one clause, without secrets. */
  warn(message: string): void
}

/** One step of looking at a connector (`ostiary idp test`). */
export interface DiagnosticStep {
  /** "TLS", "bind", "user search": short, lower case. */
  readonly name: string
  readonly outcome: 'ok' | 'doubtful' | 'failed' | 'skipped'
  /** What was found, one clause; never a secret. */
  readonly found: string
  /** More lines: the filter as it was sent, attributes with their values, groups by matcher. */
  readonly details?: readonly string[]
  /** On the step that found out who the user is. */
  readonly identity?: UpstreamIdentity
}

interface ConnectorBase {
  /** How old the groups of a refreshed token are: asked again each time, or as they were at the sign-in. */
  readonly freshness: 'each refresh' | 'sign-in'
  /** `refresh` works with what the source gave at the sign-in only: without `connectorData` nobody can be asked again. */
  readonly needsData?: true
  /**
   * Looks whether the source answers and takes our credentials: metadata, bind and search.
   * @throws ProxyError CONNECTOR_UNREACHABLE, CONNECTOR_MISCONFIGURED
   */
  check(signal: AbortSignal): Promise<void>
  /**
   * Asks the source again who this is, and whether the account may still sign in. Absent: the source cannot tell, and
   * no refresh token is given out (Dex does the same).
   * @throws ProxyError CONNECTOR_UNREACHABLE (try again later: nothing is known), ACCOUNT_… (the person is out)
   */
  refresh?(
    identity: UpstreamIdentity,
    options: { scopes: WantedScopes; signal: AbortSignal },
  ): Promise<UpstreamIdentity>
  /** Walks the whole connection, step by step; never throws for what it finds. Ends after the first failed step. */
  diagnose(options: { user: string | undefined; signal: AbortSignal }): AsyncIterable<DiagnosticStep>
  close(): Promise<void>
}

/** Takes name and password on the broker's own form. */
export interface PasswordConnector extends ConnectorBase {
  readonly kind: 'password'
  /** What the form calls the name: "Username", "Email". */
  readonly prompt: string
  /**
   * Who this is; undefined where name and password do not belong together. Both take about as long.
   * @throws ProxyError CONNECTOR_UNREACHABLE, CONNECTOR_MISCONFIGURED, ACCOUNT_…
   */
  signIn(
    credentials: { readonly login: string; readonly password: string },
    options: { scopes: WantedScopes; signal: AbortSignal },
  ): Promise<UpstreamIdentity | undefined>
}

/** Where the browser goes to sign in. `secrets` come back to `finish`; the broker binds them to the browser. */
export interface Departure {
  /** By GET, or as a form that the browser posts (SAML's POST binding). */
  readonly send:
    | { readonly by: 'redirect'; readonly url: string }
    | { readonly by: 'post'; readonly action: string; readonly fields: Readonly<Record<string, string>> }
  /** Nonce, verifier, request id: JSON text, at most 4 KiB. */
  readonly secrets: string
}

/** Sends the browser to another service and reads what comes back. */
export interface RedirectConnector extends ConnectorBase {
  readonly kind: 'redirect'
  /**
   * `state` is the broker's (`RelayState` in SAML): it must come back unchanged. `parameters` are those of the
   * application's own sign-in request (`login_hint`, …); only what the settings let through may go on.
   */
  start(options: {
    readonly state: string
    readonly scopes: WantedScopes
    readonly parameters: URLSearchParams
    readonly signal: AbortSignal
  }): Promise<Departure>
  /**
   * Reads the answer: query of the GET, or fields of the POST. All of it is hostile until checked.
   * @throws ProxyError CONNECTOR_REFUSED, CONNECTOR_ANSWER_INVALID, CONNECTOR_UNREACHABLE, ACCOUNT_…
   */
  finish(options: {
    readonly answer: URLSearchParams
    readonly by: 'GET' | 'POST'
    readonly state: string
    readonly secrets: string
    readonly scopes: WantedScopes
    readonly signal: AbortSignal
  }): Promise<UpstreamIdentity>
  /**
   * For token exchange (RFC 8693): who a token of the source belongs to. It must have been made for our client.
   * @throws ProxyError CONNECTOR_ANSWER_INVALID where it is not to be trusted
   */
  readToken?(options: {
    readonly token: string
    readonly type: 'id_token' | 'access_token'
    readonly signal: AbortSignal
  }): Promise<UpstreamIdentity>
}

export type Connector = PasswordConnector | RedirectConnector

/** How this identity can be asked for again; undefined where it cannot, and no refresh token is given out then. */
export function refresherOf(connector: Connector, identity: UpstreamIdentity): Connector['refresh'] {
  return connector.needsData && identity.connectorData === undefined ? undefined : connector.refresh
}
