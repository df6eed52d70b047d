import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { openLog } from '#src/observe/log.ts'
import { redactQuery, redactUrl, scrub } from '#src/observe/redaction.ts'
import { visit } from '../respond/exchanges.ts'

const canary = 'canary-5up3r-s3cr3t'
const outcome = { status: 200, size: 0, details: 'x' }

function everything() {
  const text: string[] = []
  const log = openLog({
    sink: { write: (line) => text.push(line) },
    level: 'trace',
    accessFields: [
      'path',
      'query',
      'referer',
      'headers.Cookie',
      'headers.Authorization',
      'headers.X-Pomerium-Jwt-Assertion',
      'headers.X-Api-Key',
      'headers.Referer',
    ],
    authorizeFields: ['headers', 'query', 'id-token', 'body'],
  })
  return { log, all: () => text.join('') }
}

const check = {
  route: { name: 'r', id: 'r' },
  session: undefined,
  decision: { kind: 'allow', allow: { value: true, reasons: [] }, deny: { value: false, reasons: [] } },
} as const

test('no credential header is in a line, however it was chosen', () => {
  const { log, all } = everything()
  const names = [
    'cookie',
    'authorization',
    'proxy-authorization',
    'x-pomerium-jwt-assertion',
    'x-pomerium-authorization',
    'x-pomerium-claim-email',
    'x-api-key',
    'x-auth-token',
  ]
  const request = visit({ headers: names.flatMap((name) => [name, `Bearer ${canary}`]) })
  log.access(request, outcome)
  log.authorize(request, check)
  assert.ok(!all().includes(canary), all())
  assert.match(all(), /"headers\.Cookie":"\[redacted\]"/)
})

for (const [what, path, query] of [
  ['the code and state of a sign-in', '/oauth2/callback', `?code=${canary}&state=${canary}&iss=x`],
  ['the sealed session of a hand-over', '/.pomerium/callback/', `?pomerium_session_encrypted=${canary}`],
  ['a parameter of ours nobody has thought of', '/.pomerium/callback/', `?next%20big=${canary}`],
  ['a name spelt with escapes', '/app', `?pomerium%5Fsession=${canary}`],
  ['a token in an application query', '/app', `?a=1&access_token=${canary}`],
] as const) {
  test(`${what} is not in the query field nor in a Referer`, () => {
    const { log, all } = everything()
    const request = visit({ path, query, headers: ['referer', `https://wiki.app.test${path}${query}`] })
    log.access(request, outcome)
    log.authorize(request, check)
    log.access(visit({ headers: request.headers }), outcome)
    assert.ok(!all().includes(canary), all())
  })
}

test('an application query stays readable', () => {
  assert.equal(redactQuery('/search', '?q=a%20b&page=2&flag'), '?q=a%20b&page=2&flag')
  assert.equal(
    redactQuery('/.pomerium/sign_in', '?pomerium_expiry=5&pomerium_signature=abc'),
    '?pomerium_expiry=5&pomerium_signature=[redacted]',
  )
  assert.equal(
    redactQuery('/.pomerium/callback/', `?pomerium_session_encrypted.Fe26.2*1*${'a'.repeat(64)}`),
    '?[redacted]',
  )
  assert.equal(redactUrl('https://ada:pass@a.test/x?q=1'), 'https://[redacted]@a.test/x?q=1')
})

test('secrets on errors and in events are left out: properties, messages, causes', () => {
  const { log, all } = everything()
  const jwt = `eyJhbGciOiJFUzI1NiJ9.${canary}.c2ln`
  const cause = Object.assign(new Error(`bad token ${jwt}, sent Authorization: Bearer ${canary}`), {
    response: { body: canary },
    token: canary,
  })
  log.failure(visit(), new ProxyError('INTERNAL', `cannot exchange: code=${canary}&x`, { cause }))
  log.failure(visit(), { thrown: canary })
  log.event('warn', 'refresh failed', {
    token: canary,
    request: { authorization: canary, cookie: canary },
    provider: { client: { client_secret: canary } },
  })
  assert.ok(!all().includes(canary), all())
})

test('seals and tokens are known by their look', () => {
  assert.equal(scrub('cookie Fe26.2*1*ab*cd*ef~2; x'), 'cookie [redacted]; x')
  assert.equal(scrub('connect ECONNREFUSED 10.0.0.1:80'), 'connect ECONNREFUSED 10.0.0.1:80')
})
