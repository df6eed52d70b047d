/** The one stylesheet of our pages: quiet, light and dark, readable on a phone; allowed by its hash and by nothing else. */
import { createHash } from 'node:crypto'

const colours = `
:root{color-scheme:light dark;--ground:#f4f5f2;--card:#fff;--ink:#1d2522;--soft:#56615c;--line:#dfe3de;--edge:#868f8a;--field:#f7f8f6;
--accent:#1f6b57;--accent-ink:#fff;--accent-soft:#e3f0eb;--warn:#9a4310;--warn-soft:#fbeee3;--shade:0 1px 2px #1d252214,0 12px 32px -12px #1d252226}
@media (prefers-color-scheme:dark){:root{--ground:#121715;--card:#1a211e;--ink:#e7ece9;--soft:#a3afa9;--line:#2e3834;--edge:#6b7872;--field:#202825;
--accent:#7fd0b5;--accent-ink:#0c1a15;--accent-soft:#1f352d;--warn:#f2a66f;--warn-soft:#38261a;--shade:0 1px 2px #0006}}`

const ground = `
*,::before,::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100dvh;padding:clamp(1rem,4vw,3rem) 1rem;display:flex;flex-direction:column;align-items:center;
overflow-wrap:anywhere;background:var(--ground);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif}
.top,.card,.foot{width:100%;max-width:36rem}
.wide .top,.wide .card,.wide .foot{max-width:46rem}
.brand{display:inline-flex;align-items:center;gap:.5rem;font-weight:600;letter-spacing:.01em;margin:0 0 1rem .125rem}
.mark{display:block;fill:none;stroke:var(--accent);stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.mark .leaf{fill:var(--accent-soft)}.mark .knob{fill:var(--accent);stroke:none}
.warn .mark{stroke:var(--warn)}.warn .mark .leaf{fill:var(--warn-soft)}.warn .mark .knob{fill:var(--warn)}
.card{background:var(--card);border:1px solid var(--line);border-radius:.875rem;box-shadow:var(--shade);padding:clamp(1.25rem,5vw,2.25rem)}
.card>:last-child{margin-bottom:0}`

const text = `
h1{margin:0 0 1rem;font-size:clamp(1.375rem,1.1rem + 1.6vw,1.75rem);line-height:1.25;font-weight:650;letter-spacing:-.012em;text-wrap:balance}
h2{margin:1.75rem 0 .625rem;font-size:1rem;font-weight:650}
p{margin:0 0 1rem;text-wrap:pretty}
.kicker{display:inline-block;margin:0 0 .75rem;padding:.125rem .625rem;border-radius:1rem;background:var(--accent-soft);color:var(--accent);font-size:.8125rem;font-weight:600}
.warn .kicker{background:var(--warn-soft);color:var(--warn)}
.soft,small{color:var(--soft)}
a{color:var(--accent);text-underline-offset:.18em}
ul{margin:0 0 1rem;padding-left:1.125rem}li{margin:.25rem 0}li::marker{color:var(--soft)}
code,.address{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;font-size:.875em}
dl{margin:0}dt{color:var(--soft);font-size:.8125rem}dd{margin:0}
.facts{margin:0 0 1.25rem;border:1px solid var(--line);border-radius:.625rem;background:var(--field);overflow:hidden}
.facts>div{padding:.625rem .875rem}.facts>div+div{border-top:1px solid var(--line)}
@media (min-width:34rem){.wide .facts{display:flex;flex-wrap:wrap}.wide .facts>div{flex:1 1 100%}.wide .facts>div:has(time){flex:1 1 50%}.wide .facts>div:has(time)+div:has(time){border-left:1px solid var(--line)}}
.facts strong{font-weight:600}.facts .under{display:block;color:var(--soft);font-size:.875rem}
.chips{display:flex;flex-wrap:wrap;gap:.375rem;margin:.125rem 0 0;padding:0;list-style:none}
.chips li{margin:0;padding:.0625rem .5rem;border:1px solid var(--line);border-radius:.375rem;background:var(--card);font-size:.875rem}
.foot{margin-top:1rem;padding:0 .25rem}.foot dl{display:flex;flex-wrap:wrap;gap:.25rem 1.75rem}
.foot div{display:flex;flex-wrap:wrap;gap:0 .5rem;align-items:baseline}.foot dd,.foot code{font-size:.8125rem;color:var(--soft)}.foot code{user-select:all}`

const controls = `
form{margin:0}
.actions{display:flex;flex-wrap:wrap;gap:.625rem;align-items:center;margin:1.5rem 0 0}
.button{display:inline-flex;align-items:center;justify-content:center;min-height:2.75rem;padding:.5rem 1.125rem;border:1px solid var(--edge);border-radius:.625rem;
background:var(--card);color:var(--ink);font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer}
.button:hover{border-color:var(--accent);color:var(--accent)}
.button.main{border-color:var(--accent);background:var(--accent);color:var(--accent-ink)}
.button.main:hover{filter:brightness(1.08);color:var(--accent-ink)}
:focus-visible{outline:3px solid var(--accent);outline-offset:3px;border-radius:.375rem}
.button:focus-visible{border-radius:.625rem}
details{margin:1.5rem 0 0;border-top:1px solid var(--line);padding-top:1rem}summary{cursor:pointer;font-weight:600}
table{width:100%;margin:.75rem 0 0;border-collapse:collapse;font-size:.9375rem}
th,td{padding:.5rem .5rem .5rem 0;border-top:1px solid var(--line);text-align:start;vertical-align:top}
tr:first-child>*{border-top:0}th{width:34%;color:var(--soft);font-weight:500}
@media (max-width:30rem){.actions>*,.actions .button{width:100%}th,td{display:block;width:auto;padding-right:0}td{border-top:0;padding-top:0}th{padding-bottom:0}}
@media (forced-colors:active){.card,.facts,.button{border-color:CanvasText}.button.main{border-width:3px}.problem{border:2px solid CanvasText}}`

/** Forms in which something is typed: the sign-in of the broker inside. */
const fields = `
.fields label{display:block;margin:1rem 0 .375rem;font-weight:600;font-size:.9375rem}
.fields input[type=text],.fields input[type=password]{width:100%;min-height:2.75rem;padding:.5rem .75rem;border:1px solid var(--soft);border-radius:.625rem;background:var(--field);color:var(--ink);font:inherit}
.fields input[aria-invalid=true]{border-color:var(--warn)}
.fields .check{display:flex;gap:.5rem;align-items:center;font-weight:400}.check input{width:1.125rem;height:1.125rem;margin:0;accent-color:var(--accent)}
.fields .button{flex:1 1 12rem}
.problem{margin:0 0 1rem;padding:.75rem .875rem;border-radius:.625rem;background:var(--warn-soft);color:var(--warn)}
.after{margin:1.25rem 0 0}
.choices{list-style:none;margin:0;padding:0}.choices li{margin:.625rem 0 0}.choices .button{width:100%}
.code{text-align:center;font-size:1.75rem;letter-spacing:.08em}`

/** One text, so that one hash covers it. */
export const stylesheet = [colours, ground, text, controls, fields].join('')

/** The source expression that lets exactly this sheet through a Content-Security-Policy (CSP3 §2.3.1). */
export const stylesheetHash = `'sha256-${createHash('sha256').update(stylesheet).digest('base64')}'`
