/** The style of an access review: quiet, light and dark, heads that stay while the table moves, and ink-saving on paper. */
export const pageStyle = `
:root{color-scheme:light dark;--ground:#f4f5f2;--card:#fff;--ink:#1d2522;--soft:#56615c;--line:#dfe3de;
--good:#1f6b57;--good-soft:#e3f0eb;--some:#8a5a00;--some-soft:#fbf1dc;--head:#edf0ec}
@media (prefers-color-scheme:dark){:root{--ground:#121715;--card:#1a211e;--ink:#e7ece9;--soft:#a3afa9;--line:#2e3834;
--good:#7fd0b5;--good-soft:#1f352d;--some:#f0c371;--some-soft:#37301f;--head:#222a27}}
*{box-sizing:border-box}
body{margin:0;padding:clamp(1rem,3vw,2.5rem);background:var(--ground);color:var(--ink);
font:.9375rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif}
header,main{max-width:100rem;margin:0 auto}
h1{margin:0 0 .25rem;font-size:1.625rem;letter-spacing:-.012em}
h2{margin:2rem 0 .75rem;font-size:1.125rem}
h3{margin:0 0 .25rem;font-size:1rem}h3 small{color:var(--soft);font-weight:400;overflow-wrap:anywhere}
p{margin:0 0 .75rem;color:var(--soft)}
.key li{position:relative}.key{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin:0;padding:0;list-style:none;color:var(--soft)}
.notes{margin:.75rem 0 0;padding:.5rem .75rem .5rem 1.75rem;background:var(--some-soft);border-radius:.5rem}
.scroll{overflow:auto;max-height:80vh;border:1px solid var(--line);border-radius:.75rem;background:var(--card)}
.scroll:focus-visible{outline:3px solid var(--good);outline-offset:2px}
table{border-collapse:separate;border-spacing:0;width:100%}
th,td{padding:.5rem .75rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
tbody tr:last-child>*{border-bottom:0}
thead th{background:var(--head);font-weight:600}
.matrix thead th{position:sticky;top:0;z-index:1;min-width:9rem;max-width:16rem}
.matrix th:first-child{position:sticky;left:0;z-index:1;background:var(--head);min-width:13rem;max-width:20rem;border-right:1px solid var(--line)}
.matrix thead th:first-child{z-index:2}
.matrix td{position:relative;border-right:1px solid var(--line);max-width:16rem}.matrix td:last-child{border-right:0}
.name,.url,.who,.groups,.when,.rule{display:block;overflow-wrap:anywhere}
.url,.groups,.rule,.place{font-size:.86em;font-weight:400;color:var(--soft)}
.who{font-weight:600}
td.yes{background:var(--good-soft)}td.sometimes{background:var(--some-soft)}
td.no .rule{font-style:italic}
.mark{font-weight:700}.mark.yes{color:var(--good)}.mark.sometimes{color:var(--some)}.mark.no{color:var(--soft)}
.when{font-size:.86em;color:var(--some)}
section{margin:0 0 1rem;padding:1rem 1.25rem;border:1px solid var(--line);border-radius:.75rem;background:var(--card);overflow-x:auto;break-inside:avoid}
section th[scope=row]{font-weight:500}section .when{display:inline}
section thead th{background:none;color:var(--soft);font-size:.86em;padding-top:0}
section th:first-child,section td:first-child{padding-left:0}
.place{white-space:nowrap}
.none{margin:0;font-style:italic}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (forced-colors:active){td.yes,td.sometimes,.scroll,section{border-color:CanvasText}}
@page{size:A4 landscape;margin:12mm}
@media print{:root{color-scheme:light;--ground:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--head:#f3f3f3;--good:#000;--some:#000;--good-soft:#eaf4ef;--some-soft:#faf3e2}
body{padding:0;font-size:9pt}.scroll{max-height:none;overflow:visible;border-radius:0}
.matrix{table-layout:fixed}.matrix th,.matrix thead th,.matrix th:first-child{position:static;min-width:0}
.matrix th,.matrix td{padding:.25rem .375rem}
thead{display:table-header-group}tr{break-inside:avoid}h2{break-after:avoid}section{border-radius:0}
td.yes,td.sometimes{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`
