/** Notices that a browser drops our cookies, before that becomes a redirect without end, and names what could be at fault. */
import type { Visit } from '../listener/visit.ts'
import type { Answer } from '../respond/answer.ts'
import { cookieNames, sharedDomain } from '../session/cookie-names.ts'
import type { Session } from '../session/session.ts'
import { cookiesOf, printSetCookie } from '../wire/cookies.ts'
import { headerOf } from '../wire/headers.ts'
import { originOf } from './addresses.ts'
import type { EndpointContext } from './context.ts'

/** How long the mark of a session just set stays: seconds. */
const markLife = 5

interface Place {
  readonly visit: Visit
  readonly context: EndpointContext
}

/**
 * A small cookie beside a session cookie just set. Who comes back within seconds with the mark and without the session
 * has a browser that keeps cookies, but not that one. It is as strict as the session, so that both are sent or neither.
 */
export async function markSession(
  { visit, context }: Place,
  { session, now }: { session: Session; now: number },
): Promise<string[]> {
  const value = await context.cookieSealer.seal(
    { i: session.id, a: session.issuedAt, x: session.expiresAt, u: session.userId },
    {
      purpose: 'mark',
      audience: visit.host,
      expiresAt: now + markLife * 1000,
    },
  )
  return ['set-cookie', markLine({ visit, context }, { value, maxAge: markLife })]
}

/** Whether the browser says that it was given a session moments ago. */
export function hasMark({ visit, context }: Place): boolean {
  const { mark } = cookieNames(context.cookies, context.publicScheme(visit))
  return cookiesOf(headerOf(visit.headers, 'cookie')).some(({ name }) => name === mark)
}

export function clearMark(place: Place): string[] {
  return ['set-cookie', markLine(place, { value: '', maxAge: 0 })]
}

/** Whether a session was set moments ago that ought to be here, and is not. */
export async function lostItsSession({ visit, context }: Place, now: number): Promise<boolean> {
  const { mark } = cookieNames(context.cookies, context.publicScheme(visit))
  const sent = cookiesOf(headerOf(visit.headers, 'cookie')).find(({ name }) => name === mark)
  if (!sent) return false
  const value = await context.cookieSealer.unseal(sent.value, { purpose: 'mark', audience: visit.host, now })
  if (typeof value !== 'object' || value === null) return false
  const { i: id, a: issuedAt, x: expiresAt, u: userId } = value as Partial<Record<string, unknown>>
  if (typeof id !== 'string' || typeof issuedAt !== 'number' || typeof expiresAt !== 'number') return false
  const revocable = { id, issuedAt, ...(typeof userId === 'string' && { userId }) }
  return expiresAt > now && !context.revoked.isRevoked(revocable)
}

/** The page that ends the loop. */
export function lostCookiesPage(
  { visit, context }: Place,
  { which, retryUrl }: { which: 'attempt' | 'pkce' | 'session'; retryUrl: string | undefined },
): Answer {
  return context.pages.signInProblem(visit, {
    code: 'COOKIES_LOST',
    causes: causes({ visit, context }, which),
    retryUrl,
    headers: clearMark({ visit, context }),
  })
}

function causes({ visit, context }: Place, which: 'attempt' | 'pkce' | 'session'): string[] {
  const scheme = context.publicScheme(visit)
  const name = cookieNames(context.cookies, scheme)[which]
  const domain = which === 'session' ? sharedDomain(context.cookies, visit.host) : undefined
  const sentences = [`The cookie ${name} was set for ${visit.host} and did not come back.`]
  if (scheme === 'https')
    sentences.push('Secure: the cookie is kept only where the browser itself speaks https with this address.')
  if (domain !== undefined)
    sentences.push(
      `Domain: the cookie is for ${domain}; browsers refuse that for a name under which anybody can register.`,
    )
  const sameSite = which === 'session' ? (context.cookies.sameSite ?? 'lax') : 'lax'
  sentences.push(
    `SameSite: the cookie is ${sameSite}; a page that shows this one in a frame from another site does not get it.`,
  )
  sentences.push(`Otherwise the browser, or an extension, blocks cookies for ${originOf(visit, context)}.`)
  return sentences
}

function markLine({ visit, context }: Place, { value, maxAge }: { value: string; maxAge: number }): string {
  const scheme = context.publicScheme(visit)
  const { mark } = cookieNames(context.cookies, scheme)
  const { sameSite = 'lax' } = context.cookies
  return printSetCookie({
    name: mark,
    value,
    maxAge,
    secure: scheme === 'https',
    httpOnly: true,
    sameSite: sameSite === 'none' ? 'lax' : sameSite,
  })
}
