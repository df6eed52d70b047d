/**
 * What every request to the broker goes through: who asks, which path below the issuer, and in which form the library
 * may see it. The library believes the address that we give it, and nothing that a client sends about it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { default as Provider } from 'oidc-provider'
import type { Audit } from './audit.ts'
import { isClientEndpoint, serveClient } from './client-endpoints.ts'
import type { ClientGuesses } from './client-guesses.ts'
import { prefilledCode } from './provider/device.ts'
import { brokerPaths } from './provider/provider.ts'
import { readForm, sendView } from './sign-in/send.ts'
import type { SignIn } from './sign-in/sign-in.ts'
import type { BrokerPages } from './views.ts'

/** What the provider of this moment is made of. */
export interface Serving {
  readonly provider: Provider
  unwrap(token: string): string
  readonly serveProvider: (request: IncomingMessage, response: ServerResponse) => Promise<void>
}

export interface FrontOptions {
  readonly issuer: string
  readonly signIn: SignIn
  readonly pages: BrokerPages
  /** `web.headers`: sent with every answer; where we have a header of that name ourselves, ours stands. */
  readonly headers: Readonly<Record<string, string>>
  readonly clientGuesses: ClientGuesses
  readonly audit: Audit
  serving(): Serving
  /** Ids of connectors that may stand in `/auth/ID`. */
  hasConnector(id: string): boolean
  report(message: string, error: unknown): void
}

export interface Caller {
  readonly address: string
  readonly requestId: string
}

export type Front = (request: IncomingMessage, response: ServerResponse, caller: Caller) => Promise<void>

/** Sign-in requests have no more (RFC 9700 names no limit; servers commonly take 8 KiB in a line). */
const longestTarget = 16 * 1024
const authorizationOctets = 16 * 1024

export function makeFront(options: FrontOptions): Front {
  const { issuer, pages, report } = options
  const base = new URL(issuer)
  const prefix = base.pathname.replace(/\/$/, '')
  return async (request, response, caller) => {
    for (const [name, value] of Object.entries(options.headers)) response.setHeader(name, value)
    try {
      const target = targetBelow(request.url ?? '', prefix)
      if (!target) return sendNothingHere(response, pages, caller)
      cleanHeaders(request, { base, address: caller.address })
      await serve(request, response, { ...target, prefix, caller, options })
    } catch (error) {
      report('the broker failed at a request', error)
      if (!response.headersSent) response.writeHead(500, { connection: 'close' })
      response.end()
    }
  }
}

interface Target {
  readonly path: string
  readonly query: string
}

/** Path and query below the issuer's path. Only origin-form (RFC 9112 §3.2.1), and nothing that could be read two ways. */
function targetBelow(url: string, prefix: string): Target | undefined {
  if (url.length > longestTarget || !url.startsWith('/') || /[\\#\u0000-\u0020\u007f-\uffff]/.test(url))
    return undefined
  const [path = '', ...rest] = url.split('?')
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
  const { signIn, issuer } = options
  const { provider, unwrap } = options.serving()
  if (path === '/healthz') return sendHealth(response)
  const parameters = new URLSearchParams(query)
  const connectorId = /^\/auth\/([^/]+)$/.exec(path)?.[1]
  if (path === brokerPaths.authorization || (connectorId !== undefined && parameters.has('client_id'))) {
    if (request.method === 'POST') return goByGet(request, response, asked)
    if (connectorId !== undefined) {
      if (!options.hasConnector(connectorId)) return sendNothingHere(response, options.pages, caller)
      // Dex's `/auth/ID` names the connector in the path.
      parameters.set('connector_id', connectorId)
      return pass(request, response, { ...asked, path: brokerPaths.authorization, query: String(parameters) })
    }
    return pass(request, response, asked)
  }
  if (path === brokerPaths.code_verification && request.method === 'GET' && parameters.has('user_code')) {
    // The library would send such a code on by script; here it is shown, and the person sends it.
    return pass(request, response, {
      ...asked,
      query: String(new URLSearchParams({ [prefilledCode]: parameters.get('user_code') ?? '' })),
    })
  }
  if (isClientEndpoint(request, path))
    return serveClient(request, response, {
      ...{ path, unwrap, address: caller.address, guesses: options.clientGuesses, audit: options.audit },
      pass: (ready) => pass(ready, response, asked),
    })
  const isOurs = await signIn.serve({ request, response, path, query: parameters, ...caller, provider })
  if (isOurs) return
  if (path === '/' || path === '') return sendHome(response, options, issuer)
  if (!isOfLibrary(path)) return sendNothingHere(response, options.pages, caller)
  return pass(request, response, asked)
}

const libraryPaths: ReadonlySet<string> = new Set([
  ...Object.values(brokerPaths),
  ...['/logout/confirm', '/logout/success', '/.well-known/openid-configuration'],
  '/.well-known/oauth-authorization-server',
])

/** The library's router takes other spellings, too (`/Device`, `/device/`), which would go round what is done here. */
function isOfLibrary(path: string): boolean {
  return libraryPaths.has(path) || /^\/(?:auth|device)\/[\w-]+$/.test(path)
}

/** Hands the request to the library, which finds its path without the issuer's. */
async function pass(request: IncomingMessage, response: ServerResponse, asked: Asked): Promise<void> {
  const { path, query, prefix, options } = asked
  const below = query === '' ? path : `${path}?${query}`
  Object.assign(request, { originalUrl: prefix + below, url: below })
  await options.serving().serveProvider(request, response)
}

/** OpenID Connect Core §3.1.2.1 wants POST at the authorization endpoint, too: its form becomes an address. */
async function goByGet(
  request: IncomingMessage,
  response: ServerResponse,
  { prefix, path, options }: Asked,
): Promise<void> {
  const form = await readForm(request, authorizationOctets)
  if (!form) {
    response.writeHead(413, { connection: 'close' }).end()
    return
  }
  response
    .writeHead(303, {
      location: `${new URL(options.issuer).origin}${prefix}${path}?${form}`,
      'cache-control': 'no-store',
    })
    .end()
}

function sendHealth(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' }).end('Health check passed\n')
}

function sendHome(response: ServerResponse, { pages }: FrontOptions, issuer: string): void {
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

function sendNothingHere(response: ServerResponse, pages: BrokerPages, { requestId }: Caller): void {
  sendView(response, pages, {
    status: 404,
    view: { kind: 'problem', heading: 'There is nothing here', text: 'This address leads nowhere.', requestId },
  })
}
