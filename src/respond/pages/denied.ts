/** Somebody known asked for what is not theirs: who they are, what they asked for, why not, what they can do now. */
import { type Html, html } from '../html.ts'
import { layout } from './layout.ts'
import { actions, button, facts, type Link, type Person, personText, type Way } from './parts.ts'

export interface DeniedPage {
  /** 403 nearly always. */
  readonly status: number
  /** Who asked; undefined where the route refuses without a sign-in. */
  readonly who: Person | undefined
  /** The route's name as people know it. */
  readonly application: string
  /** One line about the route. */
  readonly description?: string | undefined
  /** What was asked for, without its query. */
  readonly address: string
  /** The method, shown where it is not GET: a page that may be read may still not be written. */
  readonly method: string
  /** Why not, in plain words; empty where the operator does not show it (`show_error_details`). */
  readonly reasons: readonly string[]
  /** Signs out and starts again; undefined where nobody is signed in. */
  readonly signInAsElse: Way | undefined
  /** The page about the own session. */
  readonly session: Link | undefined
  readonly requestId: string
  readonly now: number
}

export function deniedPage(page: DeniedPage): Html {
  const { status, who, application, description, address, method, reasons, signInAsElse, session, requestId, now } =
    page
  return layout({
    title: `No access to ${application}`,
    kicker: `No access · ${status}`,
    heading: who ? `${application} is not open to you` : `${application} is not open to this request`,
    tone: 'warn',
    requestId,
    now,
    content: html`${facts([
      [application, description],
      ['You are signed in as', who && personText(who)],
      [
        'You asked for',
        html`${method === 'GET' ? '' : html`<code>${method}</code> `}${html`<span class="address">${address}</span>`}`,
      ],
    ])}
<h2>Why not</h2>
${
  reasons.length === 0
    ? html`<p>${who ? 'The rules of this application let in others, but not this account.' : 'The rules of this application do not let this request in.'}</p>`
    : html`<ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`
}
<h2>What you can do now</h2>
<p>${who ? 'If you have another account, sign in with that one. Otherwise ask' : 'Ask'} whoever runs this application, and tell them the request id below; it shows them what was decided and why.</p>
${actions([signInAsElse && button(signInAsElse, 'main'), session && button(session)])}`,
  })
}
