/** Leaving: at a route's host, at the authenticate host, and at the provider. Nobody is signed out by a foreign page. */
import { digestText } from '../crypto/random.ts'
import type { Visit } from '../listener/visit.ts'
import type { Answer } from '../respond/answer.ts'
import { redirectAnswer } from '../respond/answers.ts'
import type { Session } from '../session/session.ts'
import { onlyValue, originOf, placeOf, publishedTarget, queryOf } from './addresses.ts'
import type { Ask, EndpointContext } from './context.ts'
import { clearMark } from './lost-cookies.ts'
import { isOwnWish } from './navigation.ts'

/** How long the question may stand (ms). */
const questionLife = 60 * 60_000

/**
 * Route host. Ends the session everywhere at once and goes on to the authenticate host, if the wish is the user's own;
 * asks otherwise. `pomerium_redirect_uri` is not followed.
 */
export async function signOut(ask: Ask, context: EndpointContext): Promise<Answer> {
  const { visit, now } = ask
  const place = placeOf(visit, { kind: 'session', context })
  // Also one that is nobody at the moment, because its provider cannot be asked: it must not come back with the answer.
  const session = await context.sessions.peek(visit.headers, place, now)
  if (!(await isMeant(ask, { context, session }))) return question(visit, { context, session, now })
  if (session) context.revoked.revoke(session, now)
  const headers = [...context.sessions.clear(visit.headers, place), ...clearMark({ visit, context })]
  const next = `${context.authenticateOrigin}/.pomerium/sign_out`
  // Bound to the session, so that a link signed for one person signs nobody else out.
  const parameters = {
    pomerium_session: digestText(session?.id ?? ''),
    pomerium_redirect_uri: originOf(visit, context),
  }
  const signed = session ? context.signer.sign(`${next}?${new URLSearchParams(parameters)}`, now) : next
  return redirectAnswer(signed, { status: 303, headers })
}

/** Authenticate host: at once when a route's host sent the very same session here, after a question otherwise. */
export async function signOutEverywhere(ask: Ask, context: EndpointContext): Promise<Answer> {
  const { visit, now } = ask
  // The route's host has ended the session already; whose it was is still in the cookie.
  const session = await context.sessions.peek(visit.headers, placeOf(visit, { kind: 'authenticate', context }), now)
  const sent = visit.method === 'GET' ? sentSession(visit, { context, now }) : undefined
  // A link that was signed for somebody: here is nobody to sign out.
  // Only our own last page has a use for it.
  const state = context.signOutRedirectUrl === undefined ? wayBackTo(sent?.from, context) : undefined
  if (sent !== undefined && !session) return redirectAnswer(endOf(context, state), { status: 303 })
  const isSent = sent !== undefined && session !== undefined && sent.session === digestText(session.id)
  if (!isSent && !(visit.method === 'POST' && (await isMeant(ask, { context, session }))))
    return question(visit, { context, session, now })

  if (session) context.revoked.revoke(session, now)
  const idToken = session && context.idTokens.take(session.id)
  const next = await context.relyingParty.signOutUrl({ idToken, returnTo: endOf(context), state })
  return redirectAnswer(next ?? endOf(context, state), {
    status: 303,
    headers: context.sessions.clear(visit.headers, placeOf(visit, { kind: 'authenticate', context })),
  })
}

/** The last page. The provider gives `state` back (RP-Initiated Logout §3): the host where it began, if it is one of ours. */
export function signedOut({ visit }: Ask, context: EndpointContext): Answer {
  const host = onlyValue(queryOf(visit), 'state') ?? ''
  const origin = [`https://${host}`, `http://${host}`].find((address) => wayBackTo(address, context) === host)
  const wayBack = origin === undefined ? {} : { wayBack: { href: `${origin}/`, text: `Back to ${host}` } }
  return context.pages.signedOut(visit, { headers: [], ...wayBack })
}

/** Host and port of a published address; undefined for anything else. */
function wayBackTo(address: string | undefined, context: EndpointContext): string | undefined {
  return publishedTarget(address, context)?.host
}

/**
 * Whether the user means it: the browser says so, or the form bears a token that was made for this session. A token
 * without a session proves nothing: anybody could have fetched it.
 */
async function isMeant(
  { visit, now, readForm }: Ask,
  { context, session }: { context: EndpointContext; session: Session | undefined },
): Promise<boolean> {
  if (isOwnWish(visit, originOf(visit, context))) return true
  if (visit.method !== 'POST' || !session) return false
  const token = onlyValue(await readForm(), 'token') ?? ''
  return context.signOutTokens.isGood(token, subjectOf(visit, session), now)
}

function question(
  visit: Visit,
  { context, session, now }: { context: EndpointContext; session: Session | undefined; now: number },
): Answer {
  const targets = [context.authenticateOrigin, context.relyingParty.signOutOrigin(), new URL(endOf(context)).origin]
  return context.pages.signOutQuestion(visit, {
    action: '/.pomerium/sign_out',
    token: context.signOutTokens.make(subjectOf(visit, session), now + questionLife),
    formTargets: [...new Set(targets.filter((origin) => origin !== undefined))],
    session,
  })
}

/** The session's digest in a link that we signed, in time, and the route's host that sent it. */
function sentSession(
  visit: Visit,
  { context, now }: { context: EndpointContext; now: number },
): { readonly session: string; readonly from: string | undefined } | undefined {
  const isSigned = context.signer.verify(`${context.authenticateOrigin}${visit.path}${visit.query}`, now) === 'good'
  const query = queryOf(visit)
  const session = isSigned ? onlyValue(query, 'pomerium_session') : undefined
  return session === undefined ? undefined : { session, from: onlyValue(query, 'pomerium_redirect_uri') }
}

/** Where signing out ends; `state` tells our own last page where it began. */
function endOf({ signOutRedirectUrl, authenticateOrigin }: EndpointContext, state?: string): string {
  if (signOutRedirectUrl !== undefined) return signOutRedirectUrl
  return `${authenticateOrigin}/.pomerium/signed_out${state === undefined ? '' : `?${new URLSearchParams({ state })}`}`
}

function subjectOf(visit: Visit, session: Session | undefined): string {
  return `${visit.host} ${session?.id ?? ''}`
}
