/** What our own paths need from the rest of the house, handed in once per snapshot. */
import type { RandomSource } from '../crypto/random.ts'
import type { Sealer } from '../crypto/seal.ts'
import type { UrlSigner } from '../crypto/signed-url.ts'
import type { TokenMaker } from '../crypto/tokens.ts'
import type { ErrorCode } from '../errors/catalog.ts'
import type { IdTokens } from '../identity/id-tokens.ts'
import type { RelyingParty } from '../identity/relying-party.ts'
import type { Visit } from '../listener/visit.ts'
import type { Answer } from '../respond/answer.ts'
import type { CookieSettings, Scheme } from '../session/cookie-names.ts'
import type { RevokedSessions } from '../session/revoked-sessions.ts'
import type { Session } from '../session/session.ts'
import type { SessionCookies } from '../session/session-cookies.ts'
import type { Upkeep } from '../session/session-upkeep.ts'
import type { SingleUse } from './single-use.ts'

/** The pages of our own paths. Each takes `headers` (flat list: cookies, mostly) that the answer has to carry. */
export interface Pages {
  /** "Sign out?": one POST form to `action` with the hidden field `token`. Redirects after it lead to `formTargets`. */
  signOutQuestion(visit: Visit, model: SignOutQuestion): Answer
  /** `wayBack`: the application where it began. */
  signedOut(visit: Visit, model: { readonly headers: readonly string[]; readonly wayBack?: WayBack }): Answer
  /** Who is signed in here, with their claims and a way to sign out; `session` undefined: nobody. */
  whoAmI(visit: Visit, model: { readonly session: Session | undefined; readonly signOutUrl: string }): Answer
  signInProblem(visit: Visit, model: SignInProblem): Answer
  /** "You are signed in": leads on to `target` by itself (refresh of 0 s) and by a link. */
  proceed(visit: Visit, model: { readonly target: string; readonly headers: readonly string[] }): Answer
}

export interface WayBack {
  readonly href: string
  readonly text: string
}

export interface SignOutQuestion {
  readonly action: string
  readonly token: string
  readonly formTargets: readonly string[]
  readonly session: Session | undefined
}

export interface SignInProblem {
  /** Row of the catalogue: status, text and advice. */
  readonly code: ErrorCode
  /** Sentences that name possible causes, for the person and the operator; plain text. */
  readonly causes: readonly string[]
  /** Where "try again" leads, if there is such a place. */
  readonly retryUrl: string | undefined
  readonly headers: readonly string[]
}

export interface EndpointContext {
  /** Origin of `authenticate_service_url`, as in `https://authenticate.corp.test:8443`. */
  readonly authenticateOrigin: string
  /** The scheme under which the public reaches this visit's host. */
  publicScheme(visit: Visit): Scheme
  /** Whether some route is published at this address's host and port: nobody is handed over to any other. */
  isRouteHost(address: URL): boolean
  /** `signout_redirect_url`. */
  readonly signOutRedirectUrl: string | undefined
  /** `cookie_expire`, milliseconds. */
  readonly cookieExpire: number
  readonly cookies: CookieSettings
  readonly sessions: SessionCookies
  readonly revoked: RevokedSessions
  readonly upkeep: Upkeep
  /** Seals attempts under way (cookie_secret) and what goes from host to host (shared_secret). */
  readonly cookieSealer: Sealer
  readonly sharedSealer: Sealer
  readonly signer: UrlSigner
  readonly signOutTokens: TokenMaker
  /** Ids of attempts and hand-overs that were used. */
  readonly used: SingleUse
  readonly relyingParty: RelyingParty
  readonly idTokens: IdTokens
  /** Published key set, as JSON text. */
  readonly jwks: string
  readonly pages: Pages
  readonly random: RandomSource
}

/** One request to one of our paths. */
export interface Ask {
  readonly visit: Visit
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The body as a form; @throws FORM_INVALID */
  readForm(): Promise<URLSearchParams>
}

export type Handler = (ask: Ask, context: EndpointContext) => Answer | Promise<Answer>
