/** How the broker's own pages are sent. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ProxyError } from '../../errors/proxy-error.ts'
import { sendWhole } from '../send-whole.ts'
import { type BrokerPages, type BrokerView, formTargetsOf, pageHeaders } from '../views.ts'

/** A form of ours is a name, a password and a few words; a SAML answer is longer. */
const formOctets = 16 * 1024

export interface ShownView {
  readonly status: number
  readonly view: BrokerView
  /** The application's address, to which the form leads in the end. */
  readonly redirectUri?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export function sendView(response: ServerResponse, pages: BrokerPages, shown: ShownView): void {
  const { status, view, redirectUri, headers = {} } = shown
  sendWhole(response, {
    status,
    headers: { ...pageHeaders(pages, formTargetsOf(redirectUri)), ...headers },
    body: pages.render(view),
  })
}

/** The page of a failure: the row of its code, and the request id. */
export function sendProblem(
  { response, requestId }: { readonly response: ServerResponse; readonly requestId: string },
  pages: BrokerPages,
  error: unknown,
): void {
  const { status, text, advice } = pages.failure(error instanceof ProxyError ? error.code : 'INTERNAL')
  sendView(response, pages, {
    status,
    view: { kind: 'problem', heading: 'This sign-in cannot go on', text, advice, requestId },
    ...(status === 503 && { headers: { 'retry-after': '5' } }),
  })
}

export function sendRedirect(response: ServerResponse, location: string): void {
  sendWhole(response, {
    status: 303,
    headers: { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
  })
}

/** Anything but the methods of this page; true where it was answered. */
export function refusesMethod(
  { method }: IncomingMessage,
  response: ServerResponse,
  allowed: readonly string[],
): boolean {
  if (method !== undefined && allowed.includes(method)) return false
  sendWhole(response, { status: 405, headers: { allow: allowed.join(', ') } })
  return true
}

/** A form is taken from our own pages only (a browser tells where a form came from). */
export function isFromElsewhere(request: IncomingMessage, issuer: string): boolean {
  const { origin } = request.headers
  const site = request.headers['sec-fetch-site']
  if (origin !== undefined && origin !== 'null') {
    const own = new URL(issuer)
    // A browser may turn an http issuer into https (HSTS); the other way round somebody stands between.
    return origin !== own.origin && !(own.protocol === 'http:' && origin === `https://${own.host}`)
  }
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}

/** A form that came from another site, or through something that changes addresses on the way. */
export function sendForeign(
  {
    request,
    response,
    requestId,
  }: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly requestId: string },
  { pages, report }: { readonly pages: BrokerPages; report(message: string, error: unknown, requestId: string): void },
): void {
  const { origin } = request.headers
  const from = origin === undefined ? 'another site' : origin.slice(0, 256)
  report('a form came from somewhere else', new Error(`cannot take a form: it comes from ${from}`), requestId)
  sendView(response, pages, {
    status: 403,
    view: {
      kind: 'problem',
      heading: 'This form came from somewhere else',
      text: 'It was not sent from a page of this sign-in service, so nothing was done.',
      advice: 'Go back to the application and open it again.',
      requestId,
    },
  })
}

/** What is too long is still read, up to this before the answer: many hear it only after they have sent all. */
const mostRead = 8 * 1024 * 1024

/** The form of a POST; undefined where the page that says why there is none was sent. */
export async function takeForm(
  {
    request,
    response,
    requestId,
  }: { readonly request: IncomingMessage; readonly response: ServerResponse; readonly requestId: string },
  pages: BrokerPages,
  limit = formOctets,
): Promise<URLSearchParams | undefined> {
  const fields = await readForm(request, limit)
  if (fields) return fields
  const isTooLong = isForm(request)
  sendView(response, pages, {
    status: isTooLong ? 413 : 415,
    view: {
      kind: 'problem',
      heading: 'This form cannot be read',
      text: isTooLong
        ? 'It is too long: no sign-in needs that much.'
        : 'It was sent in another way than browsers send forms.',
      advice: 'Go back to the application and open it again.',
      requestId,
    },
  })
  return undefined
}

export function isForm({ headers }: IncomingMessage): boolean {
  return /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '')
}

/** Whoever leaves in the middle, or sends what is no body, has heard so from the parser, and is no failure of ours. */
export function hasBrokenOff({ complete, destroyed, socket }: IncomingMessage): boolean {
  return !complete && (destroyed || socket.destroyed)
}

/** The form of a POST; undefined where it is too long, has too many fields, or is none. */
export async function readForm(request: IncomingMessage, limit = formOctets): Promise<URLSearchParams | undefined> {
  if (!isForm(request)) return undefined
  const parts: Buffer[] = []
  let size = 0
  // Left as it is at the end, since whoever breaks the connection off takes the answer along.
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    size += (part as Buffer).length
    if (size > mostRead) break
    if (size <= limit) parts.push(part as Buffer)
  }
  // The rest is thrown away as it comes, for as long as a request may take.
  request.resume()
  if (size > limit) return undefined
  const octets = Buffer.concat(parts)
  return hasManyFields(octets) ? undefined : new URLSearchParams(octets.toString('utf8'))
}

/** Forms of ours and of OAuth have some twenty. The time to read many empty ones grows with the square of their number. */
const mostFields = 256

function hasManyFields(octets: Buffer): boolean {
  let count = 0
  for (let at = octets.indexOf('&'); at >= 0; at = octets.indexOf('&', at + 1)) if (++count >= mostFields) return true
  return false
}
