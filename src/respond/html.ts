/** Markup that cannot be forgotten to escape: the `html` tag escapes every value that is not markup already. */

/** Markup made by the `html` tag (or by `trustedMarkup`); the only thing that is printed as it is. */
export class Html {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

/** What may stand in a hole of the tag. `undefined`, `null`, `false` and `true` print nothing, so that `cond && html…` reads well. */
export type Content = Html | string | number | boolean | null | undefined | readonly Content[]

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text as it may stand between tags and inside quoted attributes. Controls that no HTML text may hold become U+FFFD. */
function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (sign) => escapes[sign] ?? sign)
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '\ufffd')
}

/** Tag for markup: `` html`<p>${name}</p>` ``. Attribute values are always written in quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  let text = strings[0] ?? ''
  for (const [index, value] of values.entries()) text += print(value) + (strings[index + 1] ?? '')
  return new Html(text)
}

/** Marks text that we wrote ourselves (the stylesheet, the drawing of the door) as markup. Never for anything from outside. */
export function trustedMarkup(text: string): Html {
  return new Html(text)
}

function print(value: Content): string {
  if (value instanceof Html) return value.toString()
  if (typeof value === 'string') return escapeHtml(value)
  if (typeof value === 'number') return String(value)
  if (Array.isArray(value)) return value.map(print).join('')
  return ''
}
