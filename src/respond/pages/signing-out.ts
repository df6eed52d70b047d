/** The two pages around a sign-out: the question, and the end with a way back. */
import { type Html, html } from '../html.ts'
import { layout } from './layout.ts'
import { actions, button, type FormButton, facts, type Link, type Person, personText } from './parts.ts'

export interface SignOutPage {
  readonly who: Person | undefined
  /** Posts the answer "yes", with the token that shows it came from this page. */
  readonly confirm: FormButton
  /** Where "no" leads. */
  readonly stay: Link | undefined
}

/** Asks before it signs out, because a link or an image of another site may have led here. */
export function signOutPage({ who, confirm, stay }: SignOutPage): Html {
  return layout({
    title: 'Sign out',
    heading: 'Sign out?',
    content: html`${facts([['You are signed in as', who && personText(who)]])}<p>This ends your session for all applications behind this door. What you have open there may ask you to sign in again.</p>
${actions([button(confirm, 'main'), stay && button(stay)])}`,
  })
}

export interface SignedOutPage {
  /** Where one came from, or the list of applications. */
  readonly wayBack: Link | undefined
}

export function signedOutPage({ wayBack }: SignedOutPage): Html {
  return layout({
    title: 'Signed out',
    heading: 'You are signed out',
    content: html`<p>Your session here has ended. The sign-in service may still know you: on a shared computer, sign out there too or close the browser.</p>
${
  wayBack
    ? ''
    : html`<p>To come back, open the application that you want to use.</p>
`
}
${actions([wayBack && button(wayBack, 'main')])}`,
  })
}
