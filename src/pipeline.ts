/**
 * THE journey of a request, on one screen. Read this first.
 *
 *   listener -> Visit -> endpoint?  our own paths (sign-in, callback, sign-out, keys)
 *                     -> route      which published application is this
 *                     -> session    who came back
 *                     -> policy     may they
 *                     -> forward    carry it to the application, and its answer back
 *
 * Each step returns a value; what fails throws a ProxyError, and one place turns it into an answer.
 */
import { ProxyError } from './errors/proxy-error.ts'
import type { Exchange } from './listener/visit.ts'
import type { Outcome } from './respond/answer.ts'
import { sendAnswer } from './respond/send-answer.ts'
import type { Current } from './snapshot/current.ts'
import type { Snapshot } from './snapshot/snapshot.ts'

/** Serves one exchange to its end under the snapshot in force at the door; never rejects. */
export async function handle(exchange: Exchange, current: Current<Snapshot>): Promise<void> {
  // Not `using`: V8 does not optimise functions that have it, and this is the one that every request goes through.
  const borrowed = current.borrow()
  const { snapshot } = borrowed
  try {
    let outcome: Outcome
    try {
      outcome = await serve(exchange, snapshot)
    } catch (error) {
      outcome = await refuse(exchange, snapshot, error)
    }
    snapshot.logAccess(exchange.visit, outcome)
  } finally {
    borrowed[Symbol.dispose]()
  }
}

async function serve(exchange: Exchange, snapshot: Snapshot): Promise<Outcome> {
  const { visit } = exchange
  const now = Date.now()

  const endpoint = snapshot.findEndpoint(visit)
  if (endpoint) return sendAnswer(exchange, await endpoint.answer(exchange), endpoint.name)

  const route = snapshot.findRoute(visit)
  if (!route) throw new ProxyError('ROUTE_NOT_FOUND', `cannot route ${visit.authority}${visit.path}: no route matches`)

  // Known cookies open at once: waiting for them all the same would cost every request a turn of the event loop.
  const opened = snapshot.openSession(visit, now)
  const session = opened instanceof Promise ? await opened : opened
  const decision = route.decide(visit, session, now)
  snapshot.logAuthorize(visit, { route, session, decision, now })

  switch (decision.kind) {
    case 'allow': {
      const renewing = snapshot.renewSession(visit, { session, now })
      const renewal = renewing && (await renewing)
      if (renewal) return sendAnswer(exchange, renewal, 'session_renewed')
      return await route.forward(exchange, session)
    }
    case 'sign-in':
      return sendAnswer(exchange, await snapshot.startSignIn(visit, { now, again: decision.again }), 'sign_in_required')
    case 'deny':
      return sendAnswer(exchange, snapshot.deniedAnswer(visit, { route, session, decision }), 'policy_denied')
  }
}

function refuse(exchange: Exchange, snapshot: Snapshot, error: unknown): Promise<Outcome> {
  const { visit } = exchange
  snapshot.logFailure(visit, error)
  const details = error instanceof ProxyError ? error.code.toLowerCase() : 'internal'
  return sendAnswer(exchange, snapshot.errorAnswer(visit, error), details)
}
