import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catalog, type ErrorCode } from '#src/errors/catalog.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { errorAnswer } from '#src/respond/error-answer.ts'
import { headerOf } from '#src/wire/headers.ts'
import { visit } from './exchanges.ts'

const canary = 'canary-of-the-cause'
const context = { requestId: 'id-1', now: 0 }

for (const accept of ['text/html', 'application/json', 'text/plain', '*/*']) {
  test(`no row's answer holds message or cause, asked for as ${accept}`, () => {
    for (const code of Object.keys(catalog) as ErrorCode[]) {
      const cause = Object.assign(new Error(canary), { body: canary })
      const answer = errorAnswer(new ProxyError(code, `cannot x: ${canary}`, { cause }), {
        ...context,
        visit: visit({ headers: ['accept', accept] }),
      })
      assert.equal(answer.status, catalog[code].status)
      assert.ok(!JSON.stringify(answer).includes(canary), code)
    }
  })
}

for (const [what, thrown] of [
  ['an error of nobody', new TypeError(canary)],
  ['a text', canary],
  ['nothing', undefined],
] as const) {
  test(`${what} that was thrown is an internal error and says nothing of itself`, () => {
    const answer = errorAnswer(thrown, { ...context, reader: 'json' })
    assert.equal(answer.status, 500)
    assert.deepEqual(JSON.parse(answer.body), {
      error: 'Internal Server Error',
      code: 'INTERNAL',
      text: catalog.INTERNAL.text,
      request_id: 'id-1',
    })
  })
}

test('headers of the error come along: Retry-After is on the answer', () => {
  const error = new ProxyError('PROVIDER_UNREACHABLE', 'x', { headers: ['retry-after', '120'] })
  const answer = errorAnswer(error, context)
  assert.equal(headerOf(answer.headers, 'retry-after'), '120')
  assert.match(answer.body, /Another try makes sense in 2 minutes/)
})

test('401 is "Unauthenticated" to programs', () => {
  const { body } = errorAnswer(new ProxyError('SIGN_IN_REQUIRED', 'x'), { ...context, reader: 'json' })
  assert.equal((JSON.parse(body) as { error: string }).error, 'Unauthenticated')
})

test("the operator's response headers are laid on, and loosen none of ours", () => {
  const responseHeaders = [
    'x-frame-options',
    'SAMEORIGIN',
    'strict-transport-security',
    'max-age=1',
    'content-security-policy',
    'default-src *',
    'Cache-Control',
    'public',
    'content-type',
    'x/y',
  ]
  const { headers } = errorAnswer(new Error('x'), { ...context, responseHeaders })
  assert.equal(headerOf(headers, 'x-frame-options'), 'SAMEORIGIN')
  assert.equal(headerOf(headers, 'strict-transport-security'), 'max-age=1')
  assert.doesNotMatch(headerOf(headers, 'content-security-policy') ?? '', /\*/)
  assert.equal(headerOf(headers, 'cache-control'), 'no-store')
  assert.equal(headerOf(headers, 'content-type'), 'text/html; charset=utf-8')
  assert.equal(headerOf(headers, 'x-pomerium-intercepted-response'), 'true')
})

test('trying again is offered for a page whose application may be back in a moment, and for no form', () => {
  const error = new ProxyError('UPSTREAM_UNREACHABLE', 'x')
  const again = (method: string) => errorAnswer(error, { ...context, visit: visit({ method, query: '?a=1&b="' }) }).body
  assert.match(again('GET'), /href="https:\/\/wiki\.app\.test\/page\?a=1&amp;b=&quot;"/)
  assert.doesNotMatch(again('POST'), /Try again<\/a>/)
})
