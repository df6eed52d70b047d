/** Answers of our own by kind: a page, JSON, text, a redirect. Each carries the headers that keep it from being misused. */
import type { Answer } from './answer.ts'
import type { Html } from './html.ts'
import { stylesheetHash } from './style.ts'

export interface AnswerOptions {
  /** 200 where it is not said. */
  readonly status?: number
  /** Further headers, a flat list; they come after ours and must not repeat them, `set-cookie` apart. */
  readonly headers?: readonly string[]
  /** The operator's `set_response_headers`, a flat list; laid on where we set nothing of our own. */
  readonly responseHeaders?: readonly string[]
}

export interface PageOptions extends AnswerOptions {
  /**
   * Origins that a form on the page may lead to beside its own: browsers hold redirects after a form against
   * `form-action` too, so a sign-out names the authenticate host and the provider here.
   */
  readonly formTargets?: readonly string[]
}

/** What every answer of ours bears: it is nobody's to store, to guess the type of, or to leak the address of. */
const always = ['cache-control', 'no-store', 'x-content-type-options', 'nosniff'] as const

/** An HTML page under a policy that allows our stylesheet, inline pictures and forms to us; no script, no frame. */
export function pageAnswer(page: Html, options: PageOptions = {}): Answer {
  const { formTargets = [] } = options
  const policy = [
    "default-src 'none'",
    `style-src ${stylesheetHash}`,
    'img-src data:',
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')
  // `same-origin` and not `no-referrer`: with the latter browsers send `Origin: null` with our own forms.
  const own = [
    'content-type',
    'text/html; charset=utf-8',
    'content-security-policy',
    policy,
    'referrer-policy',
    'same-origin',
  ]
  return complete(page.toString(), own, options)
}

export function jsonAnswer(value: unknown, options: AnswerOptions = {}): Answer {
  return complete(`${JSON.stringify(value)}\n`, ['content-type', 'application/json'], options)
}

/** Plain text; the line end is the caller's. */
export function textAnswer(text: string, options: AnswerOptions = {}): Answer {
  return complete(text, ['content-type', 'text/plain; charset=utf-8'], options)
}

/** A redirect without a body, 302 where no other status is said. `location` is written as it is: it must have been built, not echoed. */
export function redirectAnswer(location: string, options: AnswerOptions = {}): Answer {
  return complete('', ['location', location, 'referrer-policy', 'no-referrer'], { status: 302, ...options })
}

function complete(body: string, own: readonly string[], options: AnswerOptions): Answer {
  const { status = 200, headers = [], responseHeaders = [] } = options
  const list = [...own, ...headers]
  addMissing(list, always)
  addMissing(list, responseHeaders)
  return { status, headers: list, body }
}

/** Adds the pairs whose name is not there yet: our policy, type and caching are not the operator's to loosen by accident. */
function addMissing(list: string[], more: readonly string[]): void {
  const present = new Set(list.filter((_, index) => index % 2 === 0))
  for (let i = 0; i + 1 < more.length; i += 2) {
    const name = more[i]?.toLowerCase() ?? ''
    if (!present.has(name)) list.push(name, more[i + 1] ?? '')
  }
}
