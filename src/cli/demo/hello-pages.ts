/** The pages of `hello`, and the small script of the live one. */
import { type Content, html } from '../../respond/html.ts'
import { demoPage } from './style.ts'

/** What the page (or its JSON) tells about one request. */
export interface Echo {
  readonly method: string
  readonly target: string
  /** Flat list name, value, … as it arrived. */
  readonly headers: readonly string[]
  /** The beginning of the body as text, '' for none. */
  readonly body: string
  /** Claims of the assertion, unverified: this page only shows them. */
  readonly assertion: Readonly<Record<string, unknown>> | undefined
}

const APP = 'Hello'
/** Headers with which the proxy tells an application who is there. */
const IDENTITY = /^x-(?:pomerium-|email$|groups$|user$|name$)/

export function helloPage(echo: Echo): string {
  const { assertion } = echo
  const person = textOf(assertion?.['name']) ?? textOf(assertion?.['email'])
  const groups = Array.isArray(assertion?.['groups']) ? assertion['groups'].map(String) : []
  const pairs = pairsOf(echo.headers)
  const identity = pairs.filter(([name]) => IDENTITY.test(name))
  const others = pairs.filter(([name]) => !IDENTITY.test(name))
  return demoPage({
    app: APP,
    heading: person ? `Hello, ${person}` : 'Hello, whoever you are',
    content: html`${
      person
        ? html`<p>The proxy says that this is <strong>${textOf(assertion?.['email'])}</strong>${
            groups.length > 0 && html`, in ${groups.join(' and ')}`
          }.</p>`
        : html`<p>The proxy told this application nothing about you.</p>`
    }
<nav><a href="/live">WebSocket and clock</a><a href="/.pomerium/">Who am I?</a><a href="/.pomerium/sign_out">Sign out</a></nav>
${
  assertion &&
  html`<h2>The signed assertion</h2>
<p class="soft">Any application can verify it with the keys at <a href="/.well-known/pomerium/jwks.json">/.well-known/pomerium/jwks.json</a>.</p>
<div class="card"><pre>${JSON.stringify(assertion, null, 2)}</pre></div>`
}
${identity.length > 0 && html`<h2>Identity headers</h2>${table(identity)}`}
<h2>The request</h2>
<p><code>${echo.method} ${echo.target}</code></p>
${table(others)}
${echo.body && html`<h2>The body</h2><div class="card"><pre>${echo.body}</pre></div>`}`,
  })
}

export function livePage(): string {
  return demoPage({
    app: APP,
    heading: 'WebSocket and clock',
    script: '/live.js',
    content: html`<h2>Clock</h2>
<p class="soft">Server-sent events, passed on as they come.</p>
<div class="card"><output id="clock">waiting</output></div>
<h2>WebSocket echo</h2>
<p class="soft" id="state" role="status">not connected</p>
<form class="card" id="form">
<label for="text">Say something</label>
<input id="text" autocomplete="off" required>
<p><button>Send</button></p>
<pre id="echo"></pre>
</form>
<nav><a href="/">Back</a></nav>`,
  })
}

export const liveScript = `
const at = (id) => document.getElementById(id)
const clock = new EventSource('/clock')
clock.onmessage = (event) => { at('clock').textContent = event.data }
const socket = new WebSocket('wss://' + location.host + '/socket')
socket.onopen = () => { at('state').textContent = 'connected' }
socket.onclose = (event) => { at('state').textContent = 'closed (' + event.code + ')' }
socket.onmessage = (event) => { at('echo').textContent += event.data + '\\n' }
at('form').onsubmit = (event) => {
  event.preventDefault()
  socket.send(at('text').value)
  at('text').value = ''
}
`

function table(rows: readonly (readonly [string, string])[]): Content {
  return html`<div class="card scroll"><table>${rows.map(
    ([name, value]) => html`<tr><th scope="row">${name}</th><td><code>${value}</code></td></tr>`,
  )}</table></div>`
}

function pairsOf(headers: readonly string[]): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = []
  for (let at = 0; at < headers.length; at += 2) pairs.push([headers[at] ?? '', headers[at + 1] ?? ''])
  return pairs
}

const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
