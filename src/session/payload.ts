/** What of a session lies in the seal: as little as makes it whole again. */
import { flattenClaims, keptClaims, neededClaims } from './claims.ts'
import type { Claims, Session } from './session.ts'

/** One letter each, because they are in every cookie. */
export interface Payload {
  /** Session id. */
  readonly i: string
  /** The user id, where it is not the claim `sub`. */
  readonly u?: string
  /** issuedAt, expiresAt. */
  readonly a: number
  readonly x: number
  readonly c: Claims
  /** The claims are trimmed. */
  readonly t?: 1
}

export interface NewSession {
  readonly id: string
  readonly userId: string
  readonly claims: Claims
  readonly issuedAt: number
  readonly expiresAt: number
}

/** A session from what the provider said. */
export function makeSession({ isTrimmed, ...start }: NewSession & { readonly isTrimmed?: true }): Session {
  const { claims } = start
  return {
    ...start,
    email: textOf(claims['email']),
    // Cognito and Apple send the word instead of the value.
    emailVerified: claims['email_verified'] !== false && claims['email_verified'] !== 'false',
    name: textOf(claims['name']),
    flatClaims: flattenClaims(claims),
    ...(isTrimmed && { isTrimmed }),
  }
}

/** The session for a seal: without the token's own claims; `trimmed` without all claims that nothing names. */
export function printSession(
  session: Session,
  { needed, trimmed }: { needed: ReadonlySet<string>; trimmed: boolean },
): Payload {
  const { id, userId, claims, issuedAt, expiresAt } = session
  return {
    i: id,
    ...(userId !== claims['sub'] && { u: userId }),
    a: issuedAt,
    x: expiresAt,
    c: trimmed ? neededClaims(claims, needed) : keptClaims(claims, needed),
    ...((trimmed || session.isTrimmed) && { t: 1 as const }),
  }
}

/** A session from its seal, or undefined where the value is none (another version's, say). */
export function readSession(value: unknown): Session | undefined {
  if (!isRecord(value)) return undefined
  const { i: id, u, a: issuedAt, x: expiresAt, c: claims, t } = value
  if (typeof id !== 'string' || typeof issuedAt !== 'number' || typeof expiresAt !== 'number' || !isRecord(claims))
    return undefined
  const userId = u ?? claims['sub']
  if (typeof userId !== 'string' || userId === '') return undefined
  return makeSession({ id, userId, claims, issuedAt, expiresAt, ...(t === 1 && { isTrimmed: true }) })
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
