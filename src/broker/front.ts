/**
 * What every request to the broker goes through: who asks, which path below the issuer, and in which form the library
 * may see it. The library believes the address that we give it, and nothing that a client sends about it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { default as Provider } from 'oidc-provider'
import { ProxyError } from '../errors/proxy-error.ts'
import type { Audit } from './audit.ts'
import { isClientEndpoint, serveClient } from './client-endpoints.ts'
import type { ClientGuesses } from './guesses/client-guesses.ts'
import { basePathOf } from './issuer.ts'
import { type CrossOrigin, greetProgram, sendError, settleBearer } from './programs.ts'
import { dropUnlessOpenId, tidyScope } from './provider/authorization-rules.ts'
import { prefilledCode } from './provider/device.ts'
import { brokerPaths, oldDeviceTokenPath, rulesOfPath } from './provider/paths.ts'
import { sendWhole } from './send-whole.ts'
import { hasBrokenOff, isForm, refusesMethod, sendProblem, sendRedirect, sendView, takeForm } from './sign-in/send.ts'
import type { SignIn } from './sign-in/sign-in.ts'
import type { BrokerPages } from './views.ts'

/** What the provider of this moment is made of. */
export interface Serving {
  readonly provider: Provider
  unwrap(token: string): string
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>
}

export interface FrontOptions {
  readonly issuer: string
  readonly signIn: SignIn
  readonly pages: BrokerPages
  /** `web.headers`: sent with every answer; where we have a header of that name ourselves, ours stands. */
  readonly headers: Readonly<Record<string, string>>
  readonly crossOrigin: CrossOrigin
  readonly clientGuesses: ClientGuesses
  /** What stands for the secret of a client that has one. */
  proofOf(clientId: string): Promise<string | undefined>
  readonly audit: Audit
  serving(): Serving
  /** Ids of connectors that may stand in `/auth/ID`. */
  hasConnector(id: string): boolean
  report(message: string, error: unknown, requestId: string): void
}

export interface Caller {
  readonly address: string
  readonly requestId: string
}

export type Front = (request: IncomingMessage, response: ServerResponse, caller: Caller) => Promise<void>

/** Sign-in requests have no more (RFC 9700 names no limit; servers commonly take 8 KiB in a line). */
const longestTarget = 16 * 1024
const authorizationOctets = 16 * 1024

/** Of every answer that says nothing else about it, those of the library included: nobody guesses, frames or runs it. */
const careful = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
}
const notKept = { 'cache-control': 'no-store' }
/** What clients may cache: keys and metadata. */
const isForKeeping = /^\/(?:keys$|\.well-known\/)/

export function makeFront(options: FrontOptions): Front {
  const { issuer, pages, report } = options
  const base = new URL(issuer)
  const prefix = basePathOf(issuer)
  return async (request, response, caller) => {
    const target = targetBelow(request.url ?? '', prefix)
    const headers = { ...careful, ...(!isForKeeping.test(target?.path ?? '') && notKept), ...options.headers }
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    try {
      if (!target) return sendNothingHere(response, pages, caller)
      cleanHeaders(request, { base, address: caller.address })
      await serve(request, response, { ...target, prefix, caller, options })
    } catch (error) {
      if (hasBrokenOff(request)) return
      report('the broker failed at a request', error, caller.requestId)
      if (!response.headersSent) return sendFailure(response, { path: target?.path ?? '', pages, caller, error })
      // Half an answer must not look whole.
      response.destroy()
    }
  }
}

interface Target {
  readonly path: string
  readonly query: string
}

/** RFC 8414 §3.1 puts it before the issuer's path. */
const authorizationServer = '/.well-known/oauth-authorization-server'

/**
 * Path and query below the issuer's path, and nothing that could be read two ways. What stands before the path (RFC 9112
 * §3.2.2: absolute-form is to be taken) counts for nothing, as the Host field does.
 */
function targetBelow(target: string, prefix: string): Target | undefined {
  const url = /^https?:\/\/[^/?]+(\/.*)$/i.exec(target)?.[1] ?? target
  if (url.length > longestTarget || !url.startsWith('/') || /[\\#\u0000-\u0020\u007f-\uffff]/.test(url))
    return undefined
  const [asked = '', ...rest] = url.split('?')
  const path = asked === `${authorizationServer}${prefix}` ? prefix + authorizationServer : asked
  if (!path.startsWith(`${prefix}/`) && path !== prefix) return undefined
  const below = path.slice(prefix.length) || '/'
  if (below.includes('//') || below.split('/').some((part) => part === '.' || part === '..')) return undefined
  return { path: below, query: rest.join('?') }
}

/** The library asks these headers for its own address, and for that of whoever asks. */
function cleanHeaders(
  request: IncomingMessage,
  { base, address }: { readonly base: URL; readonly address: string },
): void {
  for (const name of Object.keys(request.headers))
    if (name.startsWith('x-forwarded-') || name === 'forwarded' || name === 'x-real-ip') delete request.headers[name]
  request.headers.host = base.host
  request.headers['x-forwarded-proto'] = base.protocol.slice(0, -1)
  request.headers['x-forwarded-for'] = address
}

interface Asked extends Target {
  readonly prefix: string
  readonly caller: Caller
  readonly options: FrontOptions
}

async function serve(request: IncomingMessage, response: ServerResponse, asked: Asked): Promise<void> {
  const { path, query, caller, options } = asked
  if (path === '/healthz') return sendHealth(request, response)
  const rules = rulesOfPath(path)
  if (rules?.for === 'programs') return serveProgram(request, response, { asked, methods: rules.methods })
  // A page is a page, whatever somebody says they accept.
  request.headers.accept = 'text/html'
  const { provider } = options.serving()
  const parameters = new URLSearchParams(query)
  const isOurs = await options.signIn.serve({ request, response, path, query: parameters, ...caller, provider })
  if (isOurs) return
  if (path === '/' || path === '') return sendHome(request, response, options)
  if (!rules) return sendNothingHere(response, options.pages, caller)
  if (!rules.methods.includes(request.method ?? '')) return sendWrongMethod(response, asked, rules.methods)
  const connectorId = connectorIn(path)
  // Dex's `/auth/ID` takes whole requests; without a client it is an attempt on its way back to the library.
  const isBegun = connectorId !== undefined && (request.method === 'POST' || parameters.has('client_id'))
  if (path === brokerPaths.authorization || isBegun)
    return authorize(request, response, { asked, parameters, connectorId })
  if (path === brokerPaths.code_verification && request.method !== 'POST' && parameters.has('user_code')) {
    // The library would send such a code on by script; here it is shown, and the person sends it.
    const shown = new URLSearchParams({ [prefilledCode]: parameters.get('user_code') ?? '' })
    return pass(request, response, { ...asked, query: String(shown) })
  }
  return pass(request, response, asked)
}

async function authorize(
  request: IncomingMessage,
  response: ServerResponse,
  {
    asked,
    parameters,
    connectorId,
  }: { readonly asked: Asked; readonly parameters: URLSearchParams; readonly connectorId: string | undefined },
): Promise<void> {
  const { options, caller } = asked
  if (connectorId !== undefined && !options.hasConnector(connectorId))
    return sendNothingHere(response, options.pages, caller)
  if (request.method === 'POST') return goByGet(request, response, { asked, parameters })
  const changes = [tidyScope(parameters), dropUnlessOpenId(parameters), connectorId !== undefined]
  // Dex's `/auth/ID` names the connector in the path.
  if (connectorId !== undefined) parameters.set('connector_id', connectorId)
  const query = changes.includes(true) ? String(parameters) : asked.query
  return pass(request, response, { ...asked, path: brokerPaths.authorization, query })
}

async function serveProgram(
  request: IncomingMessage,
  response: ServerResponse,
  { asked, methods }: { readonly asked: Asked; readonly methods: readonly string[] },
): Promise<void> {
  const { options, caller } = asked
  if (greetProgram(request, response, { methods, crossOrigin: options.crossOrigin })) return
  const path = asked.path === oldDeviceTokenPath ? brokerPaths.token : asked.path
  if (path === brokerPaths.userinfo) settleBearer(request.headers)
  if (!isClientEndpoint(request, path)) {
    // At userinfo the token counts and nothing else: Dex looks at no body there.
    if (!isForm(request)) delete request.headers['content-type']
    return pass(request, response, asked)
  }
  return serveClient(request, response, {
    ...{ path, unwrap: options.serving().unwrap, proofOf: options.proofOf, address: caller.address },
    ...{ guesses: options.clientGuesses, audit: options.audit },
    pass: (ready) => pass(ready, response, { ...asked, path }),
  })
}

function connectorIn(path: string): string | undefined {
  const text = /^\/auth\/([^/]+)$/.exec(path)?.[1]
  try {
    return text && decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Hands the request to the library, which finds its path without the issuer's. */
async function pass(request: IncomingMessage, response: ServerResponse, asked: Asked): Promise<void> {
  const { path, query, prefix, options } = asked
  const below = query === '' ? path : `${path}?${query}`
  Object.assign(request, { originalUrl: prefix + below, url: below })
  await options.serving().answer(request, response)
}

/** OpenID Connect Core §3.1.2.1 wants POST at the authorization endpoint, too: its form becomes an address. */
async function goByGet(
  request: IncomingMessage,
  response: ServerResponse,
  { asked, parameters }: { readonly asked: Asked; readonly parameters: URLSearchParams },
): Promise<void> {
  const { caller, options } = asked
  const form = isForm(request)
    ? await takeForm({ request, response, ...caller }, options.pages, authorizationOctets)
    : new URLSearchParams()
  if (!form) return
  for (const [name, value] of form) parameters.append(name, value)
  // Without scheme and host: a browser that has turned an http issuer into https stays where it is.
  sendRedirect(response, `${asked.prefix}${asked.path}?${parameters}`)
}

/** What failed before the library was asked, such as the store, said in the way of the path. */
function sendFailure(
  response: ServerResponse,
  {
    path,
    pages,
    caller,
    error,
  }: { readonly path: string; readonly pages: BrokerPages; readonly caller: Caller; readonly error: unknown },
): void {
  if (rulesOfPath(path)?.for !== 'programs') {
    sendProblem({ response, requestId: caller.requestId }, pages, error)
    return
  }
  const { status, text } = pages.failure(error instanceof ProxyError ? error.code : 'INTERNAL')
  sendError(response, {
    ...{ status, description: text, error: status === 503 ? 'temporarily_unavailable' : 'server_error' },
    ...(status === 503 && { headers: { 'retry-after': '5' } }),
  })
}

function sendHealth(request: IncomingMessage, response: ServerResponse): void {
  if (refusesMethod(request, response, ['GET', 'HEAD'])) return
  sendWhole(response, {
    status: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: 'Health check passed',
  })
}

function sendHome(request: IncomingMessage, response: ServerResponse, { pages, issuer }: FrontOptions): void {
  if (refusesMethod(request, response, ['GET', 'HEAD'])) return
  sendView(response, pages, {
    status: 200,
    view: {
      kind: 'problem',
      heading: 'The sign-in service',
      text: `Applications send people here to sign in. This is the issuer ${issuer}.`,
      advice: 'Open the application that you want to use.',
      isFine: true,
    },
  })
}

/** People come to a form's address by their history, or by going back. */
function sendWrongMethod(response: ServerResponse, { caller, options }: Asked, methods: readonly string[]): void {
  sendView(response, options.pages, {
    status: 405,
    headers: { allow: methods.join(', ') },
    view: {
      kind: 'problem',
      heading: 'This page cannot be opened by itself',
      text: 'It belongs to a form that was sent before.',
      advice: 'Go back to the application and begin again.',
      requestId: caller.requestId,
    },
  })
}

function sendNothingHere(response: ServerResponse, pages: BrokerPages, { requestId }: Caller): void {
  sendView(response, pages, {
    status: 404,
    view: { kind: 'problem', heading: 'There is nothing here', text: 'This address leads nowhere.', requestId },
  })
}
