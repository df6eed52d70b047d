/** Decisions about identity as the log tells them: who asked for what, from where, and how it ended. Never a secret. */
import type { AuditEvent } from './sign-in/password-check.ts'

/** What was decided about, besides a sign-in with name and password or at another service. */
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

export type AuditLine = ({ readonly act: 'sign-in' } & AuditEvent) | Decision

export type Audit = (line: AuditLine) => void
