/** Random routes, policies, people and requests for tests that compare two ways to one decision. */
import fc from 'fast-check'
import type { Claims } from '#src/session/session.ts'

/** Who asks, as the provider tells it. */
export interface Somebody {
  readonly claims: Claims
  /** Milliseconds since the epoch. */
  readonly signedInAt: number
}

export interface Asked {
  readonly method: string
  /** The Host field. */
  readonly authority: string
  /** Path and query as sent. */
  readonly target: string
  readonly headers: readonly (readonly [string, string])[]
  readonly address: string
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly who: Somebody | undefined
}

const words = [
  'ann@acme.test',
  'Ann@acme.test',
  'bob@other.test',
  'acme.test',
  'other.test',
  'dev',
  'ops',
  'a',
  '',
  'u1',
]
const word = fc.constantFrom(...words)
const paths = ['/', '/a', '/a/', '/admin', '/admin/x', '/a b', '/é', '/x%2fy']

function textData(some: fc.Arbitrary<string>) {
  const operators = ['is', 'not', 'contains', 'starts_with', 'ends_with'] as const
  return fc.oneof(
    some,
    fc.dictionary(fc.constantFrom(...operators), some, { minKeys: 1, maxKeys: 2, noNullPrototype: true }),
    fc.record({ in: fc.array(some, { maxLength: 3 }) }),
    fc.record({ not_in: fc.array(some, { maxLength: 3 }) }),
  )
}

const claimValue = fc.oneof(fc.constantFrom('dev', 'ops', 'cn=ops,dc=x', 'é'), fc.constantFrom(3, 0), fc.boolean())
const listData = fc.oneof(
  claimValue,
  fc.dictionary(fc.constantFrom('has', 'is', 'exclude'), claimValue, { minKeys: 1, maxKeys: 2, noNullPrototype: true }),
)
const range = fc.constantFrom('10.0.0.0/8', '10.1.2.3', '0.0.0.0/0', '::/0', '2001:db8::/32', '::ffff:10.1.2.3')
const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Pacific/Chatham')
const time = fc.constantFrom('01:30', '02:00', '02:30:30', '3PM', '11:59 pm', '00:00')
const moments = ['2026-03-29T01:00:00Z', '2026-10-25T00:59:59.999Z', '2026-01-07', '2026-12-01T09:00:00+05:45']

const criterion = fc.oneof(
  fc.tuple(fc.constantFrom('accept', 'reject', 'authenticated_user', 'cors_preflight'), fc.boolean()),
  fc.tuple(fc.constantFrom('invalid_client_certificate'), fc.boolean()),
  fc.tuple(fc.constantFrom('user', 'email', 'domain', 'Email', 'acr'), textData(word)),
  fc.tuple(fc.constant('http_method'), textData(fc.constantFrom('GET', 'POST', 'OPTIONS'))),
  fc.tuple(fc.constant('http_path'), textData(fc.constantFrom(...paths))),
  fc.tuple(fc.constantFrom('url_query/q', 'header/x-api', 'user_agent', 'header/host'), textData(word)),
  fc.tuple(
    fc.constantFrom('groups', 'claim/groups', 'claim/realm.roles', 'claim/realm/roles', 'claim/Dept', 'claim/aud'),
    listData,
  ),
  fc.tuple(fc.constant('source_ip'), fc.oneof(range, fc.array(range, { minLength: 1, maxLength: 2 }))),
  fc.tuple(fc.constant('auth_age'), fc.constantFrom('0s', '30s', '1h', '7d')),
  fc.tuple(
    fc.constant('date'),
    fc.constantFrom(...moments).map((after) => ({ after })),
  ),
  fc.tuple(
    fc.constant('day_of_week'),
    fc.record({ days: fc.constantFrom('sun', 'sat-mon', 'tue,thu', '*'), timezone: zone }),
  ),
  fc.tuple(fc.constant('time_of_day'), fc.record({ timezone: zone, after: time, before: time })),
  fc.tuple(
    fc.constant('record'),
    fc
      .record({
        type: fc.constantFrom('people', 'ids', 'domains', 'places'),
        field: fc.constantFrom('level', 'blocked', 'constructor'),
      })
      .chain((of) =>
        fc.oneof(
          fc.constantFrom(1, 2, 'x').map((is) => ({ ...of, is })),
          fc.boolean().map((exists) => ({ ...of, exists })),
          fc.constantFrom(1, 2).map((least) => ({ ...of, '>=': least })),
        ),
      ),
  ),
)

const block = fc.array(
  criterion.map(([name, data]) => ({ [name]: data })),
  { minLength: 1, maxLength: 4 },
)
const body = fc
  .dictionary(fc.constantFrom('and', 'or', 'not', 'nor', 'OR'), block, {
    minKeys: 1,
    maxKeys: 2,
    noNullPrototype: true,
  })
  .filter((blocks) => !('or' in blocks && 'OR' in blocks))
const rule = fc.dictionary(fc.constantFrom('allow', 'deny'), body, { minKeys: 1, noNullPrototype: true })
const using = fc.constantFrom('one', 'two').map((use) => ({ use }))

const access = fc.oneof(
  { weight: 5, arbitrary: fc.record({ policy: fc.oneof(rule, fc.array(fc.oneof(rule, using), { maxLength: 3 })) }) },
  fc.record({
    allowed_users: fc.array(fc.constantFrom('ann@acme.test', 'u1', '5'), { maxLength: 2 }),
    allowed_domains: fc.array(fc.constantFrom('acme.test', 'other.test'), { maxLength: 2 }),
    allowed_groups: fc.array(fc.constantFrom('dev', 'ops'), { maxLength: 2 }),
    allowed_idp_claims: fc.constantFrom({}, { Dept: ['é'] }, { realm: { roles: ['ops'] } }),
    policy: rule,
  }),
  fc.constantFrom({ allow_any_authenticated_user: true }, { allow_public_unauthenticated_access: true }),
)

const pathRule = fc.constantFrom(
  {},
  {},
  { prefix: '/a' },
  { prefix: '/admin/' },
  { path: '/a' },
  { regex: '^/a(dmin)?/.*' },
)
const from = fc.constantFrom(
  'https://app.corp.test',
  'https://app.corp.test:8443',
  'https://*.corp.test',
  'https://é.corp.test',
  'http://plain.corp.test',
)

export const routesOf = fc
  .array(
    fc.tuple(
      from,
      pathRule,
      access,
      fc.boolean(),
      fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, fc.record({ shadow_policy: rule })),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((list) =>
    list.map(([host, path, fields, preflight, shadow], index) => ({
      name: `r${index}`,
      from: host,
      to: `http://127.0.0.1:${index + 1}`,
      ...path,
      ...fields,
      ...shadow,
      cors_allow_preflight: preflight,
    })),
  )

/** Settings beside the routes; records are those of `recordFiles`. */
export const topOf = fc.record({
  normalize_path: fc.boolean(),
  merge_slashes: fc.boolean(),
  path_with_escaped_slashes_action: fc.constantFrom(
    'reject_request',
    'keep_unchanged',
    'unescape_and_forward',
    'unescape_and_redirect',
  ),
  headers_with_underscores_action: fc.constantFrom('reject_request', 'allow', 'drop_header'),
  policies: fc.record({ one: rule, two: fc.array(rule, { minLength: 1, maxLength: 2 }) }),
  records: fc.constant({
    people: { file: 'people.json', key: 'user.email' },
    ids: { file: 'ids.json', key: 'user.id' },
    domains: { file: 'domains.json', key: 'user.domain' },
    places: { file: 'places.json', key: 'client.address' },
  }),
})

export const recordFiles = {
  'people.json': JSON.stringify({ 'ann@acme.test': { level: 2 }, 'bob@other.test': { level: ['x', 1], blocked: 'x' } }),
  'ids.json': JSON.stringify({ u1: { level: 1, blocked: null }, '5': { level: 'x' } }),
  'domains.json': JSON.stringify({ 'acme.test': { blocked: 'x', level: 1 } }),
  'places.json': JSON.stringify({ '10.1.2.3': { level: 2 }, '2001:DB8::1': { blocked: 'x' } }),
}

const HOUR = 3_600_000
const somebody = fc
  .record({
    email: fc.constantFrom(
      undefined,
      ...words,
      'x@y@acme.test',
      'ann@acme.test\u200b',
      '"a@b"@acme.test',
      'ann@ACME.test',
    ),
    email_verified: fc.constantFrom(undefined, true, false, 'false', 'true'),
    sub: fc.constantFrom('u1', '5', 'v1', 'dev'),
    groups: fc.constantFrom<unknown[]>(undefined, 'dev', '', [], ['dev'], ['ops', 'dev'], ['cn=ops,dc=x'], [3], {
      dev: 1,
    }),
    realm: fc.constantFrom<unknown[]>(undefined, { roles: ['ops', null] }, { roles: 'dev', other: { deep: 1 } }),
    'realm.roles': fc.constantFrom(undefined, ['dev']),
    dept: fc.constantFrom(undefined, 'é'),
    Dept: fc.constantFrom<unknown[]>(undefined, 'dev', 3),
    acr: fc.constantFrom<unknown[]>(undefined, 'dev', 'a', 3),
    aud: fc.constantFrom(undefined, 'dev'),
    auth_time: fc.constantFrom<unknown[]>(undefined, 1767787200, '1767787200', 9e12),
  })
  .map((claims) => Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined)))

const now = fc.oneof(
  fc.constantFrom(...moments.map((moment) => Date.parse(moment))),
  // The nights in which clocks change, and the rest of the year.
  fc.integer({ min: Date.UTC(2026, 2, 28, 22), max: Date.UTC(2026, 2, 29, 4) }),
  fc.integer({ min: Date.UTC(2026, 9, 24, 22), max: Date.UTC(2026, 9, 25, 4) }),
  fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) }),
)

const piece = fc.constantFrom(
  'a',
  'admin',
  '/',
  '//',
  '.',
  '..',
  '/../',
  '%2f',
  '%5c',
  '%61',
  '%C3%A9',
  '%20',
  '%',
  'x',
  ';',
)
const target = fc.oneof(
  fc.constantFrom(...paths).map((path) => encodeURI(decodeURI(path))),
  fc.constantFrom(
    '/.pomerium/',
    '/.pomerium/nothing',
    '/ping',
    '/robots.txt',
    '/oauth2/callback',
    '/.well-known/pomerium',
  ),
  fc.array(piece, { maxLength: 6 }).map((pieces) => `/${pieces.join('')}`),
)
const query = fc.constantFrom('', '?', '?q=dev', '?q=dev&q=ops', '?q=%64ev', '?Q=dev', '?q', '?q=a+b#')
const header = fc.tuple(
  fc.constantFrom('x-api', 'X-Api', 'user-agent', 'origin', 'access-control-request-method', 'x_api'),
  fc.constantFrom('dev', 'ops', 'a', 'GET'),
)

export const questionsOf: fc.Arbitrary<readonly Asked[]> = fc.array(
  fc
    .record({
      method: fc.constantFrom('GET', 'GET', 'POST', 'OPTIONS', 'PROPFIND', 'BREW'),
      authority: fc.constantFrom(
        'app.corp.test',
        'APP.corp.test',
        'app.corp.test:8443',
        'app.corp.test:443',
        'app.corp.test.',
        'b.corp.test:80',
        'a.b.corp.test',
        'xn--9ca.corp.test',
        'authenticate.corp.test',
        'plain.corp.test',
        'other.test',
      ),
      target: fc.tuple(target, query).map(([path, rest]) => path + rest.replace('#', '')),
      headers: fc.array(header, { maxLength: 3 }),
      address: fc.constantFrom('10.1.2.3', '192.0.2.1', '2001:db8::1', '::1', '0.0.0.0'),
      now,
      who: fc.option(fc.record({ claims: somebody, ago: fc.constantFrom(0, 30_000, 61_000, 2 * HOUR) }), {
        nil: undefined,
      }),
    })
    .map(({ who, ...asked }) => ({ ...asked, who: who && { claims: who.claims, signedInAt: asked.now - who.ago } })),
  { minLength: 10, maxLength: 20 },
)
