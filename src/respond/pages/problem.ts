/** The page of any failure that has a row in the catalogue: what went wrong, what to do now. */
import { type Html, html } from '../html.ts'
import { layout } from './layout.ts'

export interface ProblemPage {
  readonly status: number
  /** The sentence of the row. */
  readonly text: string
  /** What the person can do, or ''. */
  readonly advice: string
  /** The address that was asked for, without its query, or undefined where it is not to be shown. */
  readonly address: string | undefined
  /** Seconds after which another try makes sense (Retry-After). */
  readonly retryAfter: number | undefined
  readonly requestId: string
  readonly now: number
}

export function problemPage(page: ProblemPage): Html {
  const { status, text, advice, address, retryAfter, requestId, now } = page
  return layout({
    title: text.replace(/\.$/, ''),
    kicker: `Error ${status}`,
    heading: text,
    tone: 'warn',
    requestId,
    now,
    content: html`${address ? html`<dl class="facts"><div><dt>You asked for</dt><dd class="address">${address}</dd></div></dl>\n` : ''}${
      advice ? html`<p class="advice">${advice}</p>\n` : ''
    }${retryAfter === undefined ? '' : html`<p>Trying again makes sense in ${inSeconds(retryAfter)}.</p>\n`}`,
  })
}

function inSeconds(seconds: number): string {
  if (seconds < 90) return seconds === 1 ? 'a second' : `${seconds} seconds`
  return `${Math.ceil(seconds / 60)} minutes`
}
