/** Sign-ins under way, each in a sealed cookie of its own, so that ten tabs do not disturb each other; five at most are kept. */
import { digestText, isSameText, randomText } from '../crypto/random.ts'
import type { Visit } from '../listener/visit.ts'
import { type CookieNames, cookieNames } from '../session/cookie-names.ts'
import { type CookieLine, cookiesOf, printSetCookie } from '../wire/cookies.ts'
import { headerOf } from '../wire/headers.ts'
import type { EndpointContext } from './context.ts'

/** Milliseconds that an attempt has, and how many of them a browser keeps. */
export const attemptLife = 5 * 60_000
const attemptsKept = 5
/** How many one answer lets go of: with thousands of planted ones its head would be more than a browser takes. */
const mostDropped = 10

/** A route host's attempt: where it wants to go, and the secret that binds the hand-over to this browser. */
export interface RouteAttempt {
  readonly binding: string
  readonly target: string
}

/** The authenticate host's attempt: what the provider's answer has to fit. */
export interface ProviderAttempt {
  readonly verifier: string
  readonly nonce: string
  /** Digest of the state that was sent. */
  readonly state: string
}

export type AttemptKind = 'attempt' | 'pkce'

interface AttemptPlace {
  readonly kind: AttemptKind
  readonly visit: Visit
  readonly context: EndpointContext
}

/** An id that sorts by age: seconds in base 36, then 64 random bits. */
export function newAttemptId({ now, context }: { now: number; context: EndpointContext }): string {
  return (
    Math.floor(now / 1000)
      .toString(36)
      .padStart(7, '0') + randomText(8, context.random)
  )
}

const idSyntax = /^[0-9a-z]{7}[\w-]{11}$/

/** The set-cookie lines that keep a new attempt, and let go of the oldest where there are too many. */
export async function keepAttempt(
  place: AttemptPlace,
  { id, value, now }: { id: string; value: RouteAttempt | ProviderAttempt; now: number },
): Promise<string[]> {
  const { kind, visit, context } = place
  const expiresAt = now + attemptLife
  const sealed = await context.cookieSealer.seal(value, { purpose: `${kind} ${id}`, audience: visit.host, expiresAt })
  const tooOld = attemptIds(place)
    .slice(0, 1 - attemptsKept)
    .slice(0, mostDropped)
  return [
    ...setCookie(place, { id, value: sealed, maxAge: attemptLife / 1000 }),
    ...tooOld.flatMap((old) => dropAttempt(place, old)),
  ]
}

/** The attempt that the browser kept under `id`, if it did. */
export async function findAttempt(place: AttemptPlace, { id, now }: { id: string; now: number }): Promise<unknown> {
  const { kind, visit, context } = place
  if (!idSyntax.test(id)) return undefined
  const name = prefixOf(place) + id
  const sent = cookiesOf(headerOf(visit.headers, 'cookie')).find((cookie) => cookie.name === name)
  if (!sent) return undefined
  return context.cookieSealer.unseal(sent.value, { purpose: `${kind} ${id}`, audience: visit.host, now })
}

/** The set-cookie line that ends an attempt. */
export function dropAttempt(place: AttemptPlace, id: string): string[] {
  return idSyntax.test(id) ? setCookie(place, { id, value: '', maxAge: 0 }) : []
}

/** Whether `binding` is the secret whose digest the hand-over bears. */
export function isBoundBy(binding: string, digest: string): boolean {
  return isSameText(digestText(binding), digest)
}

export function readRouteAttempt(value: unknown): RouteAttempt | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { binding, target } = value as Partial<Record<string, unknown>>
  return typeof binding === 'string' && typeof target === 'string' ? { binding, target } : undefined
}

export function readProviderAttempt(value: unknown): ProviderAttempt | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { verifier, nonce, state } = value as Partial<Record<string, unknown>>
  if (typeof verifier !== 'string' || typeof nonce !== 'string' || typeof state !== 'string') return undefined
  return { verifier, nonce, state }
}

/** Ids of the attempts that the browser sent, oldest first. */
function attemptIds(place: AttemptPlace): string[] {
  const prefix = prefixOf(place)
  const names = cookiesOf(headerOf(place.visit.headers, 'cookie')).map(({ name }) => name)
  const ids = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  return [...new Set(ids.filter((id) => idSyntax.test(id)))].sort()
}

function prefixOf(place: AttemptPlace): string {
  return namesOf(place)[place.kind]
}

function namesOf({ visit, context }: AttemptPlace): CookieNames {
  return cookieNames(context.cookies, context.publicScheme(visit))
}

/**
 * Lax whatever is configured: the way back from the provider is a navigation from another site. An answer by POST
 * (Apple) brings only SameSite=None.
 */
function setCookie(
  place: AttemptPlace,
  { id, value, maxAge }: { id: string; value: string; maxAge: number },
): string[] {
  const { kind, visit, context } = place
  const secure = context.publicScheme(visit) === 'https'
  const line: CookieLine = {
    name: prefixOf(place) + id,
    value,
    path: kind === 'pkce' ? namesOf(place).pkcePath : '/',
    maxAge,
    secure,
    httpOnly: true,
    sameSite: kind === 'pkce' && context.relyingParty.answersByPost && secure ? 'none' : 'lax',
  }
  return ['set-cookie', printSetCookie(line)]
}
