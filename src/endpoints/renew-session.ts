/**
 * A session whose provider was asked again is sealed anew, so that its cookie bears what was said, and when: another
 * instance, or this one after a restart, takes it as fresh. It goes by a redirect of our own to the same address, since
 * a cookie in an answer of the application could end up in a cache.
 */
import { ProxyError } from '../errors/proxy-error.ts'
import type { Visit } from '../listener/visit.ts'
import type { Answer } from '../respond/answer.ts'
import { redirectAnswer } from '../respond/answers.ts'
import type { Session } from '../session/session.ts'
import { addressOf, placeOf } from './addresses.ts'
import type { EndpointContext } from './context.ts'
import { hasMark, markSession } from './lost-cookies.ts'
import { isWindow } from './navigation.ts'

/** Milliseconds by which the cookie has to be older: providers whose tokens live for minutes are asked often. */
const worthwhile = 60_000

/** Undefined where the request can go on as it is. */
export function renewSession(
  visit: Visit,
  context: EndpointContext,
  { session, now }: { readonly session: Session | undefined; readonly now: number },
): Promise<Answer | undefined> | undefined {
  // Every request comes by here.
  if (session?.freshUntil === undefined || !isWindow(visit)) return undefined
  return renew(visit, context, { session, freshUntil: session.freshUntil, now })
}

async function renew(
  visit: Visit,
  context: EndpointContext,
  { session, freshUntil, now }: { session: Session; freshUntil: number; now: number },
): Promise<Answer | undefined> {
  const place = placeOf(visit, { kind: 'session', context })
  const sent = await context.sessions.peek(visit.headers, place, now)
  // A browser that does not keep the new one would go round without end.
  if (sent?.freshUntil === undefined || freshUntil - sent.freshUntil < worthwhile || hasMark({ visit, context }))
    return undefined
  const cookies = await context.sessions.print(session, place, { now, headers: visit.headers }).catch(tooLarge)
  if (!cookies) return undefined
  const mark = await markSession({ visit, context }, { session, now })
  return redirectAnswer(addressOf(visit, context), { headers: [...cookies, ...mark] })
}

/** The provider has added more claims than cookies take: the old ones stay, and what is laid over them here counts. */
function tooLarge(error: unknown): undefined {
  if (error instanceof ProxyError && error.code === 'SESSION_TOO_LARGE') return
  throw error
}
