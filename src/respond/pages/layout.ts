/** The frame of every page: language, title, mark, one card, and the line that a person reads to the operator. */
import { type Content, type Html, html, trustedMarkup } from '../html.ts'
import { stylesheet } from '../style.ts'

export interface Frame {
  /** Shown in the tab, before the product's name. */
  readonly title: string
  /** The small word above the heading: what kind of page this is, such as a status. */
  readonly kicker?: string
  readonly heading: string
  /** Colour of the mark and the kicker. */
  readonly tone?: 'calm' | 'warn'
  /** More room, for tables. */
  readonly isWide?: boolean
  readonly content: Content
  /** Where the page leads on to by itself, at once. */
  readonly refreshTo?: string
  /** Named at the foot, so that it can be found in the log. */
  readonly requestId?: string
  /** When the page was made, milliseconds since the epoch; at the foot beside the request id. */
  readonly now?: number
}

/** A door ajar: two strokes and a handle. */
const mark = trustedMarkup(
  '<svg class="mark" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false">' +
    '<path class="frame" d="M7 28V6.5A2.5 2.5 0 0 1 9.5 4h13A2.5 2.5 0 0 1 25 6.5V28"/>' +
    '<path class="leaf" d="M10.5 28V7.5l9 3.2V28"/><circle class="knob" cx="16.7" cy="18.5" r="1.3"/>' +
    '<path class="frame" d="M4 28h24"/></svg>',
)

/** A whole document around `frame.content`. */
export function layout(frame: Frame): Html {
  const { title, kicker, heading, tone = 'calm', isWide = false, refreshTo, content, requestId, now } = frame
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
${refreshTo && html`<meta http-equiv="refresh" content="0; url=${refreshTo}">\n`}<title>${title} · Ostiary</title>
<style>${trustedMarkup(stylesheet)}</style>
</head>
<body class="${isWide ? `${tone} wide` : tone}">
<header class="top"><span class="brand">${mark}<span>Ostiary</span></span></header>
<main class="card">
${kicker ? html`<p class="kicker" dir="auto">${kicker}</p>\n` : ''}<h1>${heading}</h1>
${content}
</main>
${requestId ? foot(requestId, now) : ''}</body>
</html>
`
}

function foot(requestId: string, now: number | undefined): Html {
  const moment = now === undefined ? undefined : new Date(now).toISOString()
  return html`<footer class="foot"><dl>
<div><dt>Request id</dt><dd><code>${requestId}</code></dd></div>
${moment ? html`<div><dt>Time</dt><dd><time datetime="${moment}">${moment.slice(0, 19).replace('T', ' ')} UTC</time></dd></div>\n` : ''}</dl></footer>
`
}
