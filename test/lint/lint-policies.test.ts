import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { lintPolicies, lintRules } from '#src/lint/lint-policies.ts'
import { literalStart, takesEverything } from '#src/lint/regex-text.ts'
import { head, settingsOf } from '../trial/settings-of.ts'

/** `line:column message` of each warning for routes written after the head of ten lines. */
async function lint(routes: string, top: string = head): Promise<string[]> {
  const warnings = lintPolicies(await settingsOf(`routes:\n${routes}`, top))
  return warnings.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

/** A route whose policy stands from line 14 on. */
const policy = (text: string) =>
  `  - from: https://app.test\n    to: http://127.0.0.1:1\n    policy:\n      ${text.trim().replaceAll('\n', '\n      ')}\n`

type Map = Readonly<Record<string, unknown>>

/** An example of the reference as a whole configuration: settings of its own over the usual ones, what is missing of its routes filled in. */
async function namesFor(example: string): Promise<string[]> {
  const written: unknown = parse(example)
  const own = Array.isArray(written) ? { routes: written } : (written as Map)
  const { routes = [own], ...settings } = 'routes' in own ? own : {}
  const whole = (routes as Map[]).map((route, index) => ({
    from: 'https://app.test',
    to: `http://127.0.0.1:${index + 1}`,
    ...route,
  }))
  const top = stringify({ ...(parse(head) as Map), ...settings })
  const warnings = lintPolicies(await settingsOf(stringify({ routes: whole }), top))
  return warnings.map(({ message }) => / \(([a-z-]+)\)$/.exec(message)?.[1] ?? '')
}

for (const { name, bad, rewrite } of lintRules) {
  test(`${name}: the example of the reference is warned about, its rewrite is not`, async () => {
    assert.deepEqual(await namesFor(bad), [name])
    assert.deepEqual(await namesFor(rewrite), [])
  })
}

test('a warning stands at the key that is meant, with its line, its path and a way out', async () => {
  const [warning] = lintPolicies(await settingsOf(`routes:\n${policy('allow:\n  nor:\n    - http_method: DELETE')}`))
  assert.deepEqual(warning, {
    severity: 'warning',
    kind: 'doubtful',
    origin: 'file',
    file: 'gate.yaml',
    line: 16,
    column: 9,
    path: 'routes[0].policy.allow.nor',
    message: 'nor is true where any of its criteria is false, so it lets in nearly everybody (nor)',
    expected: undefined,
    found: undefined,
    hint: 'write not: for "none of these"',
    excerpt: { text: '        nor:', column: 9, length: 3 },
  })
})

test('blocks in rules of their own are no surprise', async () => {
  assert.deepEqual(
    await lint(policy('- allow:\n    and:\n      - groups: a\n- allow:\n    or:\n      - groups: b')),
    [],
  )
})

test('data that means nothing may be written in the usual ways', async () => {
  assert.deepEqual(
    await lint(policy('allow:\n  or:\n    - authenticated_user: true\n    - cors_preflight:\n    - accept: 1')),
    [],
  )
})

test('what can never be met is found', async () => {
  const item = async (criterion: string) => {
    const [found = 'nothing'] = await lint(policy(`allow:\n  or:\n    - ${criterion}`))
    return found.replace(/^17:13 | \(never-matches\)$/g, '')
  }
  assert.equal(await item('email: {in: []}'), 'email can never be met: its list is empty')
  assert.equal(await item('email: [a@x.test, b@x.test]'), 'email can never be met: is takes one text, not a list')
  assert.equal(await item('user: 5'), 'user can never be met: 5 is no text')
  assert.equal(await item('http_method: get'), 'http_method can never be met: methods are upper case')
  assert.equal(await item('http_path: admin/'), 'http_path can never be met: every path begins with a slash')
  assert.equal(await item('http_path: /x?y=1'), 'http_path can never be met: a path ends before the ?')
  assert.equal(await item('domain: "@corp.test"'), 'domain can never be met: a domain is what stands behind the @')
  assert.equal(await item('email: corp.test'), 'email can never be met: every address has an @')
  assert.equal(
    await item('email: {is: a@x.test, ends_with: "@y.test"}'),
    'email can never be met: its operators contradict each other',
  )
  assert.equal(
    await item('claim/role: {has: a, exclude: a}'),
    'claim/role can never be met: it wants and excludes the same value',
  )
  for (const good of [
    'email: {ends_with: "@y.test"}',
    'groups: {exclude: a}',
    'http_path: {contains: x}',
    'domain: {in: [a.test, "@b"]}',
  ])
    assert.equal(await item(good), 'nothing', good)
})

test('a user may be named by an id that is no address, a domain only without the @', async () => {
  const access = (text: string) => lint(route('https://app.test', text, 1).replace(/ {4}allow_any.*\n/, ''))
  assert.deepEqual(await access('allowed_users: [u-123]'), [])
  assert.deepEqual(await access('allowed_domains: ["@corp.test"]'), [
    '13:23 domain can never be met: a domain is what stands behind the @ (never-matches)',
  ])
})

test('an `and` that wants one thing to be two, or what is always false, is found', async () => {
  const block = (text: string) => lint(policy(`allow:\n  and:\n    - ${text}`))
  assert.deepEqual(await block('domain: a.test\n    - domain: b.test'), [
    '16:9 this and can never be met: domain cannot be a.test and b.test at once (never-matches)',
  ])
  assert.deepEqual(await block('reject: true\n    - groups: a'), [
    '16:9 this and can never be met: reject is always false (never-matches)',
  ])
  assert.deepEqual(await block('groups: a\n    - groups: b'), [])
})

const route = (from: string, rule: string, port: number) =>
  `  - from: ${from}\n    ${rule}\n    to: http://127.0.0.1:${port}\n    allow_any_authenticated_user: true\n`

test('a route is hidden by an earlier prefix, pattern or host pattern that takes all of it', async () => {
  const hidden = async (...routes: [from: string, rule: string][]) => {
    const found = await lint(routes.map(([from, rule], index) => route(from, rule, index + 1)).join(''))
    return found.filter((text) => text.includes('hidden-route')).length
  }
  const app = 'https://app.test'
  assert.equal(await hidden([app, 'prefix: /a/'], [app, 'path: /a/b']), 1)
  assert.equal(await hidden([app, 'prefix: /a/'], [app, 'regex: "^/a/b.*$"']), 1)
  assert.equal(await hidden([app, 'regex: "^/.*$"'], [app, 'prefix: /a/']), 1)
  assert.equal(await hidden(['https://*.test', 'prefix: /'], ['https://*.apps.test', 'prefix: /']), 1)
  assert.equal(await hidden(['https://app.test:8443', 'prefix: /'], [app, 'prefix: /']), 0)
  assert.equal(await hidden([app, 'prefix: /a/'], [app, 'prefix: /']), 0)
  assert.equal(await hidden([app, 'prefix: /a/'], [app, 'regex: "/a/b|/c"']), 0)
  assert.equal(await hidden(['https://*.test', 'prefix: /'], [app, 'prefix: /']), 0)
  assert.equal(await hidden(['https://*.apps.test', 'prefix: /'], ['https://*.test', 'prefix: /']), 0)
  assert.equal(await hidden([app, 'path: /a'], [app, 'prefix: /a']), 0)
})

test('with escaped slashes kept, a route that another spelling gets around is named with who takes it', async () => {
  const routes = route('https://app.test', 'prefix: /admin/', 1) + route('https://app.test', 'prefix: /', 2)
  assert.deepEqual(await lint(routes), [])
  assert.deepEqual(await lint(routes, `${head}path_with_escaped_slashes_action: keep_unchanged\n`), [
    '14:5 "/admin%2fx" is not taken by this route but by routes[1] (path-spelling)',
  ])
})

test('starts_with on a path needs its slash only where it lets somebody in', async () => {
  const starts = '- http_path: {starts_with: /admin}'
  assert.deepEqual(await lint(policy(`allow:\n  or:\n    ${starts}`)), [
    '17:13 starts_with /admin also opens "/admin-else" (prefix-boundary)',
  ])
  assert.deepEqual(await lint(policy(`deny:\n  or:\n    ${starts}`)), [])
})

test('claims are doubted only of providers whose claims are known', async () => {
  const groups = route('https://app.test', 'allowed_groups: [a]', 1).replace(
    '    allow_any_authenticated_user: true\n',
    '',
  )
  const named = async (provider: string, scopes = '') => {
    const top = head
      .replace(/^idp_scopes.*\n/m, scopes)
      .replace('idp_provider: oidc\nidp_provider_url: http://127.0.0.1:26998', provider)
    return (await lint(groups, top)).length
  }
  assert.equal(await named('idp_provider: oidc\nidp_provider_url: https://dex.corp.test'), 1)
  assert.equal(await named('idp_provider: oidc\nidp_provider_url: https://sso.corp.test/dex'), 1)
  assert.equal(
    await named('idp_provider: oidc\nidp_provider_url: https://sso.corp.test/dex', 'idp_scopes: [openid, groups]\n'),
    0,
  )
  assert.equal(await named('idp_provider: oidc\nidp_provider_url: https://sso.corp.test/realms/team'), 0)
  assert.equal(await named('idp_provider: google'), 1)
  assert.equal(await named('idp_provider: okta\nidp_provider_url: https://corp.okta.test'), 0)
})

test('a tenant of your own verifies its addresses', async () => {
  const named = async (url: string, rule: string) =>
    (
      await lint(
        `  - from: https://app.test\n    to: http://127.0.0.1:1\n    ${rule}\n`,
        head.replace('idp_provider: oidc\nidp_provider_url: http://127.0.0.1:26998', `idp_provider: azure\n${url}`),
      )
    ).filter((text) => text.includes('unverified-domain')).length
  const common = 'idp_provider_url: https://login.microsoftonline.com/common/v2.0'
  assert.equal(await named(common, 'allowed_domains: [corp.test]'), 1)
  assert.equal(await named(common, 'allowed_users: [ann@corp.test]'), 1)
  assert.equal(await named(common, 'policy: {allow: {and: [{domain: corp.test}, {claim/tid: t1}]}}'), 0)
  assert.equal(
    await named('idp_provider_url: https://login.microsoftonline.com/t1/v2.0', 'allowed_domains: [corp.test]'),
    0,
  )
})

test('the start of a pattern is told only as far as it is certain', () => {
  const cases: [pattern: string, start: string][] = [
    ['^/admin/.*$', '/admin/'],
    ['/a\\.b/x', '/a.b/x'],
    ['/ab?c', '/a'],
    ['/ab*', '/a'],
    ['/a{2}', '/'],
    ['/a|/b', ''],
    ['/a\\d', '/a'],
    ['(/a)', ''],
  ]
  for (const [pattern, start] of cases) assert.equal(literalStart(pattern), start, pattern)
  assert.ok(['.*', '^/.*$', '/(.*)'].every(takesEverything))
  assert.ok(!takesEverything('/.+'))
})

test('spans that hold nothing, and criteria of one `and` that exclude one another, are found', async () => {
  const found = async (...criteria: string[]) => {
    const warnings = await lint(policy(`allow:\n  and:\n${criteria.map((one) => `    - ${one}`).join('\n')}`))
    return warnings.map((text) => text.replace(/^\d+:\d+ (.*) \(never-matches\)$/, '$1'))
  }
  const item = async (criterion: string) => (await found(criterion)).join().replace(/^[a-z_]+ can never be met: /, '')
  assert.equal(await item('source_ip: []'), 'its list is empty')
  assert.equal(await item("date: {after: '2026-02-01', before: '2026-01-01'}"), 'it ends before it begins')
  assert.equal(await item("date: {after: '2026-01-01', before: '2026-01-01T00:00:01Z'}"), '')
  assert.equal(await item("time_of_day: {timezone: UTC, after: '09:00', before: '09:00'}"), 'it ends when it begins')
  assert.equal(await item("time_of_day: {timezone: UTC, after: '20:00', before: '06:00'}"), '')

  const together = async (...criteria: string[]) =>
    (await found(...criteria)).join().replace('this and can never be met: ', '')
  assert.equal(
    await together('source_ip: 10.0.0.0/8', 'source_ip: [192.168.0.0/16, 2001:db8::/32]'),
    'no address is in 10.0.0.0/8 and in 192.168.0.0/16 or 2001:db8::/32',
  )
  assert.equal(await together('source_ip: 10.1.2.3/8', 'source_ip: [192.168.0.0/16, 10.9.0.0/16]'), '')
  assert.equal(
    await together("date: {before: '2026-01-01'}", "date: {after: '2026-01-01'}"),
    'its dates have no moment in common',
  )
  assert.equal(await together('groups: {is: a}', 'claim/groups: {is: b}'), 'claim/groups cannot be only a and only b')
  assert.equal(await together('groups: {is: a}', 'groups: b'), 'claim/groups cannot be only a and have b')
  assert.equal(await together('groups: a', 'groups: {exclude: a}'), 'claim/groups cannot have a and exclude it')
  assert.equal(await together('groups: a', 'groups: b', 'groups: {exclude: c}', 'claim/x: {is: a}'), '')
  assert.equal(await together('email: a@x.test', 'domain: y.test'), 'a@x.test is no address at y.test')
  assert.equal(await together('email: a@x.test', 'domain: x.test'), '')
})

test('a path that no request has is found, with the spelling that is compared', async () => {
  const hint = async (rule: string, top = head) => {
    const route = `routes:\n  - { from: https://a.test, to: http://a, ${rule}, allowed_groups: [a] }\n`
    const remarks = lintPolicies(await settingsOf(route, top)).filter(({ message }) => /unreachable-path/.test(message))
    return remarks.map(({ hint }) => hint).join()
  }
  assert.equal(await hint("prefix: '/é b/'"), 'write prefix: /%C3%A9%20b/')
  assert.equal(await hint('prefix: /a//b/'), 'write prefix: /a/b/')
  assert.equal(await hint('prefix: /a//b/', `${head}merge_slashes: false\n`), '')
  assert.equal(await hint('path: /a/../b'), 'write path: /b')
  assert.equal(await hint("path: '/a?x=1'"), 'write path: /a')
  assert.equal(await hint('path: /a%2fb'), 'write the path as it is forwarded')
  assert.equal(await hint('path: /a%2fb', `${head}path_with_escaped_slashes_action: keep_unchanged\n`), '')
  assert.equal(await hint('path: /ping'), 'use another path, or remove it')
  for (const good of ['path: /%c3%a9', 'prefix: /a%2', 'prefix: /.', 'prefix: /ping', "prefix: '/a{b}'"])
    assert.equal(await hint(good), good.includes('{') ? 'write prefix: /a%7Bb%7D' : '', good)
})
