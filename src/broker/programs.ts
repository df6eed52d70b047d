/**
 * What programs find at their endpoints before the library looks: the methods of each, which scripts of other origins
 * may read the answers (`web.allowedOrigins`), and JSON whatever they say they accept.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { sendWhole } from './send-whole.ts'

export interface CrossOrigin {
  readonly allowedOrigins: readonly string[]
  readonly allowedHeaders: readonly string[]
}

/** Seconds that a browser may remember what it was allowed to ask. */
const preflightLife = 3_600

/** Readies request and response for the library; true where everything was said already. */
export function greetProgram(
  request: IncomingMessage,
  response: ServerResponse,
  { methods, crossOrigin }: { readonly methods: readonly string[]; readonly crossOrigin: CrossOrigin },
): boolean {
  const { method = '', headers } = request
  const isAllowed = allowOrigin(headers.origin, response, crossOrigin)
  // The library would greet every origin in its preflights, and turn away whoever merely names theirs.
  delete headers.origin
  headers.accept = 'application/json'
  if (method === 'OPTIONS') {
    if (isAllowed) {
      const names = ['Content-Type', ...crossOrigin.allowedHeaders]
      response.setHeader('access-control-allow-methods', methods.join(', '))
      response.setHeader('access-control-allow-headers', [...new Set(names)].join(', '))
      response.setHeader('access-control-max-age', preflightLife)
    }
    response.writeHead(204, { allow: [...methods, 'OPTIONS'].join(', ') }).end()
    return true
  }
  if (!methods.includes(method)) {
    const allow = [...methods, 'OPTIONS'].join(', ')
    sendError(response, {
      status: 405,
      description: `method not allowed: this address takes ${methods.join(', ')}`,
      headers: { allow },
    })
    return true
  }
  // RFC 6749 §5.1 wants the one that HTTP/1.0 knew, too.
  if (method === 'POST') response.setHeader('pragma', 'no-cache')
  return false
}

/** Lets scripts of the origin read the answer, where they may (Fetch §3.2). */
function allowOrigin(origin: string | undefined, response: ServerResponse, { allowedOrigins }: CrossOrigin): boolean {
  response.setHeader('vary', 'Origin')
  if (origin === undefined) return false
  const isForAll = allowedOrigins.includes('*')
  if (!isForAll && !allowedOrigins.includes(origin)) return false
  response.setHeader('access-control-allow-origin', isForAll ? '*' : origin)
  response.setHeader('access-control-expose-headers', 'WWW-Authenticate')
  return true
}

/**
 * Blanks before a token may be several (RFC 6750 §2.1). Another scheme shows no token, and hears which one is wanted
 * (§3.1), where the library speaks of a mistake.
 */
export function settleBearer(headers: IncomingHttpHeaders): void {
  const { authorization = '' } = headers
  if (/^bearer +/i.test(authorization)) headers.authorization = authorization.replace(/^bearer +/i, 'Bearer ')
  else if (!/^bearer$/i.test(authorization)) delete headers.authorization
}

/** An error in the words of OAuth (RFC 6749 §5.2). */
export function sendError(
  response: ServerResponse,
  {
    status,
    error = 'invalid_request',
    description,
    headers = {},
  }: {
    readonly status: number
    readonly error?: string
    readonly description: string
    readonly headers?: Readonly<Record<string, string>>
  },
): void {
  sendWhole(response, {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify({ error, error_description: description }),
  })
}
