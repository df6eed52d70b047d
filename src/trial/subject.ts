/** Who asks, as people write them down, and the session that signing in would have given them. */
import { makeSession } from '../session/payload.ts'
import type { Claims, Session } from '../session/session.ts'

/** Somebody whom the provider knows. */
export interface Person {
  readonly email: string
  readonly groups: readonly string[]
  /** Further claims as the provider would send them; nested values are allowed. */
  readonly claims: Claims
  /** The provider's subject; the claim `sub` where it is not given. */
  readonly userId?: string | undefined
  /** False: the provider says that nobody verified the address. The claim `email_verified` where it is not given. */
  readonly emailVerified?: boolean | undefined
  /** When they signed in, milliseconds since the epoch; a minute before the request where it is not given. */
  readonly signedInAt?: number | undefined
}

export type Subject = Person | 'nobody'

/** The user id of a person of whom only the address is known: nobody's, so that no rule on ids lets them in by chance. */
export const unknownUserId = '(not given)'

const MINUTE = 60_000

/** The session of this person at the moment `now`; undefined for nobody. */
export function sessionOf(subject: Subject, now: number): Session | undefined {
  if (subject === 'nobody') return undefined
  const { email, groups, userId, emailVerified, signedInAt } = subject
  const sub = userId ?? textOf(subject.claims['sub']) ?? unknownUserId
  const claims: Claims = {
    ...subject.claims,
    sub,
    ...(email === '' ? {} : { email }),
    ...(emailVerified === undefined ? {} : { email_verified: emailVerified }),
    groups: groups.length > 0 ? groups : listOf(subject.claims['groups']),
  }
  const issuedAt = signedInAt ?? now - MINUTE
  return makeSession({ id: 'trial', userId: sub, claims, issuedAt, expiresAt: Number.MAX_SAFE_INTEGER })
}

/** For tables and lists: the address, or the id where there is none. */
export function subjectName(subject: Subject): string {
  return subject === 'nobody' ? 'nobody' : subject.email || subject.userId || 'somebody without an address'
}

/** Their groups, whether they were given as such or as a claim. */
export function groupsOf({ groups, claims }: Person): readonly string[] {
  return groups.length > 0 ? groups : listOf(claims['groups']).map(String)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Groups as sign-in makes them: none where they are missing, one where it is a text. */
function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  return typeof value === 'string' && value !== '' ? [value] : []
}
