/** How the demo's own pages look: the broker's and the sample applications', which are not the proxy's. */
import { createHash } from 'node:crypto'
import { type Content, html, trustedMarkup } from '../../respond/html.ts'

const demoStyle = `
:root{color-scheme:light dark;--ink:#1d2430;--soft:#5b6678;--line:#d9dee7;--page:#f5f6f8;--card:#fff;--link:#0b5cad;--mark:#2f7d5b;--bad:#a8261c;--badbg:#fdf0ee}
@media (prefers-color-scheme:dark){:root{--ink:#e7eaf0;--soft:#a3adbd;--line:#353c49;--page:#14171c;--card:#1d2128;--link:#7db7f2;--mark:#6cc79d;--bad:#ff9d92;--badbg:#3a1f1d}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}
main{max-width:56rem;margin:0 auto;padding:2rem 1.25rem 4rem}
main.narrow{max-width:26rem;padding-top:12vh}
.app{color:var(--mark);font-weight:600;letter-spacing:.02em;margin:0 0 .25rem}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 .75rem}
h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.5rem 0}
.soft{color:var(--soft)}
a{color:var(--link)}
.card{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.25rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem 0;border-bottom:1px solid var(--line)}
tr:last-child>*{border-bottom:0}
th{font-weight:500;color:var(--soft);white-space:nowrap}
td{overflow-wrap:anywhere}
code,pre,output{font-family:ui-monospace,monospace;font-size:.9em}
pre{overflow-x:auto;margin:0}
label{display:block;font-weight:500;margin:1rem 0 .3rem}
input{width:100%;font:inherit;color:inherit;background:var(--page);border:1px solid var(--soft);border-radius:.5rem;padding:.55rem .7rem}
button{font:inherit;font-weight:600;color:var(--card);background:var(--mark);border:0;border-radius:.5rem;padding:.6rem 1.1rem;cursor:pointer}
.narrow button{width:100%;margin-top:1.5rem}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.narrow form+p{margin-top:1rem}
.bad{color:var(--bad);background:var(--badbg);border-radius:.5rem;padding:.6rem .8rem}
nav{display:flex;flex-wrap:wrap;gap:.4rem 1.25rem;margin:1rem 0 1.25rem}
.card+.card{margin-top:1rem}
.card>label:first-child{margin-top:0}
.card>p:last-child{margin:1rem 0 0}
td button{padding:.1rem .6rem;font-weight:500;color:var(--bad);background:none;border:1px solid var(--line)}
`

/** The source expression that lets exactly this style through (CSP3 §2.3.1). */
export const demoStyleSource = `'sha256-${createHash('sha256').update(demoStyle).digest('base64')}'`

/** A whole document of the demo. */
export function demoPage(page: {
  readonly app: string
  readonly heading: string
  readonly content: Content
  readonly isNarrow?: boolean
  /** Path of a script of the application's own. */
  readonly script?: string
}): string {
  const { app, heading, content, isNarrow, script } = page
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${heading} · ${app}</title>
<style>${trustedMarkup(demoStyle)}</style>
${script && html`<script src="${script}" defer></script>`}
</head>
<body>
<main class="${isNarrow ? 'narrow' : 'wide'}">
<p class="app">${app}</p>
<h1>${heading}</h1>
${content}
</main>
</body>
</html>
`.toString()
}
