/** A sign-in that did not end well: names the cause, what may be behind it, and the way to start again. */
import { type Html, html } from '../html.ts'
import { layout } from './layout.ts'
import { actions, button, type Link } from './parts.ts'
import { asHeading, waitText } from './problem.ts'

export interface SignInProblemPage {
  readonly status: number
  /** The sentence of the catalogue's row. */
  readonly text: string
  readonly advice: string
  /** Its code, which chooses what to say where `causes` is empty. */
  readonly code: string
  /** What may be behind it, a sentence each. */
  readonly causes: readonly string[]
  /** Where the sign-in starts again: the application that was asked for. */
  readonly wayBack: Link | undefined
  readonly retryAfter: number | undefined
  readonly requestId: string
  readonly now: number
}

/** What is behind a cause most of the time, for people who cannot look into a log. */
const hints: Readonly<Record<string, readonly string[]>> = {
  COOKIES_LOST: [
    'Cookies are switched off or blocked for this address.',
    'The page was opened inside another one, or in a private window that forgets at once.',
    'The address begins with http: where it should begin with https:.',
  ],
  PROVIDER_UNREACHABLE: [
    'The sign-in service is being restarted, or the network to it is down.',
    'Applications that are open in other tabs go on working; only new sign-ins wait.',
  ],
  SIGN_IN_LINK_EXPIRED: ['The sign-in page stood open for long.', 'The clock of one of the servers is wrong.'],
  CALLBACK_INVALID: [
    'The sign-in page was left open for long, or opened twice.',
    'The back button led into the middle of a sign-in.',
  ],
  HAND_OVER_INVALID: [
    'The back button, or a page that was reloaded, repeated the last step of a sign-in.',
    'The sign-in was begun in one browser and ended in another.',
  ],
}

/** Codes that have a page of this kind. */
const signInCodes = new Set([
  ...Object.keys(hints),
  'PROVIDER_INVALID',
  'PROVIDER_REFUSED',
  'TOKEN_INVALID',
  'SIGN_IN_LINK_INVALID',
])

export function isSignInProblem(code: string): boolean {
  return signInCodes.has(code)
}

export function signInProblemPage(page: SignInProblemPage): Html {
  const { status, text, advice, code, wayBack, retryAfter, requestId, now } = page
  const causes = page.causes.length > 0 ? page.causes : (hints[code] ?? [])
  return layout({
    title: 'Sign-in did not work',
    kicker: `Sign-in · ${status}`,
    heading: asHeading(text),
    tone: 'warn',
    requestId,
    now,
    content: html`${
      causes.length > 0
        ? html`<h2>What may be behind it</h2>\n<ul>${causes.map((cause) => html`<li>${cause}</li>`)}</ul>\n`
        : ''
    }<h2>What you can do now</h2>
<p>${advice}${waitText(retryAfter)}</p>
${actions([wayBack && button(wayBack, 'main')])}`,
  })
}
