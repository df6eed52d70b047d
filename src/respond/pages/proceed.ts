/** A stop on the way: signed in, and on to the application by itself. Starts a navigation that is our own site's. */

import type { Html } from '../html.ts'
import { html } from '../html.ts'
import { layout } from './layout.ts'
import { actions, button } from './parts.ts'

export function proceedPage({ target }: { readonly target: string }): Html {
  return layout({
    title: 'Signed in',
    heading: 'You are signed in',
    refreshTo: target,
    content: html`<p>The application opens by itself.</p>
${actions([button({ href: target, text: 'Go on' }, 'main')])}`,
  })
}
