/** Who am I: the person, their groups, their session, and what the provider told about them, noise left out. */
import { type Content, type Html, html } from '../html.ts'
import { timeElement } from '../times.ts'
import { layout } from './layout.ts'
import { actions, button, chips, facts, type Person, type Way } from './parts.ts'

export interface WhoAmIPage {
  /** Undefined shows the page of somebody who is not signed in here. */
  readonly session: ShownSession | undefined
  readonly requestId: string
  readonly now: number
}

interface ShownSession extends Person {
  /** False only where the provider said so. */
  readonly emailVerified: boolean
  readonly groups: readonly string[]
  /** Claims by flattened name (`a.b`), as `Session.flatClaims`. */
  readonly claims: ReadonlyMap<string, readonly unknown[]>
  /** Milliseconds since the epoch. */
  readonly signedInAt: number
  readonly endsAt: number
  /** A short mark of the session, the one that stands in the log. */
  readonly sessionId: string
  readonly signOut: Way
}

/** Claims that say nothing to a person: the protocol's own, and what stands above the table already. */
const noise = new Set([
  ...[
    'iss',
    'aud',
    'azp',
    'exp',
    'iat',
    'nbf',
    'jti',
    'auth_time',
    'nonce',
    'at_hash',
    'c_hash',
    's_hash',
    'sid',
    'typ',
  ],
  ...[
    'sub',
    'oid',
    'name',
    'email',
    'email_verified',
    'groups',
    'session_state',
    'acr',
    'rat',
    'ver',
    'uti',
    'rh',
    'aio',
  ],
])

/** Bounds of the table: the claims are the provider's, and some send a whole directory. */
const most = { rows: 200, values: 50, length: 400 }

export function whoAmIPage({ session, requestId, now }: WhoAmIPage): Html {
  if (!session) {
    return layout({
      title: 'Not signed in',
      heading: 'You are not signed in here',
      requestId,
      now,
      content: html`<p>Open the application that you want to use; it sends you to sign in.</p>`,
    })
  }
  const { groups, claims, signedInAt, endsAt, sessionId, signOut, userId } = session
  const rows = [...claims].filter(([name]) => !noise.has(name)).sort(([a], [b]) => (a < b ? -1 : 1))
  return layout({
    title: 'Who am I',
    kicker: 'Signed in',
    heading: session.name || session.email || userId,
    isWide: true,
    requestId,
    now,
    content: html`${facts([
      ['E-mail address', emailText(session)],
      ['Groups', groups.length > 0 ? chips(groups.slice(0, most.rows)) : html`<span class="soft">None</span>`],
      ['Signed in', timeElement(signedInAt, now)],
      ['Session ends', timeElement(endsAt, now)],
    ])}${actions([button(signOut)])}
<details>
<summary>What the sign-in service says about you</summary>
<table>
<tr><th scope="row">User id</th><td><code>${userId}</code></td></tr>
<tr><th scope="row">Session id</th><td><code>${sessionId}</code></td></tr>
${rows.slice(0, most.rows).map(([name, values]) => html`<tr><th scope="row">${claimName(name)}</th><td>${claimValue(name, { values, now })}</td></tr>\n`)}</table>
${rows.length > most.rows ? html`<p class="soft">… and ${rows.length - most.rows} more</p>\n` : ''}</details>`,
  })
}

/** `preferred_username` as "Preferred username"; names with dots or slashes stay, since policies spell them so. */
function claimName(name: string): Content {
  if (!/^[a-z]+(_[a-z]+)*$/.test(name)) return html`<code>${name}</code>`
  const words = name.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function emailText({ name, email, emailVerified }: ShownSession): Content {
  if (email === '' || (name === '' && emailVerified)) return undefined
  if (emailVerified) return email
  return html`${email}<span class="under">The sign-in service did not verify it, so no rule about addresses lets you in.</span>`
}

/** Claims that hold a moment in seconds since the epoch (OpenID Connect Core §5.1). */
const moments = new Set(['updated_at'])

function claimValue(name: string, { values, now }: { values: readonly unknown[]; now: number }): Content {
  if (moments.has(name) && typeof values[0] === 'number') return timeElement(values[0] * 1000, now)
  const texts = values.slice(0, most.values).map(valueText)
  if (values.length > most.values) texts.push(`… and ${values.length - most.values} more`)
  return texts.length === 1 ? texts[0] : chips(texts)
}

function valueText(value: unknown): string {
  if (value === true) return 'Yes'
  if (value === false) return 'No'
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.length > most.length ? `${text.slice(0, most.length)}…` : text
}
