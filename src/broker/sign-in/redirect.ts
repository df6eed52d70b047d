/** The way to another service and back. What comes back is taken once, and only in the browser that was sent. */

import { randomBytes } from 'node:crypto'
import type { Interaction } from 'oidc-provider'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { BorrowedConnector } from '../connectors/borrowed-connector.ts'
import type { RedirectConnector } from '../connectors/connector.ts'
import { networkOf } from '../guesses/network.ts'
import { AttemptOver, parameterOf, wantedScopes } from './attempt.ts'
import type { Attempts, SignInRequest } from './attempts.ts'
import { refusesMethod, sendRedirect, sendView, takeForm } from './send.ts'

const departureKind = 'Departure'
const postedKind = 'PostedAnswer'
/** Milliseconds: how long somebody may take at the other service, and an answer from the POST to the GET after it. */
const departureLife = 30 * 60_000
const postedLife = 60_000
/** A SAML answer with many groups. */
const answerOctets = 512 * 1024
/** Milliseconds that the service may take to redeem a code. */
const sourceLimit = 20_000

export async function startRedirect(
  attempts: Attempts,
  asked: SignInRequest,
  { attempt, borrowed }: { readonly attempt: Interaction; readonly borrowed: BorrowedConnector },
): Promise<void> {
  if (refusesMethod(asked.request, asked.response, ['GET'])) return
  const { store, records, now, pages } = attempts.options
  const connector = redirecting(borrowed)
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(attempt.params)) if (typeof value === 'string') parameters.set(name, value)
  // A state of its own for each departure: an answer to an earlier one is worth nothing.
  const state = `${attempt.uid}.${randomBytes(12).toString('base64url')}`
  const departure = await connector.start({
    state,
    scopes: wantedScopes(attempt),
    parameters,
    signal: AbortSignal.timeout(sourceLimit),
  })
  const value = { connectorId: borrowed.id, secrets: departure.secrets, state }
  await store.put({ kind: departureKind, id: state, value, expiresAt: now() + departureLife })
  const octets = JSON.stringify(value).length
  records.ofStranger(asked.address, { kind: departureKind, id: state, octets, life: departureLife })
  const { send } = departure
  if (send.by === 'redirect') return sendRedirect(asked.response, send.url)
  sendView(asked.response, pages, {
    status: 200,
    redirectUri: parameterOf(attempt, 'redirect_uri'),
    view: { kind: 'onward', connector: borrowed.name, action: send.action, fields: send.fields },
  })
}

export async function serveCallback(attempts: Attempts, asked: SignInRequest): Promise<void> {
  const { request, response, query } = asked
  if (refusesMethod(request, response, ['GET', 'POST'])) return
  const network = networkOf(asked.address)
  const waitMs = attempts.forgeries.waitOf(network, attempts.options.now())
  if (waitMs > 0) return holdUp(attempts, asked, Math.ceil(waitMs / 1000))
  if (request.method === 'POST') return keepPosted(attempts, asked)
  const posted = query.get('posted')
  const answer = posted === null ? query : await takePosted(attempts, posted)
  const by = posted === null ? 'GET' : 'POST'
  const state = (by === 'GET' ? answer.get('state') : answer.get('RelayState')) ?? ''
  const attempt = await attempts.find(asked, state.split('.')[0] ?? '')
  const { store, now, audit } = attempts.options
  const record = await store.get(departureKind, state)
  // Taken before anything is judged: an answer counts once.
  if (!record || !(await store.consume(departureKind, state, now())))
    throw new AttemptOver('the answer was used before')
  const connectorId = String(record.value['connectorId'])
  using borrowed = await attempts.options.connectors.borrow(connectorId)
  if (!borrowed) throw new AttemptOver('the connector is gone')
  try {
    const identity = await redirecting(borrowed).finish({
      answer,
      by,
      state,
      secrets: String(record.value['secrets']),
      scopes: wantedScopes(attempt),
      signal: AbortSignal.timeout(sourceLimit),
    })
    const remember = attempts.options.rememberByDefault
    await attempts.finish(asked, { attempt, borrowed, identity, login: '', remember })
  } catch (error) {
    const code = error instanceof ProxyError ? error.code : 'INTERNAL'
    // What it costs to find out is bounded by the connector; how often somebody may try, here.
    if (code === 'CONNECTOR_ANSWER_INVALID') attempts.forgeries.count(network, now())
    audit({
      outcome: code === 'CONNECTOR_REFUSED' ? 'refused' : 'failed',
      connector: connectorId,
      login: '',
      address: asked.address,
      code,
    })
    throw error
  }
}

function holdUp(attempts: Attempts, { response, address }: SignInRequest, seconds: number): void {
  const { audit, pages } = attempts.options
  audit({ outcome: 'held-up', connector: '', login: '', address })
  sendView(response, pages, {
    status: 429,
    headers: { 'retry-after': String(seconds) },
    view: {
      kind: 'problem',
      heading: 'Too many answers that nobody gave',
      text: 'From where you are, answers of sign-in services came that did not hold.',
      advice: `Wait ${seconds === 1 ? 'a second' : `${seconds} seconds`}, then go back to the application and open it again.`,
    },
  })
}

/**
 * A POST from another site comes without our cookies (SameSite=Lax). What it holds is kept for a moment, unjudged, and
 * the browser is sent to fetch it with its cookies.
 */
async function keepPosted(attempts: Attempts, asked: SignInRequest): Promise<void> {
  const { response, address } = asked
  using turn = attempts.reading.take(networkOf(address))
  const { store, records, now, pages } = attempts.options
  if (!turn) {
    return sendView(response, pages, {
      status: 503,
      headers: { 'retry-after': '5' },
      view: {
        kind: 'problem',
        heading: 'Too many people are signing in just now',
        text: 'Nothing is lost.',
        advice: 'Load this page again in a moment.',
      },
    })
  }
  const fields = await takeForm(asked, pages, answerOctets)
  if (!fields) return
  const state = fields.get('RelayState') ?? ''
  // Only for a departure of ours: nobody fills the store from outside.
  if (!(await store.get(departureKind, state))) throw new AttemptOver('there is no such departure')
  const text = fields.toString()
  await store.put({ kind: postedKind, id: state, value: { text }, expiresAt: now() + postedLife })
  records.postedFrom(address, { kind: postedKind, id: state, octets: text.length, life: postedLife })
  sendRedirect(response, attempts.url('/callback', { posted: state }))
}

async function takePosted(attempts: Attempts, id: string): Promise<URLSearchParams> {
  const { store } = attempts.options
  const record = await store.get(postedKind, id)
  if (!record) throw new AttemptOver('the answer was used before')
  await store.delete(postedKind, id)
  return new URLSearchParams(String(record.value['text']))
}

function redirecting({ id, connector }: BorrowedConnector): RedirectConnector {
  if (connector.kind === 'redirect') return connector
  throw new ProxyError('CONNECTOR_MISCONFIGURED', `cannot use connector ${id}: it has a password form`)
}
