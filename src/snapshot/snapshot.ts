/** Everything a request needs, compiled from one configuration: immutable, swapped whole. */
import type { Exchange, Visit } from '../listener/visit.ts'
import type { Decision, StepUp } from '../policy/decision.ts'
import type { Answer, Outcome } from '../respond/answer.ts'
import type { Session } from '../session/session.ts'

/** A published application with everything that was compiled for it. */
export interface Route {
  /** Its `name`, or `from` with the path rule. */
  readonly name: string
  /** Stable over reloads while what it publishes stays the same. */
  readonly id: string
  decide(visit: Visit, session: Session | undefined, now: number): Decision
  /** Carries the exchange to the upstream, upgrades included; rejects with a ProxyError before the answer's head was sent. */
  forward(exchange: Exchange, session: Session | undefined): Promise<Outcome>
}

/** One of our own paths: what it answers. */
export interface Endpoint {
  readonly name: string
  answer(exchange: Exchange): Promise<Answer>
}

export interface AuthorizedVisit {
  readonly route: Route
  readonly session: Session | undefined
  readonly decision: Decision
  readonly now: number
}

export interface Snapshot {
  findEndpoint(visit: Visit): Endpoint | undefined
  findRoute(visit: Visit): Route | undefined
  /** Opens the sealed cookie; nobody when there is none, or it does not open here, or it has ended. */
  openSession(visit: Visit, now: number): Session | undefined | Promise<Session | undefined>
  startSignIn(visit: Visit, start: { readonly now: number; readonly again?: StepUp | undefined }): Promise<Answer>
  /** For somebody who is let in: where the cookie says less than is known, a way round by which it is sealed anew. */
  renewSession(
    visit: Visit,
    who: { readonly session: Session | undefined; readonly now: number },
  ): Promise<Answer | undefined> | undefined
  /** The page (or JSON) of a refusal by policy. */
  deniedAnswer(visit: Visit, denial: { route: Route; session: Session | undefined; decision: Decision }): Answer
  errorAnswer(visit: Visit, error: unknown): Answer
  /** What was decided at the moment `now`. */
  logAuthorize(visit: Visit, check: AuthorizedVisit): void
  logAccess(visit: Visit, outcome: Outcome): void
  logFailure(visit: Visit, error: unknown): void
  retire(): void
}
