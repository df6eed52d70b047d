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
  /** freshUntil. */
  readonly r?: number
  /** The claims are trimmed. */
  readonly t?: 1
}

export interface NewSession {
  readonly id: string
  readonly userId: string
  readonly claims: Claims
  readonly issuedAt: number
  readonly expiresAt: number
  readonly freshUntil?: number | undefined
}

/** A session from what the provider said. */
export function makeSession({ isTrimmed, freshUntil, ...start }: NewSession & { readonly isTrimmed?: true }): Session {
  const { claims } = start
  return {
    ...start,
    email: textOf(claims['email']),
    // Cognito and Apple send the word instead of the value.
    emailVerified: claims['email_verified'] !== false && claims['email_verified'] !== 'false',
    name: textOf(claims['name']),
    flatClaims: flattenClaims(claims),
    ...(freshUntil !== undefined && { freshUntil }),
    ...(isTrimmed && { isTrimmed }),
  }
}

/** The session for a seal: without the token's own claims; `trimmed` without all claims that nothing names. */
export function printSession(
  session: Session,
  { needed, trimmed }: { needed: ReadonlySet<string>; trimmed: boolean },
): Payload {
  const { id, userId, claims, issuedAt, expiresAt, freshUntil } = session
  return {
    i: id,
    ...(userId !== claims['sub'] && { u: userId }),
    a: issuedAt,
    x: expiresAt,
    c: trimmed ? neededClaims(claims, needed) : keptClaims(claims, needed),
    ...(freshUntil !== undefined && { r: freshUntil }),
    ...((trimmed || session.isTrimmed) && { t: 1 as const }),
  }
}

/** A session from its seal, or undefined where the value is none (another version's, say). */
export function readSession(value: unknown): Session | undefined {
  if (!isRecord(value)) return undefined
  const { i: id, u, a: issuedAt, x: expiresAt, c: claims, r, t } = value
  if (typeof id !== 'string' || typeof issuedAt !== 'number' || typeof expiresAt !== 'number' || !isRecord(claims))
    return undefined
  const userId = u ?? claims['sub']
  if (typeof userId !== 'string' || userId === '') return undefined
  const more = { ...(typeof r === 'number' && { freshUntil: r }), ...(t === 1 && { isTrimmed: true as const }) }
  return makeSession({ id, userId, claims, issuedAt, expiresAt, ...more })
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
