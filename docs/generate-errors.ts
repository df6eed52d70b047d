/** docs/errors.md, printed from the catalogue. */
import { catalog } from '#src/errors/catalog.ts'

const intro = `# Errors

<!-- Printed from src/errors/catalog.ts by \`npm run docs\`. Do not edit. -->

Every failure has a code. People get a page with the sentence below and the request id; programs that ask for it
(\`Accept: application/json\`) get \`{"error", "code", "text", "request_id"}\`, or plain text (\`text/plain\`). What went
wrong exactly is in the log only: look for \`"message":"request failed"\` with that \`request-id\`; the line carries the
code, the message and its causes. \`level\` is the level of that line.

A refusal by policy is a decision and no failure: its line is \`"message":"authorize check"\`, with the reasons of both
sides. Pages and refusals of our own carry \`x-pomerium-intercepted-response: true\`, so that they can be told from those of
an application.
`

/** The text of docs/errors.md. */
export function errorReference(): string {
  const rows = Object.entries(catalog).map(([code, { status, level, text, advice }]) => {
    const sentences = [text, advice].filter((sentence) => sentence !== '').join(' ')
    return `| \`${code}\` | ${status} | ${level} | ${sentences.replaceAll('|', '\\|')} |`
  })
  return `${intro}
| code | status | level | what people read |
|---|---|---|---|
${rows.join('\n')}
`
}
