/** Pieces that several pages share: who, facts, buttons. */
import { type Content, type Html, html } from '../html.ts'

/** Somebody who is signed in, as a page names them. */
export interface Person {
  /** '' where the provider told none. */
  readonly name: string
  /** '' where the provider told none. */
  readonly email: string
  /** The provider's subject, shown where there is neither name nor address. */
  readonly userId: string
}

/** A form of one button. Without fields it still posts, so that no link can press it. */
export interface FormButton {
  readonly action: string
  /** Hidden fields, such as the token against forged requests. */
  readonly fields: Readonly<Record<string, string>>
  readonly text: string
}

/** A way to somewhere else on our own pages or back to an application. */
export interface Link {
  readonly href: string
  readonly text: string
}

/** Rows of a name and a value; rows without a value are left out. */
export function facts(rows: readonly (readonly [name: string, value: Content])[]): Html {
  const shown = rows.filter(([, value]) => value !== undefined && value !== '' && value !== false)
  if (shown.length === 0) return html``
  return html`<dl class="facts">
${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>
`
}

export function personText({ name, email, userId }: Person): Html {
  const first = name || email || userId
  return html`<strong>${first}</strong>${email && email !== first && html`<span class="under">${email}</span>`}`
}

/** A link or a form of one button; both look the same. */
export type Way = Link | FormButton

export function button(way: Way, look: 'main' | 'plain' = 'plain'): Html {
  const classes = look === 'main' ? 'button main' : 'button'
  if ('href' in way) return html`<a class="${classes}" href="${way.href}">${way.text}</a>`
  const hidden = Object.entries(way.fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )
  return html`<form method="post" action="${way.action}">${hidden}<button class="${classes}">${way.text}</button></form>`
}

/** Buttons in a row, one below the other on a phone. */
export function actions(buttons: readonly (Html | undefined)[]): Html {
  const shown = buttons.filter((one) => one !== undefined)
  return shown.length === 0 ? html`` : html`<div class="actions">${shown.map((one) => html`${one}\n`)}</div>`
}

export function chips(texts: readonly string[]): Html {
  return html`<ul class="chips">${texts.map((text) => html`<li>${text}</li>`)}</ul>`
}
