/** The pages of the demo's broker: no script, one form each. */
import type { BrokerPages, BrokerView } from '../../broker/views.ts'
import { type Content, html } from '../../respond/html.ts'
import { demoPage, demoStyleSource } from './style.ts'

const APP = 'Demo broker'

/** `hint` stands under the sign-in form: the demo tells its users there. */
export function brokerPages(hint: Content): BrokerPages {
  return { styleSource: demoStyleSource, render: (view) => render(view, hint) }
}

function render(view: BrokerView, hint: Content): string {
  switch (view.kind) {
    case 'sign-in':
      return demoPage({ app: APP, heading: 'Sign in', isNarrow: true, content: signInForm(view, hint) })
    case 'sign-out':
      return demoPage({
        app: APP,
        heading: 'Sign out?',
        isNarrow: true,
        content: html`<p>You are signed in here as ${view.name}.</p>
<form method="post" action="${view.action}">${Object.entries(view.fields).map(
          ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
        )}
<button>Sign out</button></form>`,
      })
    case 'signed-out':
      return demoPage({
        app: APP,
        heading: 'Signed out',
        isNarrow: true,
        content: html`<p>Nobody is signed in here any more.</p>`,
      })
    case 'problem':
      return demoPage({ app: APP, heading: view.heading, isNarrow: true, content: html`<p>${view.text}</p>` })
  }
}

function signInForm(view: Extract<BrokerView, { kind: 'sign-in' }>, hint: Content): Content {
  return html`${view.problem && html`<p class="bad" role="alert" id="problem">${view.problem}</p>`}
<form class="card" method="post" action="${view.action}">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" value="${view.email}" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button>
</form>
<p class="soft">${hint}</p>`
}
