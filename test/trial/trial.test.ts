import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requestOf, type TrialRequest } from '#src/trial/request.ts'
import type { Person, Subject } from '#src/trial/subject.ts'
import { openTrial } from '#src/trial/trial.ts'
import { head, settingsOf } from './settings-of.ts'

const noon = Date.UTC(2026, 0, 7, 12)

const routes = `routes:
  - from: https://hello.corp.test
    name: hello
    to: http://127.0.0.1:26997
    allowed_groups:
      - devops
  - from: https://wiki.corp.test
    prefix: /admin/
    to: http://127.0.0.1:26997
    allowed_users: [ann@corp.test]
  - from: https://wiki.corp.test
    to: http://127.0.0.1:26997
    policy:
      - allow:
          or:
            - domain:
                is: corp.test
        deny:
          or:
            - email:
                is: mallory@corp.test
  - from: https://*.apps.test
    to: http://127.0.0.1:26997
    allow_public_unauthenticated_access: true
`

function person(email: string, groups: readonly string[] = [], more: Partial<Person> = {}): Person {
  return { email, groups, claims: {}, ...more }
}

const trial = openTrial(await settingsOf(routes))

function decide(url: string, who: Subject, more: Partial<TrialRequest> = {}) {
  const { decision, route, reasons } = trial.decide(requestOf(url, noon, more), who)
  return { decision, route: route?.name, reasons }
}

test('a group member is allowed, somebody else denied, a stranger asked to sign in', () => {
  const url = 'https://hello.corp.test/x'
  assert.deepEqual(decide(url, person('alice@corp.test', ['devops'])), {
    decision: 'allow',
    route: 'hello',
    reasons: ['claim-ok'],
  })
  assert.deepEqual(decide(url, person('bob@corp.test', ['finance'])), {
    decision: 'deny',
    route: 'hello',
    reasons: ['claim-unauthorized'],
  })
  assert.deepEqual(decide(url, 'nobody'), { decision: 'sign-in', route: 'hello', reasons: ['user-unauthenticated'] })
})

test('a deny rule gives its own reasons', () => {
  assert.deepEqual(decide('https://wiki.corp.test/', person('mallory@corp.test')), {
    decision: 'deny',
    route: 'https://wiki.corp.test',
    reasons: ['email-ok'],
  })
})

test('the path is made canonical before a route is looked for', () => {
  const bob = person('bob@corp.test')
  for (const path of ['/admin/x', '/public/../admin/x', '//admin/x', '/%61dmin/x', '/./admin/x?y#z']) {
    assert.equal(decide(`https://wiki.corp.test${path}`, bob).route, 'https://wiki.corp.test/admin/', path)
  }
  assert.equal(decide('https://wiki.corp.test/administration', bob).decision, 'allow')
})

test('what the listener refuses is refused here', () => {
  const reason = (url: string, method = 'GET') => decide(url, 'nobody', { method }).reasons[0]
  assert.equal(reason('https://wiki.corp.test/admin%2fx'), 'escaped-slash')
  assert.equal(reason('https://wiki.corp.test/a%zz'), 'path-malformed')
  assert.equal(reason('https://wiki.corp.test\\@evil.test/'), 'host-invalid')
  assert.equal(reason('https://user:pass@wiki.corp.test/'), 'host-invalid')
  assert.equal(reason('https:///x'), 'host-invalid')
  assert.equal(reason('https://wiki.corp.test/', 'TRACE'), 'method-refused')
  assert.equal(decide('https://wiki.corp.test/admin%2fx', 'nobody').decision, 'refused')
})

test('with escaped slashes kept the escape is no slash to the routes', async () => {
  const settings = await settingsOf(routes, `${head}path_with_escaped_slashes_action: keep_unchanged\n`)
  const { route } = openTrial(settings).decide(requestOf('https://wiki.corp.test/admin%2fx', noon), 'nobody')
  assert.equal(route?.name, 'https://wiki.corp.test')
})

test('hosts are found without regard to case and port, patterns and names beyond ASCII included', () => {
  assert.equal(decide('HTTPS://HELLO.corp.test:8443/', 'nobody').route, 'hello')
  assert.equal(decide('hello.corp.test', 'nobody').route, 'hello')
  assert.equal(decide('https://bücher.apps.test/ä b', 'nobody').decision, 'allow')
  assert.deepEqual(decide('https://other.test/', 'nobody'), { decision: 'no-route', route: undefined, reasons: [] })
})

test("the proxy's own pages are nobody's to allow", () => {
  for (const url of [
    'hello.corp.test/.pomerium/user',
    'hello.corp.test/ping',
    'authenticate.corp.test/oauth2/callback',
  ]) {
    assert.equal(decide(`https://${url}`, 'nobody').decision, 'own-page', url)
  }
  for (const path of ['/.pomeriums', '/oauth2/callback', '/robots.txt', '/'])
    assert.equal(decide(`https://hello.corp.test${path}`, 'nobody').decision, 'sign-in', path)
})

test('an address that nobody verified opens no domain, whichever way that is said', () => {
  const url = 'https://wiki.corp.test/'
  assert.equal(decide(url, person('bob@corp.test', [], { emailVerified: false })).decision, 'deny')
  assert.equal(decide(url, person('bob@corp.test', [], { claims: { email_verified: false } })).decision, 'deny')
})

test('an explanation decides the same and shows each criterion at its line', () => {
  const request = requestOf('https://wiki.corp.test/', noon)
  const explained = trial.explain(request, person('mallory@corp.test'))
  const { tree, ...rest } = explained
  assert.deepEqual({ ...rest, tree: undefined }, trial.decide(request, person('mallory@corp.test')))
  const [route] = trial.routes.filter(({ name }) => name === 'https://wiki.corp.test')
  const criteria = tree?.flatMap(({ children }) => children.flatMap((block) => block.children)) ?? []
  const seen = criteria.map(
    ({ name, saw, source }) => `${route?.locate(source).line}:${route?.locate(source).column} ${name} ${saw}`,
  )
  assert.deepEqual(seen, ['26:15 domain corp.test', '30:15 email mallory@corp.test'])
})

test('a short-hand is shown at its value', () => {
  const { tree, route } = trial.explain(requestOf('https://hello.corp.test/', noon), 'nobody')
  const leaf = tree?.[0]?.children[0]?.children[0]
  const place = trial.routes[0]?.locate(leaf?.source ?? [])
  assert.deepEqual([place?.file, place?.line, place?.column], ['gate.yaml', 16, 9])
  assert.equal(route?.source.line, 12)
})

test('the word "false", which some providers send for an unverified address, counts offline as it does at sign-in', async () => {
  const trial = openTrial(
    await settingsOf('routes:\n  - { from: https://a.test, to: http://a, allowed_domains: [corp.test] }\n'),
  )
  const decision = (verified: unknown) =>
    trial.decide(requestOf('https://a.test/', 0), {
      email: 'ann@corp.test',
      groups: [],
      claims: { email_verified: verified },
    }).decision
  assert.deepEqual([true, 'true', 'false', false].map(decision), ['allow', 'allow', 'deny', 'deny'])
})
