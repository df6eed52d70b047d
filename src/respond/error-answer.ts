/** Turns whatever was thrown into an answer; the only reader of the catalogue's rows. The cause stays in the log. */
import { STATUS_CODES } from 'node:http'
import { catalog, type ErrorCode } from '../errors/catalog.ts'
import { ProxyError } from '../errors/proxy-error.ts'
import type { Visit } from '../listener/visit.ts'
import { headerOf } from '../wire/headers.ts'
import type { Answer } from './answer.ts'
import { jsonAnswer, pageAnswer, textAnswer } from './answers.ts'
import type { Html } from './html.ts'
import { problemPage } from './pages/problem.ts'
import { isSignInProblem, signInProblemPage } from './pages/sign-in-problem.ts'
import { type Reader, readerOf } from './reader.ts'

export interface ErrorContext {
  readonly requestId: string
  /** The request, as far as it was admitted: its address (without the query) is named, its `Accept` is followed. */
  readonly visit?: Visit | undefined
  /** Who reads the answer; by default what the visit's `Accept` says, or a person where there is no visit. */
  readonly reader?: Reader
  /** The operator's `set_response_headers`, a flat list. */
  readonly responseHeaders?: readonly string[]
  /** Milliseconds since the epoch, for the foot of the page. */
  readonly now: number
}

/**
 * The answer to a failure: HTML for people, JSON `{error, code, text, request_id}` or plain text for clients that ask.
 * What is no ProxyError is INTERNAL; neither message nor cause is ever part of the answer.
 */
export function errorAnswer(error: unknown, context: ErrorContext): Answer {
  const { requestId, visit, responseHeaders } = context
  const code = error instanceof ProxyError ? error.code : 'INTERNAL'
  const extra = error instanceof ProxyError ? error.headers : []
  const { status, text, advice } = catalog[code]
  const options = {
    status,
    headers: [...extra, 'x-pomerium-intercepted-response', 'true', 'x-request-id', requestId],
    ...(responseHeaders && { responseHeaders }),
  }
  const reader = context.reader ?? (visit ? readerOf(visit) : 'person')
  switch (reader) {
    case 'json':
      return jsonAnswer({ error: errorWord(status), code, text, request_id: requestId }, options)
    case 'text':
      return textAnswer(
        [text, advice, `Request id: ${requestId}`, ''].filter((line, i) => line || i === 3).join('\n'),
        options,
      )
    case 'person':
      return pageAnswer(pageOf(code, extra, context), options)
  }
}

function pageOf(code: ErrorCode, extra: readonly string[], { requestId, visit, now }: ErrorContext): Html {
  const page = { ...catalog[code], code, retryAfter: retryAfterOf(extra), requestId, now }
  if (isSignInProblem(code)) return signInProblemPage({ ...page, causes: [], wayBack: undefined })
  const address = visit && `${visit.scheme}://${visit.authority}${visit.path}`
  const mayHelp = visit?.method === 'GET' && passing.has(page.status)
  return problemPage({
    ...page,
    address,
    wayBack: mayHelp ? { href: `${address}${visit.query}`, text: 'Try again' } : undefined,
  })
}

/** Failures that are often over a moment later. */
const passing = new Set([408, 429, 502, 503, 504])

/** The word of the `error` member, as Pomerium's clients know it. */
export function errorWord(status: number): string {
  return status === 401 ? 'Unauthenticated' : (STATUS_CODES[status] ?? 'Error')
}

/** Seconds of a Retry-After in a flat list, where it is a number. */
export function retryAfterOf(headers: readonly string[]): number | undefined {
  const seconds = headerOf(headers, 'retry-after') ?? ''
  return /^\d{1,6}$/.test(seconds) ? Number(seconds) : undefined
}
