import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printProblems } from '#src/config/print-problems.ts'
import { brief, HEAD, load, problemsOf } from './loading.ts'

const routes = (text: string) => `${HEAD}routes:\n${text}`

test('all problems are reported at once, each with file, line, column, path, expectation and finding', async () => {
  const problems = await problemsOf(
    routes(`  - from: https://a.test
    to: not an address
    alowed_groups: [devops]
  - from: https://b.test
    to: http://b
    allow_public_unauthenticated_access: perhaps
timeout_read: 30
`),
  )
  assert.deepEqual(brief(problems), [
    'gate.yaml:11:9 routes[0].to expected an address such as https://app.example.com, got "not an address"',
    'gate.yaml:12:5 routes[0].alowed_groups unknown key, did you mean "allowed_groups"?',
    'gate.yaml:15:42 routes[1].allow_public_unauthenticated_access expected true or false, got "perhaps"',
    'gate.yaml:16:15 timeout_read expected a duration such as 30s, got a number without a unit',
  ])
  assert.equal(problems[2]?.expected, 'true or false')
  assert.equal(problems[2]?.found, '"perhaps"')
  assert.equal(problems[2]?.origin, 'file')
})

test('a problem is printed with the line, a caret under the place, and a hint', async () => {
  const problems = await problemsOf(`${HEAD}timeout_read: 30\n`)
  assert.equal(
    printProblems(problems),
    `gate.yaml:9:15: timeout_read: expected a duration such as 30s, got a number without a unit
  9 | timeout_read: 30
    |               ^^
  hint: write the unit, as in 30s, 500ms or 1h30m
`,
  )
})

const refused: [string, string, RegExp][] = [
  ['a route without from', '  - {to: "http://a"}', /"from" is missing/],
  ['a route without to', '  - {from: "https://a"}', /"to" is missing/],
  ['an empty list of targets', '  - {from: "https://a", to: []}', /"to" is missing/],
  [
    'public together with any user',
    '  - {from: "https://a", to: "http://a", allow_public_unauthenticated_access: true, allow_any_authenticated_user: true}',
    /exclude each other/,
  ],
  [
    'public together with users',
    '  - {from: "https://a", to: "http://a", allow_public_unauthenticated_access: true, allowed_users: [x]}',
    /exclude each other/,
  ],
  [
    'any user together with domains',
    '  - {from: "https://a", to: "http://a", allow_any_authenticated_user: true, allowed_domains: [x]}',
    /exclude each other/,
  ],
  ['a blank group', '  - {from: "https://a", to: "http://a", allowed_groups: [""]}', /not blank/],
  ['a blank claim value', '  - {from: "https://a", to: "http://a", allowed_idp_claims: {groups: [" "]}}', /not blank/],
  ['a pattern that does not compile', '  - {from: "https://a", to: "http://a", regex: "/(?=x)"}', /RE2/],
  ['a policy as text', '  - {from: "https://a", to: "http://a", policy: "allow: {}"}', /map with allow and deny/],
  [
    'weights for some targets only',
    '  - {from: "https://a", to: ["http://a,1", "http://b"]}',
    /weight for every address or for none/,
  ],
  ['a weight of 0', '  - {from: "https://a", to: ["http://a,0"]}', /weight of 1 or more/],
  ['h2c', '  - {from: "https://a", to: "h2c://a"}', /h2c: which is not supported yet/],
  ['tcp routes', '  - {from: "tcp+https://a:22", to: "tcp://a:22"}', /tcp\+https: which is not supported yet/],
  ['a password in an address', '  - {from: "https://a", to: "http://user:hunter2@a"}', /without a user name/],
  ['a path in from', '  - {from: "https://a/b", to: "http://a"}', /without a path/],
  [
    'a header with a line break',
    '  - {from: "https://a", to: "http://a", set_request_headers: {X-A: "a\\r\\nX-B: c"}}',
    /printable ASCII/,
  ],
  [
    'a header that belongs to the connection',
    '  - {from: "https://a", to: "http://a", set_request_headers: {Transfer-Encoding: chunked}}',
    /a header that a route may set/,
  ],
  [
    'the same header in two cases',
    '  - {from: "https://a", to: "http://a", set_response_headers: {X-A: a, x-a: b}}',
    /each header once/,
  ],
  ['a redirect', '  - {from: "https://a", redirect: {https_redirect: true}}', /"redirect" is not supported yet/],
  ['an empty mcp', '  - {from: "https://a", to: "http://a", mcp: {}}', /"mcp" is not supported yet/],
  ['a removed route key', '  - {from: "https://a", to: "http://a", set_authorization_header: id_token}', /was removed/],
  ['a global key in a route', '  - {from: "https://a", to: "http://a", cookie_expire: 1h}', /belongs at the top level/],
  ['the same key in two cases', '  - {from: "https://a", to: "http://a", TO: "http://b"}', /the same key twice/],
  [
    'the authenticate host as a route',
    '  - {from: "https://AUTHENTICATE.corp.test", to: "http://a"}',
    /cannot be a route/,
  ],
  [
    'two equal routes',
    '  - {from: "https://a", to: "http://a", allowed_users: [x]}\n  - {from: "https://a/", to: "http://a", allowed_users: [y]}',
    /the same route as routes\[0\]/,
  ],
]

for (const [what, text, words] of refused) {
  test(`${what} is refused by name`, async () => {
    assert.match(brief(await problemsOf(routes(`${text}\n`))).join('\n'), words)
  })
}

const refusedGlobally: [string, string, RegExp][] = [
  ['autocert', 'autocert: true', /"autocert" is not supported yet/],
  ['client certificates', 'downstream_mtls: {ca: eA==}', /"downstream_mtls" is not supported yet/],
  ['the removed client_ca', 'client_ca: eA==', /client_ca.* was removed/],
  ['split services', 'services: proxy', /"services" is not supported yet/],
  [
    'a runtime flag that would change matching',
    'runtime_flags: {match_any_incoming_port: false}',
    /match_any_incoming_port: false.* is not supported yet/,
  ],
  ['a certificate without a key', 'certificate_file: a.pem', /cannot read "a.pem": there is no such file/],
  ['a claim that cannot name a header', 'jwt_claims_headers: ["a/b"]', /stand in a header name/],
  ['a cookie name with a blank', 'cookie_name: "a b"', /cookie name/],
]

for (const [what, text, words] of refusedGlobally) {
  test(`${what} is refused by name`, async () => {
    assert.match(brief(await problemsOf(`insecure_server: true\n${text}\n`)).join('\n'), words)
  })
}

test('an unknown key is a warning when asked for leniency', async () => {
  const configuration = await load('insecure_server: true\npass_identity_header: true\n', { lenient: true })
  assert.equal(configuration.kind, 'ok')
  assert.deepEqual(brief(configuration.warnings), [
    'gate.yaml:2:1 pass_identity_header unknown key, did you mean "pass_identity_headers"?',
  ])
})

test('a route that needs sign-in names everything that is missing for it', async () => {
  const problems = await problemsOf(
    'insecure_server: true\nroutes:\n  - {from: "https://a", to: "http://a", allowed_groups: [g]}\n',
  )
  assert.deepEqual(
    problems.map(({ message }) => message),
    [
      'people have to sign in for this route, but there is no authenticate_service_url, idp_provider, idp_client_id, idp_client_secret, idp_provider_url',
    ],
  )
})

test('a route without sign-in needs no provider', async () => {
  const rules = 'policy: {allow: {or: [{http_method: GET}]}}'
  const configuration = await load(
    `insecure_server: true\nroutes:\n  - {from: "https://a", to: "http://a", ${rules}}\n`,
  )
  assert.equal(configuration.kind, 'ok')
})

const doubtful: [string, string, RegExp][] = [
  [
    'a route behind one that takes all its paths',
    '  - {from: "https://a", to: "http://a", allowed_users: [x]}\n  - {from: "https://A", to: "http://a", prefix: /b/, allowed_users: [x]}',
    /routes\[1\] no request can reach this route: routes\[0\] is matched first/,
  ],
  [
    'a prefix that does not end at a slash',
    '  - {from: "https://a", to: "http://a", prefix: /admin, allowed_users: [x]}',
    /also matches "\/admin-else"/,
  ],
  [
    'a prefix without its first slash',
    '  - {from: "https://a", to: "http://a", prefix: admin, allowed_users: [x]}',
    /no path begins like "admin"/,
  ],
  ['a route that nobody may use', '  - {from: "https://a", to: "http://a"}', /nobody may use this route/],
  [
    'groups on a public route',
    '  - {from: "https://a", to: "http://a", allow_public_unauthenticated_access: true, allowed_groups: [x]}',
    /narrows nothing/,
  ],
  [
    'two path rules',
    '  - {from: "https://a", to: "http://a", prefix: /a/, path: /b, allowed_users: [x]}',
    /"prefix" is not looked at/,
  ],
  [
    'a key without a meaning here',
    '  - {from: "https://a", to: "http://a", regex_priority_order: 3, allowed_users: [x]}',
    /is ignored/,
  ],
]

for (const [what, text, words] of doubtful) {
  test(`${what} draws a warning`, async () => {
    const configuration = await load(routes(`${text}\n`))
    assert.equal(configuration.kind, 'ok')
    assert.match(brief(configuration.warnings).join('\n'), words)
  })
}

test('routes that share a host and nothing else draw no warning', async () => {
  const text = ['/a/', '/b/', '/']
    .map((prefix) => `  - {from: "https://a", to: "http://a", prefix: ${prefix}, allowed_users: [x]}`)
    .join('\n')
  assert.deepEqual((await load(routes(`${text}\n`))).warnings, [])
})

test('what the policy station finds is shown at its place inside the policy', async () => {
  const text = routes(
    '  - from: https://a\n    to: http://a\n    policy:\n      - allow:\n          nor:\n            - favourite_colour: red\n',
  )
  const checkPolicy = () => [
    { path: [0, 'allow', 'nor', 0, 'favourite_colour'], message: 'no such criterion' },
    { path: [0, 'allow', 'nor'], message: 'nor means "not all"', severity: 'warning' as const },
  ]
  const configuration = await load(text, { checkPolicy })
  assert.deepEqual(configuration.kind === 'problems' && brief(configuration.problems), [
    'gate.yaml:15:15 routes[0].policy[0].allow.nor[0].favourite_colour no such criterion',
  ])
  assert.deepEqual(brief(configuration.warnings), ['gate.yaml:14:11 routes[0].policy[0].allow.nor nor means "not all"'])
})

test('empty, missing, half-written and foreign files are problems', async () => {
  const cases: [string, RegExp][] = [
    ['', /empty/],
    ['# nothing\n', /empty/],
    ['null\n', /empty/],
    ['- a\n', /expected a map of settings/],
    ['routes: [{from: "https://a', /the text ends too early/],
    ['address: ":1"\n---\naddress: ":2"\n', /more than one document/],
    ['address: ":1"\naddress: ":2"\n', /the same key twice/],
    ['Issuer: https://dex.corp.test\nstorage: {type: memory}\n', /of the broker, as Dex has it.*\n(?:.*\n)*.*--broker/],
    ['config: {issuer: "https://dex.corp.test"}\n', /of the broker, as Dex has it/],
  ]
  for (const [text, words] of cases) assert.match(printProblems(await problemsOf(text)), words)
  assert.match(
    brief(await problemsOf('', { files: ['none.yaml'] })).join(),
    /none\.yaml:0:0 {2}cannot read the configuration: there is no such file/,
  )
  assert.match(
    brief(await problemsOf('', { files: ['gate.toml'], beside: { 'gate.toml': 'a = 1' } })).join(),
    /form of the file is not known/,
  )
})

test('idp_provider: github is refused at its place, with or without a route that wants people to sign in', async () => {
  const text = HEAD.replace('idp_provider: oidc', 'idp_provider: github')
  for (const published of [
    '',
    'routes:\n  - {from: "https://a.test", to: "http://a", allow_any_authenticated_user: true}\n',
  ])
    assert.deepEqual(brief(await problemsOf(text + published)), [
      'gate.yaml:3:15 idp_provider "github" is not supported yet: it offers no OpenID Connect sign-in',
    ])
})

test('a file that cannot be read is one problem: what stands in it is not called missing besides', async () => {
  const text = HEAD.replace('insecure_server: true', 'certificate_file: leaf.pem\ncertificate_key_file: key.pem')
    .replace('idp_client_secret: pomerium', 'idp_client_secret_file: client')
    .replace(/^shared_secret: .*$/m, 'shared_secret_file: shared')
  const problems = await problemsOf(
    `${text}routes:\n  - {from: "https://a.test", to: "https://a", tls_custom_ca_file: ca.pem, allow_any_authenticated_user: true}\n`,
  )
  assert.deepEqual(
    problems.map(({ path, message }) => `${path}: ${message}`),
    [
      'certificate_file',
      'certificate_key_file',
      'idp_client_secret_file',
      'shared_secret_file',
      'routes[0].tls_custom_ca_file',
    ].map(
      (path, index) =>
        `${path}: cannot read "${['leaf.pem', 'key.pem', 'client', 'shared', 'ca.pem'][index]}": there is no such file`,
    ),
  )
})
