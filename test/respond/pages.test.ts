import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { Pages } from '#src/endpoints/context.ts'
import { catalog, type ErrorCode } from '#src/errors/catalog.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'
import type { Answer } from '#src/respond/answer.ts'
import { deniedAnswer } from '#src/respond/denied-answer.ts'
import { errorAnswer } from '#src/respond/error-answer.ts'
import { compilePages } from '#src/respond/our-pages.ts'
import { stylesheet } from '#src/respond/style.ts'
import type { Session } from '#src/session/session.ts'
import { headerOf } from '#src/wire/headers.ts'
import { visit } from './exchanges.ts'

const now = Date.UTC(2026, 10, 22, 9, 30)
const evil = '"><script>evil</script>'
const pages: Pages = compilePages({ responseHeaders: ['x-frame-options', 'SAMEORIGIN'], clock: () => now })

function session(changes: Partial<Session> = {}): Session {
  const claims = {
    sub: 'u-1',
    groups: ['devops', 'staff'],
    at_hash: 'noise',
    team: ['blue'],
    updated_at: now / 1000 - 7200,
  }
  const flatClaims = new Map(
    Object.entries(claims).map(([name, value]) => [name, Array.isArray(value) ? value : [value]]),
  )
  const stamps = { issuedAt: now - 11 * 3_600_000, expiresAt: now + 3 * 3_600_000 }
  return {
    id: 's-1',
    userId: 'u-1',
    email: 'ada@example.com',
    emailVerified: true,
    name: 'Ada',
    claims,
    flatClaims,
    ...stamps,
    ...changes,
  }
}

const denial = {
  visit: visit({ query: '?q=private' }),
  who: session(),
  application: 'Grafana',
  reasons: ['You are in none of the groups that are let in.'],
  signInAsElse: { action: '/.pomerium/sign_out', fields: { token: 't' }, text: 'Sign in as somebody else' },
  session: { href: '/.pomerium/', text: 'Your session' },
  now,
}

/** Every page there is, with hostile text wherever text comes from outside. */
function everyPage(): [string, Answer][] {
  const odd = visit({ path: `/${evil}`, authority: evil })
  const who = session({
    name: evil,
    email: evil,
    userId: evil,
    id: evil,
    flatClaims: new Map([
      [evil, [evil, { a: evil }]],
      ['groups', [evil]],
    ]),
  })
  const problem = { code: 'COOKIES_LOST', causes: [evil], retryUrl: `https://a.test/${evil}`, headers: [] } as const
  return [
    ['denied', deniedAnswer({ ...denial, visit: odd, who, application: evil, description: evil, reasons: [evil] })],
    ['who am I', pages.whoAmI(odd, { session: who, signOutUrl: evil })],
    ['nobody', pages.whoAmI(odd, { session: undefined, signOutUrl: evil })],
    ['sign-out question', pages.signOutQuestion(odd, { action: evil, token: evil, formTargets: [], session: who })],
    ['signed out', pages.signedOut(odd, { headers: [] })],
    ['sign-in problem', pages.signInProblem(odd, problem)],
    ['proceed', pages.proceed(odd, { target: `https://a.test/${evil}`, headers: [] })],
    ...(Object.keys(catalog) as ErrorCode[]).map((code): [string, Answer] => [
      code,
      errorAnswer(new ProxyError(code, 'secret cause'), { visit: odd, requestId: odd.id, now }),
    ]),
  ]
}

for (const [name, { body, headers }] of everyPage()) {
  test(`the page "${name}" has language, title, one heading, labelled fields, no script, and hostile text stays text`, () => {
    assert.match(body, /^<!doctype html>\n<html lang="en">/)
    assert.match(body, /<title>[^<]+ · Ostiary<\/title>/)
    assert.equal(body.match(/<h1>/g)?.length, 1)
    assert.match(body, /<meta name="viewport" content="width=device-width, initial-scale=1">/)
    assert.doesNotMatch(body, /<script|<img|<link|<iframe|javascript:|\son\w+=|style=/i)
    assert.doesNotMatch(body, /secret cause/)
    const policy = headerOf(headers, 'content-security-policy') ?? ''
    const sheet = /<style>([^<]*)<\/style>/.exec(body)?.[1] ?? ''
    assert.ok(
      policy.includes(`'sha256-${createHash('sha256').update(sheet).digest('base64')}'`),
      'the policy names another sheet',
    )
    assert.match(policy, /^default-src 'none'; /)
    assert.match(policy, /frame-ancestors 'none'; base-uri 'none'$/)
    assert.equal(headerOf(headers, 'cache-control'), 'no-store')
    assert.equal(headerOf(headers, 'x-content-type-options'), 'nosniff')
  })
}

test('a denial says who, what, why not and what now, in that order, and never the query', () => {
  const { status, body, headers } = deniedAnswer({ ...denial, description: 'How the machines are' })
  assert.equal(status, 403)
  assert.match(
    body,
    /<dt>Grafana<\/dt><dd>How the machines are[\s\S]*Ada[\s\S]*ada@example\.com[\s\S]*wiki\.app\.test[\s\S]*none of the groups[\s\S]*What you can do now[\s\S]*Sign in as somebody else[\s\S]*4f5e0f4c-/,
  )
  assert.ok(!body.includes('private'))
  assert.equal(headerOf(headers, 'x-pomerium-intercepted-response'), 'true')
  assert.equal(headerOf(headers, 'x-request-id'), denial.visit.id)
})

test('a program that asks for JSON or text gets the denial in it', () => {
  const json = deniedAnswer({ ...denial, visit: visit({ headers: ['accept', 'application/json'] }) })
  assert.equal(headerOf(json.headers, 'content-type'), 'application/json')
  const { error, request_id, reasons } = JSON.parse(json.body) as Record<string, unknown>
  assert.deepEqual(
    { error, request_id, reasons },
    { error: 'Forbidden', request_id: denial.visit.id, reasons: denial.reasons },
  )
  const text = deniedAnswer({ ...denial, visit: visit({ headers: ['accept', 'text/plain'] }) })
  assert.match(text.body, /^You are signed in, but[\s\S]*Request id: 4f5e0f4c-/)
})

test('who am I shows the session in words and in exact times, and leaves the noise out', () => {
  const { body } = pages.whoAmI(visit(), { session: session(), signOutUrl: '/.pomerium/sign_out' })
  assert.match(body, /<time datetime="2026-11-22T12:30:00.000Z"[^>]*>in 3 hours<\/time>/)
  assert.match(body, /<time datetime="2026-11-21T22:30:00.000Z"[^>]*>11 hours ago<\/time>/)
  assert.match(body, /devops[\s\S]*staff/)
  assert.match(body, /Team[\s\S]*blue/)
  assert.match(body, /2 hours ago/)
  assert.doesNotMatch(body, /at_hash|At hash|noise/)
})

test('an unverified address says that no rule lets it in', () => {
  const { body } = pages.whoAmI(visit(), { session: session({ emailVerified: false }), signOutUrl: '/' })
  assert.match(body, /did not verify it/)
})

test('thousands of claims make a page of bounded size', () => {
  const flatClaims = new Map(
    Array.from({ length: 5000 }, (_, i): [string, string[]] => [
      `claim${i}`,
      Array.from({ length: 100 }, () => 'x'.repeat(5000)),
    ]),
  )
  const { body } = pages.whoAmI(visit(), { session: session({ flatClaims }), signOutUrl: '/' })
  assert.ok(body.length < 6_000_000, String(body.length))
})

test('forms may lead to the origins that a sign-out passes through', () => {
  const model = {
    action: '/.pomerium/sign_out',
    token: 't',
    formTargets: ['https://authenticate.app.test'],
    session: session(),
  }
  assert.match(
    headerOf(pages.signOutQuestion(visit(), model).headers, 'content-security-policy') ?? '',
    /form-action 'self' https:\/\/authenticate\.app\.test;/,
  )
})

/** Contrast of two colours (WCAG 2.2, 1.4.3). */
function contrast(one: string, other: string): number {
  const luminance = (hex: string) => {
    const full = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit).join('') : hex.slice(1, 7)
    const [r = 0, g = 0, b = 0] = [0, 2, 4].map((at) => {
      const c = Number.parseInt(full.slice(at, at + 2), 16) / 255
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (high + 0.05) / (low + 0.05)
}

test('text is readable on every ground, light and dark (WCAG AA, 4.5 to 1)', () => {
  const sets = [...stylesheet.matchAll(/:root\{([^}]*)\}/g)].map(([, list = '']) =>
    Object.fromEntries([...list.matchAll(/--([\w-]+):(#[0-9a-f]+)/g)].map(([, name, value]) => [name, value])),
  )
  assert.equal(sets.length, 2)
  const pairs = [
    ['ink', 'ground'],
    ['ink', 'card'],
    ['ink', 'field'],
    ['soft', 'ground'],
    ['soft', 'card'],
    ['soft', 'field'],
    ['accent', 'card'],
    ['accent', 'accent-soft'],
    ['accent-ink', 'accent'],
    ['warn', 'warn-soft'],
  ]
  for (const set of sets) {
    for (const [text = '', ground = ''] of pairs) {
      const ratio = contrast(set[text] ?? '', set[ground] ?? '')
      assert.ok(ratio >= 4.5, `${text} on ${ground}: ${ratio.toFixed(2)}`)
    }
  }
})
