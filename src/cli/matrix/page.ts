/** An access review as one page of HTML: nothing to load, no script, good on paper. */
import { type Content, type Html, html, trustedMarkup } from '../../respond/html.ts'
import type { Matrix, MatrixCell, MatrixRoute } from '../../trial/compare/matrix.ts'
import { placeText } from '../text.ts'
import { pageStyle } from './page-style.ts'

export interface PageOptions {
  /** What was reviewed: the names of the configuration's files. */
  readonly title: string
  /** When, milliseconds since the epoch. */
  readonly now: number
  /** Where the people come from. */
  readonly source: string
}

export function matrixPage(matrix: Matrix, { title, now, source }: PageOptions): string {
  const { routes, rows, notes } = matrix
  const moment = new Date(now).toISOString()
  const people = rows.length - 1
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>Who may use what · ${title}</title>
<style>${trustedMarkup(pageStyle)}</style>
</head>
<body>
<header>
<h1>Who may use what</h1>
<p>${title}, <time datetime="${moment}">${moment.slice(0, 16).replace('T', ' ')} UTC</time>. ${counted(people, 'person', 'people')} from ${source}, ${counted(routes.length, 'route', 'routes')}.</p>
<ul class="key"><li>${mark('yes')} may</li><li>${mark('sometimes')} only sometimes, as the cell says</li><li>${mark('no')} may not</li></ul>
${notes.length > 0 && html`<ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul>`}
</header>
<main>
<h2 id="people">By person</h2>
<div class="scroll" role="region" aria-labelledby="people" tabindex="0">
<table class="matrix">
<thead><tr><th scope="col">Who</th>${routes.map(routeHead)}</tr></thead>
<tbody>
${rows.map(
  ({ who, groups, cells }) =>
    html`<tr><th scope="row"><span class="who">${who}</span>${groups.length > 0 && html`<span class="groups">${groups.join(', ')}</span>`}</th>${cells.map(cellMarkup)}</tr>\n`,
)}</tbody>
</table>
</div>
<h2>By route</h2>
${routes.map((route, index) => routeSection(matrix, route, index))}
</main>
</body>
</html>
`.toString()
}

function routeHead({ name, url }: MatrixRoute): Html {
  return html`<th scope="col"><span class="name">${name}</span><span class="url">${withoutScheme(url)}</span></th>`
}

const signs = { yes: '✓', sometimes: '◐', no: '–' } as const
const words = { yes: 'yes', sometimes: 'sometimes', no: 'no' } as const

/** Told by shape and word, not by colour alone. */
function mark(access: MatrixCell['access']): Html {
  return html`<span class="mark ${access}" aria-hidden="true">${signs[access]}</span><span class="hidden">${words[access]}</span>`
}

function cellMarkup(cell: MatrixCell): Html {
  const { access, conditions, rules } = cell
  return html`<td class="${access}">${mark(access)}${conditions.map((text) => html`<span class="when">${text}</span>`)}${rules.map(
    ({ action, words: rule, place }) =>
      html`<span class="rule" title="${placeText(place)}">${action === 'deny' && 'kept out: '}${rule}</span>`,
  )}</td>`
}

/** Who may, and by which lines: what somebody signs for whom the route belongs to. */
function routeSection({ rows }: Matrix, { name, url, place }: MatrixRoute, index: number): Html {
  const open = rows.flatMap((row) => {
    const cell = row.cells[index]
    return cell && cell.access !== 'no' ? [{ row, cell }] : []
  })
  // The first row is nobody.
  const known = open.filter(({ row }) => row !== rows[0]).length
  const list: Content =
    open.length === 0
      ? html`<p class="none">Nobody.</p>`
      : html`<table><thead><tr><th scope="col">Who</th><th scope="col">By</th><th scope="col">Written at</th></tr></thead><tbody>
${open.map(
  ({ row, cell }) =>
    html`<tr><th scope="row">${row.who}</th><td>${cell.access === 'sometimes' && html`<span class="when">${cell.conditions.join(', ')}</span> `}${cell.rules.map(({ words: rule }) => rule).join(', ')}</td><td class="place">${cell.rules.map((rule) => placeText(rule.place)).join(', ')}</td></tr>\n`,
)}</tbody></table>`
  return html`<section><h3>${name} <small>${withoutScheme(url)} · ${placeText(place)}</small></h3>
<p>${known} of ${counted(rows.length - 1, 'person', 'people')}${known < open.length && ', and anybody without signing in'}</p>
${list}
</section>
`
}

function withoutScheme(url: string): string {
  return url.replace(/^https:\/\//, '')
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
