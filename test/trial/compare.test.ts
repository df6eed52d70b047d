import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareTrials } from '#src/trial/compare/compare.ts'
import { requestOf } from '#src/trial/request.ts'
import type { Person } from '#src/trial/subject.ts'
import { openTrial } from '#src/trial/trial.ts'
import { settingsOf } from './settings-of.ts'

const now = Date.UTC(2026, 0, 7, 12)
const noRecords = [new Map(), new Map()] as const

function route(access: object, more: object = {}): object {
  return { from: 'https://app.corp.test', name: 'app', to: 'http://app', ...more, ...access }
}

async function compared(before: readonly object[], after: readonly object[], people: readonly Person[] = []) {
  const trial = async (routes: readonly object[]) => openTrial(await settingsOf(`routes: ${JSON.stringify(routes)}\n`))
  const questions = people.map((subject) => ({ subject, request: requestOf('https://app.corp.test/', now) }))
  return compareTrials(await trial(before), await trial(after), { questions, records: noRecords, now })
}

/** `loss the group devops: allow → deny`, `… with the method GET`. */
async function differences(before: readonly object[], after: readonly object[], people: readonly Person[] = []) {
  const { routes } = await compared(before, after, people)
  return routes.flatMap((one) =>
    one.differences.map(
      ({ kind, who, request, before: old, after: next }) =>
        `${kind} ${who}${request === '' ? '' : ` with ${request}`}: ${old} → ${next}`,
    ),
  )
}

const policy = (...rules: object[]) => ({ policy: rules })
const allow = (...or: object[]) => ({ allow: { or } })
const deny = (...or: object[]) => ({ deny: { or } })

const edits: readonly [string, object, object, readonly string[]][] = [
  ['the same rules', { allowed_groups: ['a'] }, { allowed_groups: ['a'] }, []],
  ['the same rules in other words', { allowed_groups: ['a'] }, policy(allow({ 'claim/groups': 'a' })), []],
  ['the same rules in another order', { allowed_groups: ['a', 'b'] }, { allowed_groups: ['b', 'a'] }, []],
  [
    'a group for another',
    { allowed_groups: ['a'] },
    { allowed_groups: ['b'] },
    ['loss the group a: allow → deny', 'gain the group b: deny → allow'],
  ],
  [
    'users by name',
    { allowed_users: ['ada@corp.test', 'bob@corp.test', 'eve@corp.test'] },
    { allowed_users: ['bob@corp.test'] },
    ['loss ada@corp.test: allow → deny', 'loss eve@corp.test: allow → deny'],
  ],
  [
    'users of one list, each by name',
    policy(allow({ email: { in: ['ada@corp.test', 'bob@corp.test', 'eve@corp.test'] } })),
    policy(allow({ email: { in: ['bob@corp.test'] } })),
    ['loss ada@corp.test: allow → deny', 'loss eve@corp.test: allow → deny'],
  ],
  [
    'a domain opened to all who sign in',
    { allowed_domains: ['corp.test'] },
    { allow_any_authenticated_user: true },
    ['gain anybody who is signed in: deny → allow'],
  ],
  [
    'a public route closed',
    { allow_public_unauthenticated_access: true },
    { allowed_groups: ['a'] },
    ['loss anybody without signing in: allow → sign-in', 'loss anybody who is signed in: allow → deny'],
  ],
  [
    'a rule that keeps somebody out',
    policy(allow({ domain: 'corp.test' })),
    policy(allow({ domain: 'corp.test' }), deny({ email: 'eve@corp.test' })),
    ['loss eve@corp.test: allow → deny'],
  ],
  [
    'a group that no longer helps alone',
    policy(allow({ groups: 'a' })),
    policy({ allow: { and: [{ groups: 'a' }, { http_method: 'GET' }] } }),
    ['loss the group a: allow → deny'],
  ],
  [
    'a network made smaller around the same first address',
    policy(allow({ source_ip: '10.0.0.0/8' })),
    policy(allow({ source_ip: '10.0.0.0/16' })),
    [
      'loss anybody without signing in with the address 10.255.255.255 or the address 10.1.0.0: allow → deny',
      'loss anybody who is signed in with the address 10.255.255.255 or the address 10.1.0.0: allow → deny',
    ],
  ],
  [
    'a path opened',
    policy(allow({ groups: 'a' })),
    policy(allow({ groups: 'a' }, { http_path: { starts_with: '/open' } })),
    [
      'gain anybody without signing in with the path /open or the path /open/x: sign-in → allow',
      'gain anybody who is signed in with the path /open or the path /open/x: deny → allow',
    ],
  ],
  [
    'office hours',
    policy(allow({ groups: 'a' })),
    policy({
      allow: { and: [{ groups: 'a' }, { time_of_day: { timezone: 'UTC', after: '9:00 am', before: '5:00 pm' } }] },
    }),
    // Noon, the moment that is asked for, is within them.
    ['loss the group a with the time 2026-01-07T00:00Z, or another like it: allow → deny'],
  ],
  [
    'a header asked for',
    policy(allow({ groups: 'a' })),
    policy({ allow: { and: [{ groups: 'a' }, { 'header/x-api': '2' }] } }),
    ['loss the group a: allow → deny'],
  ],
  [
    'a sign-in that must be fresh',
    { allowed_groups: ['a'] },
    policy({ allow: { and: [{ groups: 'a' }, { auth_age: '1h' }] } }),
    ['loss the group a and a sign-in more than 1h ago: allow → sign-in'],
  ],
  [
    'four things at once',
    policy({
      allow: {
        and: [
          { groups: 'a' },
          { groups: 'b' },
          { 'claim/team': 'x' },
          { http_method: 'PUT' },
          { source_ip: '10.0.0.1' },
        ],
      },
    }),
    policy({
      allow: {
        and: [
          { groups: 'a' },
          { groups: 'b' },
          { 'claim/team': 'x' },
          { http_method: 'PUT' },
          { source_ip: '10.0.0.2' },
        ],
      },
    }),
    [
      'loss the group a and the group b and the claim team with x with the address 10.0.0.1 and the method PUT: allow → deny',
      'gain the group a and the group b and the claim team with x with the address 10.0.0.2 and the method PUT: deny → allow',
    ],
  ],
]

for (const [title, before, after, expected] of edits) {
  test(`${title}: ${expected.length === 0 ? 'no difference' : 'told'}`, async () => {
    assert.deepEqual((await differences([route(before)], [route(after)])).sort(), [...expected].sort())
  })
}

test('a route that is gone, and one that is new, are losses and gains of those they let in', async () => {
  const old = route({ allowed_groups: ['a'] })
  const next = route({ allowed_groups: ['a'] }, { from: 'https://other.corp.test', name: 'other' })
  assert.deepEqual(await differences([old], [next]), [
    'other anybody without signing in: sign-in → no-route',
    'other anybody who is signed in: deny → no-route',
    'loss the group a: allow → no-route',
    'other anybody without signing in: no-route → sign-in',
    'other anybody who is signed in: no-route → deny',
    'gain the group a: no-route → allow',
  ])
})

test('a new route in front of an old one takes its requests, and only there somebody gains', async () => {
  const old = route({ allowed_groups: ['a'] })
  const open = route({ allow_public_unauthenticated_access: true }, { prefix: '/open/', name: 'open' })
  const { routes } = await compared([old], [open, old])
  assert.deepEqual(
    routes.map(({ before, after, url }) => [before?.name, after?.name, url]),
    [['app', 'open', 'https://app.corp.test/open/']],
  )
  assert.deepEqual(
    routes[0]?.differences.map(({ kind, who }) => `${kind} ${who}`),
    ['gain anybody without signing in', 'gain anybody who is signed in'],
  )
})

test('routes by pattern, of host and of path, are asked for', async () => {
  const at = (more: object) => (access: object) => route(access, more)
  for (const make of [
    at({ from: 'https://*.corp.test' }),
    at({ regex: '^/api/v[0-9]+/(users|groups)/.*$' }),
    at({ path: '/only' }),
    at({ prefix: '/admin' }),
    at({ from: 'https://app.corp.test:8443' }),
  ]) {
    const found = await differences([make({ allowed_groups: ['a'] })], [make({ allowed_groups: ['b'] })])
    assert.deepEqual(found, ['loss the group a: allow → deny', 'gain the group b: deny → allow'])
  }
})

test('a route that nothing reaches is told of once it has changed, and not before', async () => {
  const odd = (group: string) => [route({ allowed_groups: [group] }, { regex: '/\\pL\\pN' })]
  assert.match((await compared(odd('a'), odd('b'))).notes.join(), /app \(gate\.yaml:11\): no request was found/)
  assert.deepEqual((await compared(odd('a'), odd('a'))).notes, [])
})

test('people of the cases are named, beside the values of the rules', async () => {
  const people = [
    { email: 'ada@corp.test', groups: ['a'], claims: {} },
    { email: 'bob@corp.test', groups: ['c'], claims: {} },
  ]
  const { routes } = await compared([route({ allowed_groups: ['a'] })], [route({ allowed_groups: ['b'] })], people)
  const named = routes[0]?.differences.filter(({ from }) => from === 'cases')
  assert.deepEqual(
    named?.map(({ who, kind }) => [who, kind]),
    [['ada@corp.test', 'loss']],
  )
})

test('the rule that a difference turns on is told with its place', async () => {
  const { routes } = await compared(
    [route(policy(allow({ domain: 'corp.test' })))],
    [route(policy(allow({ domain: 'corp.test' }), deny({ email: 'eve@corp.test' })))],
  )
  const { rule, side } = routes[0]?.differences[0] ?? assert.fail()
  assert.deepEqual(
    [side, rule?.action, rule?.words, rule?.place.file, rule?.place.line],
    ['after', 'deny', 'the user eve@corp.test', 'gate.yaml', 11],
  )
})

test('many values are compared within bounds, and it is said that there are bounds', async () => {
  const groups = (from: number) => Array.from({ length: 300 }, (_, index) => `g${from + index}`)
  const users = (from: number) => Array.from({ length: 500 }, (_, index) => `u${from + index}@corp.test`)
  const make = (from: number) => [route({ allowed_groups: groups(from), allowed_users: users(from) })]
  const { routes, notes } = await compared(make(0), make(1))
  assert.deepEqual(routes[0]?.differences.map(({ kind, who }) => `${kind} ${who}`).sort(), [
    'gain the group g300',
    'gain u500@corp.test',
    'loss the group g0',
    'loss u0@corp.test',
  ])
  assert.match(notes.join(), /more combinations than can be tried/)
})

/** Policies small enough that every person and request they tell apart can be listed. */
const leaf = fc.constantFrom(
  { groups: 'a' },
  { groups: { exclude: 'b' } },
  { email: 'ada@corp.test' },
  { domain: 'corp.test' },
  { http_method: 'POST' },
  { authenticated_user: true },
  { source_ip: '10.0.0.0/8' },
)
const rules = fc.array(
  fc.tuple(
    fc.constantFrom('allow', 'deny'),
    fc.constantFrom('and', 'or', 'not', 'nor'),
    fc.array(leaf, { minLength: 1, maxLength: 3 }),
  ),
  { minLength: 1, maxLength: 3 },
)

test('there is a difference where, and only where, some person and request are decided otherwise', async () => {
  const people: readonly (Person | 'nobody')[] = [
    'nobody',
    ...['ada@corp.test', 'bob@corp.test', 'eve@else.test'].flatMap((email) =>
      [[], ['a'], ['b'], ['a', 'b']].map((groups) => ({ email, groups, claims: {} })),
    ),
  ]
  const requests = ['GET', 'POST'].flatMap((method) =>
    ['10.1.1.1', '192.0.2.9'].map((address) => requestOf('https://app.corp.test/', now, { method, address })),
  )
  const written = (list: readonly (readonly [string, string, readonly object[]])[]) => [
    route({ policy: list.map(([action, kind, items]) => ({ [action]: { [kind]: items } })) }),
  ]
  await fc.assert(
    fc.asyncProperty(rules, rules, async (one, two) => {
      const [before, after] = [written(one), written(two)]
      const [old, next] = [
        openTrial(await settingsOf(`routes: ${JSON.stringify(before)}\n`)),
        openTrial(await settingsOf(`routes: ${JSON.stringify(after)}\n`)),
      ]
      const differs = people.some((who) =>
        requests.some((request) => old.decide(request, who).decision !== next.decide(request, who).decision),
      )
      const { routes } = compareTrials(old, next, { questions: [], records: noRecords, now })
      assert.equal(routes.length > 0, differs)
    }),
    { numRuns: 300 },
  )
})

test('a pattern that takes less than before is a loss, and that two patterns were compared by trying is told', async () => {
  const at = (regex: string) => [route({ allowed_groups: ['a'] }, { regex })]
  const { routes, notes } = await compared(at('^/api/v[0-9]+/.*'), at('^/api/v[0-9]/.*'))
  assert.deepEqual(
    routes.flatMap(({ url, differences }) =>
      differences.map(({ kind, who, after }) => `${kind} ${who} ${after} ${url}`),
    ),
    [
      'other anybody without signing in no-route https://app.corp.test/api/v11/x',
      'other anybody who is signed in no-route https://app.corp.test/api/v11/x',
      'loss the group a no-route https://app.corp.test/api/v11/x',
    ],
  )
  assert.deepEqual(notes, [
    'app (gate.yaml:11): its paths are given by another pattern than before; some that it could take were tried, not all',
  ])
  const same = await compared(at('^/a/.*'), at('^/a/.*'))
  assert.deepEqual(same.notes, [])
})
