/** The pages of the broker inside: whom to sign in with, name and password, consent, device codes, ends and problems. */
import type { BrokerPages, BrokerView } from '../../broker/views.ts'
import { catalog } from '../../errors/catalog.ts'
import { type Content, type Html, html, trustedMarkup } from '../html.ts'
import { sendingScript, sendingScriptHash } from '../sending-script.ts'
import { stylesheetHash } from '../style.ts'
import { layout } from './layout.ts'
import { facts } from './parts.ts'

type View<K extends BrokerView['kind']> = Extract<BrokerView, { kind: K }>

/** `hint` stands under the password form: the demo tells its users there. */
export function brokerPages({ hint }: { readonly hint?: Content } = {}): BrokerPages {
  return {
    styleSource: stylesheetHash,
    scriptSource: sendingScriptHash,
    render: (view) => String(render(view, hint)),
    failure: (code) => catalog[code],
  }
}

function render(view: BrokerView, hint: Content): Html {
  switch (view.kind) {
    case 'choose':
      return choosePage(view)
    case 'sign-in':
      return signInPage(view, hint)
    case 'consent':
      return consentPage(view)
    case 'onward':
      return layout({
        title: `On to ${view.connector}`,
        heading: `You sign in at ${view.connector}`,
        content: html`<p>You will be asked there who you are, and come back here.</p>
${form(view, html`<div class="actions"><button class="button main" autofocus>Go on to ${view.connector}</button></div>`)}`,
      })
    case 'answer':
      return layout({
        title: `Back to ${view.client.name}`,
        kicker: view.client.name,
        heading: `Back to ${view.client.name}`,
        content: html`<p>The application opens by itself. If it does not, go on by hand.</p>
${form(view, html`<div class="actions"><button class="button main" autofocus>Go on to ${view.client.name}</button></div>`)}
<script>${trustedMarkup(sendingScript)}</script>`,
      })
    case 'code':
      return layout({
        title: `Back to ${view.client.name}`,
        kicker: view.client.name,
        heading: `Copy this code into ${view.client.name}`,
        content: html`<div class="fields"><label for="code">Code</label>
<input id="code" type="text" value="${view.code}" autocomplete="off" spellcheck="false" readonly autofocus></div>
<p class="after">It is good once, and for ten minutes. Give it to nobody: whoever has it may be signed in as you.</p>`,
      })
    case 'device-code':
      return deviceCodePage(view)
    case 'device-confirm':
      return layout({
        title: 'Connect a device',
        kicker: view.client.name,
        heading: 'Does the device show this code?',
        content: html`<p class="code"><code>${view.code}</code></p>
<p>Go on only if you have just begun this yourself, on a device that is in front of you. Whoever sent you a link with a code would be signed in as you.</p>
${form(
  view,
  html`<div class="actions"><button class="button main">The code is the same</button>
<button class="button" name="abort" value="yes">No, stop</button></div>`,
)}`,
      })
    case 'device-done':
      return layout({
        title: 'Device connected',
        kicker: view.client.name,
        heading: 'The device is signed in',
        content: html`<p>It will go on by itself in a moment. You can close this page.</p>`,
      })
    case 'sign-out':
      return layout({
        title: 'Sign out',
        heading: 'Sign out?',
        content: html`${facts([['You are signed in as', view.name]])}<p>This ends your session at the sign-in service. Applications that asked to be told sign you out, too.</p>
${form(view, html`<div class="actions"><button class="button main">Sign out</button></div>`)}`,
      })
    case 'signed-out':
      return layout({
        title: 'Signed out',
        heading: 'You are signed out',
        content: html`<p>Nobody is signed in at the sign-in service in this browser any more.</p>`,
      })
    case 'problem':
      return layout({
        title: view.heading,
        heading: view.heading,
        tone: view.isFine ? 'calm' : 'warn',
        content: html`<p>${view.text}</p>${view.advice && html`<p class="soft">${view.advice}</p>`}`,
        ...(view.requestId !== undefined && { requestId: view.requestId }),
      })
  }
}

function choosePage({ client, connectors }: View<'choose'>): Html {
  return layout({
    title: 'Sign in',
    kicker: client.name,
    heading: 'How do you want to sign in?',
    content: html`<ul class="choices">${connectors.map(
      ({ name, href }) => html`<li><a class="button" dir="auto" href="${href}">${name}</a></li>\n`,
    )}</ul>`,
  })
}

function signInPage(view: View<'sign-in'>, hint: Content): Html {
  const { client, action, prompt, connector, login, problem, remember, otherHref } = view
  const isEmail = /e-?mail/i.test(prompt)
  // Read out with whichever field has the focus: an alert that is there from the start is not announced by itself.
  const told = problem && html` aria-describedby="problem"`
  return layout({
    title: 'Sign in',
    kicker: client.name,
    heading: connector === undefined ? 'Sign in' : `Sign in with ${connector}`,
    content: html`${problem && html`<p class="problem" role="alert" id="problem">${problem}</p>\n`}<form class="fields" method="post" action="${action}">
<label for="login">${prompt}</label>
<input id="login" name="login" type="text"${isEmail && html` inputmode="email"`} value="${login}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="254" required${!login && html` autofocus`}${told}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required${login && html` autofocus`}${told}>
${
  remember !== undefined &&
  html`<label class="check"><input type="checkbox" name="remember" value="yes"${remember && html` checked`}> <span>Stay signed in on this device</span></label>\n`
}<div class="actions"><button class="button main">Sign in</button></div>
</form>
${otherHref && html`<p class="after"><a href="${otherHref}">Sign in another way</a></p>\n`}${hint && html`<p class="after soft">${hint}</p>`}`,
  })
}

function consentPage({ client, action, name, wishes }: View<'consent'>): Html {
  return layout({
    title: `Open ${client.name}`,
    kicker: client.name,
    heading: `May ${client.name} know who you are?`,
    content: html`${facts([['You are signed in as', name]])}${
      wishes.length === 0
        ? html`<p>It will know that it is you, and nothing else.</p>`
        : html`<p>It asks for:</p>
<ul>${wishes.map((wish) => html`<li>${wish}</li>`)}</ul>`
    }
<form method="post" action="${action}"><div class="actions">
<button class="button main" name="approval" value="approve">Yes, go on</button>
<button class="button" name="approval" value="reject">No</button>
</div></form>`,
  })
}

function deviceCodePage(view: View<'device-code'>): Html {
  const { code, problem } = view
  return layout({
    title: 'Connect a device',
    heading: 'Connect a device',
    content: html`${problem && html`<p class="problem" role="alert" id="problem">${problem}</p>\n`}<p>Enter the code that the device shows.</p>
${form(
  view,
  html`<label for="user_code">Code</label>
<input id="user_code" name="user_code" type="text" value="${code}" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="20" required autofocus${problem && html` aria-describedby="problem" aria-invalid="true"`}>
<div class="actions"><button class="button main">Go on</button></div>`,
)}`,
  })
}

/** A form with hidden fields. */
function form({ action, fields }: { action: string; fields: Readonly<Record<string, string>> }, content: Html): Html {
  const hidden = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">\n`,
  )
  return html`<form class="fields" method="post" action="${action}">
${hidden}${content}
</form>`
}
