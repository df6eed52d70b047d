/** Measures the policy station: one decision over 20 criteria, and compiling 10,000 routes with 20 criteria each. */
import { compilePolicy, type SharedCriteria } from '#src/policy/compile-policy.ts'
import type { Facts } from '#src/policy/facts.ts'
import type { Session } from '#src/session/session.ts'

const session: Session = {
  id: 's',
  userId: 'u-ann',
  email: 'ann@acme.test',
  emailVerified: true,
  name: 'Ann',
  claims: {},
  flatClaims: new Map<string, readonly unknown[]>([
    ['groups', ['dev', 'ops', 'admins', 'staff', 'vpn']],
    ['realm_access.roles', ['viewer', 'editor']],
    ['department', ['engineering']],
  ]),
  issuedAt: 0,
  expiresAt: 1e13,
}

const facts: Facts = {
  method: 'GET',
  path: '/api/v1/things/42',
  host: 'app.acme.test',
  headers: ['accept', 'text/html', 'user-agent', 'Mozilla/5.0', 'cookie', 'a=b'],
  query: '?page=2',
  clientAddress: '10.20.30.40',
  session,
  clientCertificate: undefined,
  now: 1.75e12,
}

/** 20 criteria of all common kinds; `seed` makes the values of one route differ from those of the next. */
function twentyCriteria(seed: number) {
  return {
    allow: {
      or: [
        { email: `user${seed}@acme.test` },
        { email: { ends_with: `@team${seed}.acme.test` } },
        { domain: `unit${seed}.test` },
        { 'claim/groups': `group${seed}` },
        { 'claim/groups': { has: 'nobody', exclude: `x${seed}` } },
        { groups: `other${seed}` },
        { user: { in: [`a${seed}`, `b${seed}`] } },
        { 'claim/realm_access/roles': 'editor' },
        { source_ip: ['192.168.0.0/16', `172.16.${seed % 256}.0/24`] },
        { http_method: { in: ['HEAD', 'OPTIONS'] } },
      ],
      and: [
        { authenticated_user: true },
        { 'claim/department': 'engineering' },
        { http_path: { starts_with: `/api/v${seed % 3}` } },
        { source_ip: '10.0.0.0/8' },
        { email: { not_in: ['eve@acme.test'] } },
      ],
    },
    deny: {
      or: [
        { http_path: { starts_with: `/admin${seed}` } },
        { http_method: 'DELETE' },
        { 'claim/groups': 'suspended' },
        { source_ip: '203.0.113.0/24' },
        { domain: { ends_with: '.evil.test' } },
      ],
    },
  }
}

const policy = compilePolicy({ policy: twentyCriteria(1) })
for (let round = 0; round < 200_000; round++) policy.decide(facts)
const count = 1_000_000
const begin = process.hrtime.bigint()
let allowed = 0
for (let round = 0; round < count; round++) if (policy.decide(facts).kind === 'allow') allowed++
const nanoseconds = Number(process.hrtime.bigint() - begin) / count
console.log(`decide, 20 criteria: ${(nanoseconds / 1000).toFixed(2)} µs (allowed ${allowed === count})`)

const before = process.memoryUsage().rss
const started = performance.now()
const shared: SharedCriteria = new Map()
const policies = Array.from({ length: 10_000 }, (_, seed) =>
  compilePolicy({ policy: twentyCriteria(seed) }, { source: ['routes', seed], shared }),
)
const elapsed = performance.now() - started
const grown = (process.memoryUsage().rss - before) / 1024 / 1024
console.log(
  `compile, ${policies.length} routes: ${elapsed.toFixed(0)} ms, ${grown.toFixed(0)} MB more, ${shared.size} criteria`,
)
