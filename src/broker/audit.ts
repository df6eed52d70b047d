/** Decisions about identity as the log tells them: who asked for what, from where, and how it ended. Never a secret. */

/** One try to sign in, with name and password or at another service. */
export interface SignInEvent {
  readonly outcome: 'signed-in' | 'refused' | 'held-up' | 'failed'
  readonly connector: string
  /** What was typed as the name; '' where another service asked for it. */
  readonly login: string
  readonly address: string
  readonly subject?: string
  /** Code of the failure. */
  readonly code?: string
}

/** What was decided about, besides a sign-in. */
export type DecisionAct =
  | 'authorization'
  | 'client authentication'
  | 'code redemption'
  | 'device approval'
  | 'device code redemption'
  | 'refresh'
  | 'revocation'
  | 'sign-out'
  | 'token exchange'
  | 'user code'
  | 'userinfo'

export interface Decision {
  readonly act: DecisionAct
  /** `refused`: the answer is no; `held-up`: nobody looked, too many tries; `failed`: nobody could tell. */
  readonly outcome: 'done' | 'refused' | 'held-up' | 'failed'
  readonly address: string
  /** The application that asked, as it called itself. */
  readonly client?: string
  readonly connector?: string
  readonly subject?: string
  /** OAuth's word for what was wrong. */
  readonly code?: string
  /** Why, in words of ours that repeat nothing that was sent. */
  readonly reason?: string
}

export type AuditLine = ({ readonly act: 'sign-in' } & SignInEvent) | Decision

export type Audit = (line: AuditLine) => void
