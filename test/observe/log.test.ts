import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ProxyError } from '#src/errors/proxy-error.ts'
import type { Visit } from '#src/listener/visit.ts'
import { unknownAccessFields } from '#src/observe/access-line.ts'
import { type AuthorizeCheck, unknownAuthorizeFields } from '#src/observe/authorize-line.ts'
import { type LogOptions, openLog } from '#src/observe/log.ts'
import { visit } from '../respond/exchanges.ts'

const noon = Date.UTC(2026, 0, 2, 12, 0, 0, 250)
const outcome = { status: 200, size: 5, details: 'via_upstream', upstream: 'http://10.0.0.1:8080' }

function record(options: Partial<LogOptions> = {}) {
  const text: string[] = []
  const log = openLog({ sink: { write: (line) => text.push(line) }, level: 'info', clock: () => noon, ...options })
  return { log, text, lines: () => text.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

function check(changes: Partial<AuthorizeCheck> = {}): AuthorizeCheck {
  return {
    route: { name: 'wiki', id: 'route-1' },
    session: {
      id: 'session-1',
      userId: 'u-1',
      email: 'ada@example.com',
      emailVerified: true,
      name: 'Ada',
      claims: { sub: 'u-1', groups: ['devops'] },
      flatClaims: new Map(),
      issuedAt: 0,
      expiresAt: 0,
    },
    decision: {
      kind: 'deny',
      allow: { value: false, reasons: ['email-unauthorized', 'domain-unauthorized'] },
      deny: { value: false, reasons: [] },
    },
    ...changes,
  }
}

test('an access line has the twelve fields, in order, under the names that dashboards know', () => {
  const { log, lines, text } = record()
  log.access(
    visit({
      query: '?secret=1',
      receivedAt: noon - 12.5,
      headers: ['user-agent', 'curl/8', 'referer', 'https://a.test/x'],
    }),
    outcome,
  )
  assert.deepEqual(lines()[0], {
    level: 'info',
    service: 'envoy',
    time: '2026-01-02T12:00:00.250Z',
    'upstream-cluster': 'http://10.0.0.1:8080',
    method: 'GET',
    authority: 'wiki.app.test',
    path: '/page',
    'user-agent': 'curl/8',
    referer: 'https://a.test/x',
    'forwarded-for': '203.0.113.7',
    'request-id': '4f5e0f4c-1111-4222-8333-123456789abc',
    duration: 12.5,
    size: 5,
    'response-code': 200,
    'response-code-details': 'via_upstream',
    message: 'http-request',
  })
  assert.equal(text[0]?.at(-1), '\n')
})

test('an authorize line tells who was refused, where, and both sides with their reasons', () => {
  const { log, lines } = record()
  log.authorize(visit(), check())
  assert.deepEqual(lines()[0], {
    level: 'info',
    service: 'authorize',
    time: '2026-01-02T12:00:00.250Z',
    'request-id': '4f5e0f4c-1111-4222-8333-123456789abc',
    'check-request-id': '4f5e0f4c-1111-4222-8333-123456789abc',
    method: 'GET',
    path: '/page',
    host: 'wiki.app.test',
    ip: '203.0.113.7',
    'session-id': 'session-1',
    user: 'u-1',
    email: 'ada@example.com',
    'envoy-route-id': 'route-1',
    'route-id': 'route-1',
    allow: false,
    'allow-why-false': ['email-unauthorized', 'domain-unauthorized'],
    deny: false,
    'deny-why-false': [],
    message: 'authorize check',
  })
})

test('nobody signed in leaves out session, user and e-mail address', () => {
  const { log, lines } = record()
  log.authorize(visit(), check({ session: undefined }))
  for (const name of ['session-id', 'user', 'email']) assert.ok(!(name in (lines()[0] ?? {})), name)
})

test('configuration chooses fields and their order, headers among them', () => {
  const { log, text } = record({
    accessFields: ['response-code', 'ip', 'query', 'headers.X-Team'],
    authorizeFields: ['headers', 'id-token-claims'],
  })
  const headers = ['x-team', 'blue', 'cookie', 'a=1', 'x-team', 'red']
  log.access(visit({ query: '?a=b', headers }), outcome)
  log.authorize(visit({ headers }), check())
  assert.match(
    text[0] ?? '',
    /"time":"[^"]+","response-code":200,"ip":"203\.0\.113\.7","query":"\?a=b","headers\.X-Team":"blue, red","message"/,
  )
  assert.match(
    text[1] ?? '',
    /"headers":\{"x-team":"blue, red","cookie":"\[redacted\]"\},"id-token-claims":\{"sub":"u-1"/,
  )
})

test('names of fields that nobody knows are named, known ones without a value here are not', () => {
  assert.deepEqual(unknownAccessFields(['method', 'headers.X-A', 'headers.', 'speed', 'constructor']), [
    'headers.',
    'speed',
    'constructor',
  ])
  assert.deepEqual(unknownAuthorizeFields(['body', 'mcp-tool', 'id-token', 'referer', 'headers.x y']), [
    'referer',
    'headers.x y',
  ])
})

test('health checks are logged at debug only', () => {
  const quiet = record()
  const loud = record({ level: 'debug' })
  for (const { log } of [quiet, loud]) for (const path of ['/ping', '/healthz']) log.access(visit({ path }), outcome)
  assert.equal(quiet.text.length, 0)
  assert.deepEqual(
    loud.lines().map(({ level }) => level),
    ['debug', 'debug'],
  )
})

test('each word of log_level keeps out what is below it', () => {
  const written = (level: string) => {
    const { log, text } = record({ level })
    log.access(visit(), outcome)
    log.event('error', 'an error')
    log.event('fatal', 'the end')
    return text.length
  }
  assert.deepEqual(
    ['trace', 'debug', 'info', 'warn', 'warning', 'error', 'critical', 'fatal', 'panic', 'off', 'none', 'disabled'].map(
      written,
    ),
    [3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0],
  )
})

test('an event carries time, level, service and message like every line', () => {
  const { log, lines } = record()
  log.event('info', 'updated config', { service: 'config', checksum: 'abc' })
  assert.deepEqual(lines()[0], {
    level: 'info',
    time: '2026-01-02T12:00:00.250Z',
    service: 'config',
    checksum: 'abc',
    message: 'updated config',
  })
})

test('a failure is told with its code, its message and its causes, at the level of its row', () => {
  const { log, lines } = record()
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:80'), { code: 'ECONNREFUSED' })
  log.failure(
    visit(),
    new ProxyError('UPSTREAM_UNREACHABLE', 'cannot reach http://10.0.0.1: refused', { cause: refused }),
  )
  const [line] = lines()
  assert.equal(line?.['level'], 'warn')
  assert.equal(line?.['code'], 'UPSTREAM_UNREACHABLE')
  assert.deepEqual(line?.['error'], {
    type: 'ProxyError',
    message: 'cannot reach http://10.0.0.1: refused',
    code: 'UPSTREAM_UNREACHABLE',
    cause: { type: 'Error', message: 'connect ECONNREFUSED 10.0.0.1:80', code: 'ECONNREFUSED' },
  })
})

test('what is no error of ours is INTERNAL, at level error, with its stack', () => {
  const { log, lines } = record()
  log.failure(undefined, new TypeError('x is not a function'))
  const error = lines()[0]?.['error'] as Record<string, unknown>
  assert.equal(lines()[0]?.['level'], 'error')
  assert.match(String(error['stack']), /log\.test\.ts/)
})

test('an error that is its own cause ends', () => {
  const { log, text } = record()
  const loop = new Error('round')
  loop.cause = loop
  log.failure(visit(), loop)
  assert.equal(text.length, 1)
})

test('whatever a client sends, a line is one line of JSON', () => {
  const { log, text } = record({ accessFields: ['path', 'query', 'user-agent', 'referer', 'authority', 'headers.x-a'] })
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (odd) => {
      text.length = 0
      log.access(
        visit({
          path: odd,
          query: `?${odd}`,
          authority: odd,
          headers: ['user-agent', odd, 'referer', odd, 'x-a', odd],
        } as Partial<Visit>),
        outcome,
      )
      const line = text[0] ?? ''
      assert.equal(line.indexOf('\n'), line.length - 1)
      assert.doesNotMatch(line, /[\u0000-\u0009\u007f-\u009f]/)
      assert.equal((JSON.parse(line) as { authority: string }).authority, odd)
    }),
  )
})

test('a value of any length makes a line of bounded length', () => {
  const { log, text } = record()
  log.access(visit({ path: `/${'a'.repeat(1_000_000)}` }), outcome)
  assert.ok((text[0] ?? '').length < 10_000)
})
