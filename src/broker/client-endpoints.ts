/**
 * The endpoints where applications prove who they are: tokens, introspection, revocation, device codes. Their forms are
 * read here before the library reads them, to slow down whoever guesses at secrets.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Audit } from './audit.ts'
import type { ClientGuesses, ShownSecret } from './guesses/client-guesses.ts'
import { sendError } from './programs.ts'
import { tidyScope } from './provider/authorization-rules.ts'
import { readBasic, settleCredentials, wantSecret } from './provider/client-credentials.ts'
import { brokerPaths } from './provider/paths.ts'
import { isForm, readForm } from './sign-in/send.ts'

const paths: ReadonlySet<string> = new Set([
  brokerPaths.token,
  brokerPaths.introspection,
  brokerPaths.revocation,
  brokerPaths.device_authorization,
])
/** Long enough for any token; the library takes somewhat less. */
const longestForm = 64 * 1024

export function isClientEndpoint({ method }: IncomingMessage, path: string): boolean {
  return method === 'POST' && paths.has(path)
}

interface Passing {
  readonly path: string
  readonly address: string
  readonly guesses: ClientGuesses
  readonly audit: Audit
  /** An access token as the endpoints for introspection and revocation take it. */
  unwrap(token: string): string
  /** What stands for the secret of a client that has one. */
  proofOf(clientId: string): Promise<string | undefined>
  /** Hands the request to the library. */
  pass(request: IncomingMessage): Promise<void>
}

export async function serveClient(request: IncomingMessage, response: ServerResponse, passing: Passing): Promise<void> {
  const { path, address, guesses, audit, unwrap, pass } = passing
  const form = isForm(request) ? await readForm(request, longestForm) : new URLSearchParams()
  if (!form) return sendError(response, { status: 413, description: 'the form is too long' })
  const shown = secretIn(request, form)
  settleCredentials(request.headers, form)
  if (path === brokerPaths.introspection) wantSecret(request.headers, form)
  if (path === brokerPaths.device_authorization && !shown) await vouch(form, passing)
  tidyScope(form)
  if (path === brokerPaths.introspection || path === brokerPaths.revocation) unwrapIn(form, unwrap)
  const ready = isForm(request) ? replayed(request, String(form)) : request
  if (!shown) return pass(ready)
  const admission = guesses.admit({ client: shown.client, address })
  if (admission.kind === 'wait') {
    const client = shown.client === undefined ? {} : { client: shown.client.slice(0, 128) }
    audit({ act: 'client authentication', outcome: 'held-up', address, ...client })
    return sendWait(response, Math.ceil(admission.waitMs / 1000))
  }
  // Only these two say for sure: before the secret is looked at, much else may be wrong with a request.
  let answer: 'right' | 'wrong' | 'unknown' = 'unknown'
  try {
    await pass(ready)
    answer = response.statusCode === 401 ? 'wrong' : response.statusCode === 200 ? 'right' : 'unknown'
  } finally {
    admission.end(answer)
  }
}

/**
 * A device code may be asked for with the bare id of a client that has a secret: Go's library and what is made with it
 * do so, and Dex lets them. Nothing is given away by it: the secret is asked for where the code becomes tokens.
 */
async function vouch(form: URLSearchParams, { proofOf }: Passing): Promise<void> {
  const proof = await proofOf(form.get('client_id') ?? '')
  if (proof !== undefined) form.set('client_secret', proof)
}

/** Access tokens are JWTs outside and ids inside; two endpoints of the library take ids only. */
function unwrapIn(form: URLSearchParams, unwrap: Passing['unwrap']): void {
  const tokens = form.getAll('token')
  const [token = ''] = tokens
  if (tokens.length === 1 && token.includes('.'))
    form.set('token', unwrap(token).includes('.') ? 'unknown' : unwrap(token))
}

/**
 * Whose secret is shown, by either of the two ways (RFC 6749 §2.3.1); undefined where none is. Read as `settleCredentials`
 * reads it: a spelling that only one of the two knew would be a way round the count of guesses.
 */
function secretIn({ headers }: IncomingMessage, form: URLSearchParams): Pick<ShownSecret, 'client'> | undefined {
  const { authorization } = headers
  if (authorization !== undefined) return { client: readBasic(authorization)?.id }
  return form.has('client_secret') ? { client: form.get('client_id') || undefined } : undefined
}

/** RFC 6585 §4; the word is the one that clients know for "not now" (RFC 6749 §4.1.2.1). */
function sendWait(response: ServerResponse, seconds: number): void {
  sendError(response, {
    status: 429,
    error: 'temporarily_unavailable',
    description: `too many wrong client secrets, try again in ${seconds} s`,
    headers: { 'retry-after': String(seconds) },
  })
}

/** The same request with another body, which was read already. */
function replayed(request: IncomingMessage, text: string): IncomingMessage {
  const body = Buffer.from(text)
  const { method, url, socket, httpVersion, httpVersionMajor, httpVersionMinor, rawHeaders } = request
  const headers = { ...request.headers, 'content-length': String(body.length) }
  delete headers['transfer-encoding']
  return Object.assign(Readable.from([body]), {
    method,
    url,
    socket,
    connection: socket,
    httpVersion,
    httpVersionMajor,
    httpVersionMinor,
    rawHeaders,
    headers,
    complete: true,
  }) as unknown as IncomingMessage
}
