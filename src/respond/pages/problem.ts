/** The page of any failure that has a row in the catalogue: what went wrong, what to do now. */
import { type Html, html } from '../html.ts'
import { layout } from './layout.ts'
import { actions, button, facts, type Link } from './parts.ts'

export interface ProblemPage {
  readonly status: number
  /** The sentence of the row. */
  readonly text: string
  /** What the person can do, or ''. */
  readonly advice: string
  /** The address that was asked for, without its query, or undefined where it is not to be shown. */
  readonly address: string | undefined
  /** Somewhere to go, such as the same address again. */
  readonly wayBack: Link | undefined
  /** Seconds after which another try makes sense (Retry-After). */
  readonly retryAfter: number | undefined
  readonly requestId: string
  readonly now: number
}

export function problemPage(page: ProblemPage): Html {
  const { status, text, advice, address, wayBack, retryAfter, requestId, now } = page
  return layout({
    title: asHeading(text),
    kicker: status === 404 ? 'Not found · 404' : `Error ${status}`,
    heading: asHeading(text),
    tone: 'warn',
    requestId,
    now,
    content: html`${facts([['You asked for', address && html`<span class="address">${address}</span>`]])}${
      advice || waitText(retryAfter)
        ? html`<h2>What you can do now</h2>
<p>${advice}${waitText(retryAfter)}</p>\n`
        : ''
    }${actions([wayBack && button(wayBack, 'main')])}`,
  })
}

/** A sentence as a heading: without its full stop. */
export function asHeading(sentence: string): string {
  return sentence.replace(/\.$/, '')
}

/** A sentence about Retry-After (seconds), where it is longer than "in a moment". */
export function waitText(seconds: number | undefined): string {
  if (seconds === undefined || seconds < 30) return ''
  return ` Another try makes sense in ${seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`}.`
}
