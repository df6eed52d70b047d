/** What has to hold whatever was sent, of answers and of log lines. */
import assert from 'node:assert/strict'
import type { LogLine } from '#test/actors/proxy.ts'
import type { Answer } from './raw-answers.ts'

/** V6: what we write ourselves is nobody's to store, to sniff or to frame; and V8: a client's fault is no 5xx. */
export function checkOurs(answer: Answer): void {
  const { status, fields, body } = answer
  if (status < 200 || fields.get('x-from') === 'upstream' || status === 101) return
  const where = `${status} ${JSON.stringify([...fields])} ${body.slice(0, 500)}`
  assert.equal(fields.get('x-content-type-options'), 'nosniff', where)
  const cache = fields.get('cache-control') ?? ''
  assert.ok(cache === 'no-store' || cache === 'max-age=60', where)
  const type = fields.get('content-type') ?? ''
  if (type.startsWith('text/html')) {
    assert.match(fields.get('content-security-policy') ?? '', /frame-ancestors 'none'/, where)
    assert.doesNotMatch(body, /<script|<img|onerror|<b>/i, where)
  }
  assert.ok(status < 500 || status === 501 || status === 505, where)
}

export const canary = 'c4n4rySecret'

export function linesOf(output: string): LogLine[] {
  return output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []))
}

/** V4 and V5: lines are JSON, whole, of known shape, and hold nothing that lets anybody in. */
export function checkLines(output: string, secrets: readonly string[]): void {
  for (const line of output.split('\n')) {
    if (line === '') continue
    if (!line.startsWith('{')) {
      assert.doesNotMatch(line, /^\s*at |Error|reject/, line)
      continue
    }
    const value = JSON.parse(line) as LogLine
    assert.ok(typeof value['level'] === 'string' && typeof value['message'] === 'string', line)
    assert.ok(typeof value['time'] === 'string' && typeof value['service'] === 'string', line)
    assert.notEqual(value['code'], 'INTERNAL', line)
    assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f]/, 'a control character in a line')
  }
  for (const secret of [...secrets, canary]) {
    const line = output.split('\n').find((one) => one.includes(secret))
    assert.equal(line, undefined, `${secret} in the log`)
  }
  const credential = /Fe26\.2\*|eyJ[\w-]{20,}\.|code_verifier=|pomerium_signature=[^[]/
  assert.equal(
    output.split('\n').find((line) => credential.test(line)),
    undefined,
    'a credential in the log',
  )
}

/** V5: each answered request has exactly one line. */
export function problemOfCount(
  lines: readonly LogLine[],
  heard: readonly { readonly answers: readonly Answer[] }[],
): string | undefined {
  const count = new Map<unknown, number>()
  let refused = 0
  for (const line of lines) {
    if (line['message'] === 'request refused') refused++
    if (line['message'] !== 'http-request') continue
    const id = line['request-id']
    count.set(id, (count.get(id) ?? 0) + 1)
  }
  let bare = 0
  for (const { fields, status } of heard.flatMap(({ answers }) => answers)) {
    if (status < 200) continue
    const id = fields.get('x-request-id')
    const times = count.get(id) ?? 0
    if (id === undefined) bare++
    else if (times !== 1) return `request ${id}, which was answered with ${status}, has ${times} lines`
  }
  return refused >= bare ? undefined : `${bare} refusals were answered and ${refused} logged`
}
