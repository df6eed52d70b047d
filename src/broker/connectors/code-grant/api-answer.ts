/** What the status of an answer means: GitHub and GitLab tell rate limits, revoked tokens and missing rights alike. */
import type { ErrorCode } from '../../../errors/catalog.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { UpstreamAnswer } from '../upstream-http.ts'

interface AnswerContext {
  /** "GitHub". */
  readonly service: string
  /** What was asked for: "the teams". */
  readonly what: string
  /** What a 401 means: our fault with a new token, and the end of the access with an old one. */
  readonly unauthorized?: ErrorCode
  readonly now: number
}

const retry = { least: 5, most: 3600 }
/** GitHub asks for a minute where it does not say how long. */
const unsaid = 60

/** Undefined where the answer is good (2xx). */
export function failureOfStatus(answer: UpstreamAnswer, context: AnswerContext): ProxyError | undefined {
  const { status } = answer
  const { service, what, unauthorized = 'CONNECTOR_MISCONFIGURED', now } = context
  if (status >= 200 && status < 300) return undefined
  const failure = (code: ErrorCode, found: string, wait?: number) =>
    new ProxyError(code, `cannot get ${what} from ${service}: ${found}`, {
      ...(wait !== undefined && { headers: ['retry-after', String(wait)] }),
    })
  const text = answer.text.slice(0, 4096)
  const wait = rateLimitWait(answer, now)
  if (wait !== undefined) return failure('CONNECTOR_UNREACHABLE', `rate limit, ${wait} s to wait, got ${status}`, wait)
  if (status >= 500) return failure('CONNECTOR_UNREACHABLE', `got ${status}`, retry.least)
  if (status === 401) return failure(unauthorized, 'the token is not taken, got 401')
  if (status === 403 && /\b(?:suspended|blocked|deactivated|banned)\b/i.test(text))
    return failure('ACCOUNT_DISABLED', 'the account is suspended, got 403')
  if (status === 403 && answer.headers.has('x-github-sso'))
    return failure('CONNECTOR_REFUSED', 'the organization demands single sign-on for this app, got 403')
  if (status === 403 || status === 404) return rightsFailure(answer, failure)
  return failure('CONNECTOR_ANSWER_INVALID', `got ${status}`)
}

/** Seconds to wait, or undefined where it is no rate limit (RFC 9110 §10.2.3, and GitHub's own X-RateLimit-…). */
function rateLimitWait({ status, headers, text }: UpstreamAnswer, now: number): number | undefined {
  if (status !== 403 && status !== 429) return undefined
  const after = Number(headers.get('retry-after') ?? Number.NaN)
  const reset = Number(headers.get('x-ratelimit-reset') ?? headers.get('ratelimit-reset') ?? Number.NaN)
  const remaining = headers.get('x-ratelimit-remaining') ?? headers.get('ratelimit-remaining')
  const isLimit =
    status === 429 || remaining?.trim() === '0' || Number.isFinite(after) || /rate limit/i.test(text.slice(0, 4096))
  if (!isLimit) return undefined
  const seconds = Number.isFinite(after) ? after : Number.isFinite(reset) ? reset - now / 1000 : unsaid
  return Math.min(retry.most, Math.max(retry.least, Math.ceil(seconds)))
}

/** The token opens too little: because the user gave less than was asked for, or because the app may not. */
function rightsFailure(
  { status, headers }: UpstreamAnswer,
  failure: (code: ErrorCode, found: string) => ProxyError,
): ProxyError {
  const given = scopesIn(headers.get('x-oauth-scopes'))
  const needed = scopesIn(headers.get('x-accepted-oauth-scopes'))
  if (given === undefined || needed === undefined || needed.length === 0)
    return failure('CONNECTOR_MISCONFIGURED', `the app may not ask for that, got ${status}`)
  const lists = `the token has the scopes [${given.join(' ')}], one of [${needed.join(' ')}] is needed, got ${status}`
  return failure('CONNECTOR_REFUSED', lists)
}

function scopesIn(header: string | null): readonly string[] | undefined {
  return header
    ?.split(',')
    .map((scope) => scope.trim())
    .filter((scope) => /^[\w:.-]{1,60}$/.test(scope))
    .slice(0, 40)
}
