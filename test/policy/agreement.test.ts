import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compilePolicy, type SharedCriteria } from '#src/policy/compile-policy.ts'
import { type NaiveRule, naiveDecision } from '#test/policy/naive.ts'
import { ann, bob, factsOf, sessionOf } from '#test/policy/session-of.ts'

const word = fc.constantFrom(
  'ann@acme.test',
  'bob@other.test',
  'acme.test',
  'other.test',
  'a',
  '',
  'u1',
  'v1',
  'GET',
  '/a b',
  'dev',
  'ops',
)
const textData = fc.oneof(
  word,
  fc.dictionary(fc.constantFrom('is', 'not', 'contains', 'starts_with', 'ends_with'), word, {
    maxKeys: 2,
    noNullPrototype: true,
  }),
  fc.record({ in: fc.array(word, { maxLength: 3 }) }),
  fc.record({ not_in: fc.array(word, { maxLength: 3 }) }),
)
const value = fc.oneof(
  fc.constantFrom('dev', 'ops', 'eng', 'x'),
  fc.constantFrom(3, 3.5, 0),
  fc.boolean(),
  fc.constant(null),
  fc.constant(['n']),
)
const listData = fc.oneof(
  value,
  fc.dictionary(fc.constantFrom('has', 'is', 'exclude'), value, { maxKeys: 2, noNullPrototype: true }),
)
const range = fc.constantFrom('10.0.0.0/8', '10.1.2.3', '0.0.0.0/0', '203.0.113.0/24', '10.1.0.0/15')
const criterion = fc.oneof(
  fc.tuple(fc.constantFrom('accept', 'reject', 'authenticated_user'), fc.boolean()),
  fc.tuple(fc.constantFrom('user', 'email', 'domain', 'http_method', 'http_path'), textData),
  fc.tuple(
    fc.constantFrom(
      'claim/groups',
      'claim/level',
      'claim/none',
      'claim/realm.roles',
      'claim/realm/roles',
      'claim/flag',
    ),
    listData,
  ),
  fc.tuple(fc.constant('source_ip'), fc.oneof(range, fc.array(range, { maxLength: 2 }))),
)
const block = fc.array(
  criterion.map(([name, data]) => ({ [name]: data })),
  { maxLength: 4 },
)
const body = fc.dictionary(fc.constantFrom('and', 'or', 'not', 'nor'), block, { maxKeys: 3, noNullPrototype: true })
const rule = fc.dictionary(fc.constantFrom('allow', 'deny'), body, { noNullPrototype: true }) as fc.Arbitrary<NaiveRule>
const carol = sessionOf('w1', {
  email: 'carol',
  groups: 'dev',
  level: 3,
  flag: true,
  realm: { roles: ['ops', null, ['n']] },
})
const facts = fc
  .record({
    session: fc.constantFrom(undefined, ann, bob, carol, sessionOf('x', {})),
    method: fc.constantFrom('GET', 'POST', 'a'),
    path: fc.constantFrom('/', '/a%20b', '/a%20bc'),
    clientAddress: fc.constantFrom('10.1.2.3', '10.2.0.1', '203.0.113.10'),
  })
  .map((some) => factsOf(some))

/** POLICY_RUNS=100000 for the long run. */
const numRuns = Number(process.env['POLICY_RUNS'] ?? 3000)

test('the compiled policy agrees with a naive evaluator, in decision and in reasons', () => {
  const shared: SharedCriteria = new Map()
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 3 }), facts, (rules, asked) => {
      const { kind, allow, deny } = compilePolicy({ policy: rules }, { shared }).decide(asked)
      assert.deepEqual(
        {
          kind,
          allow: allow.value,
          allowReasons: [...allow.reasons].sort(),
          deny: deny.value,
          denyReasons: [...deny.reasons].sort(),
        },
        naiveDecision(rules, asked),
      )
    }),
    { numRuns },
  )
})

test('an explanation comes to the same decision, and its blocks to the values of the two sides', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 3 }), facts, (rules, asked) => {
      const policy = compilePolicy({ policy: rules })
      const { decision, tree } = policy.explain(asked)
      assert.deepEqual(decision, policy.decide(asked))
      const side = (name: string) => tree.find((node) => node.name === name)?.value ?? false
      assert.deepEqual([side('allow'), side('deny')], [decision.allow.value, decision.deny.value])
    }),
    { numRuns: 500 },
  )
})

test('a policy that is said to admit nobody without sign-in never does', () => {
  const nobody = facts.map((asked) => ({ ...asked, session: undefined }))
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 3 }), nobody, (rules, asked) => {
      const policy = compilePolicy({ policy: rules })
      const admitted = policy.decide(asked).kind === 'allow'
      assert.ok(!admitted || policy.needs.admitsAnonymous)
      if (!policy.needs.session) assert.deepEqual(policy.decide({ ...asked, session: ann }), policy.decide(asked))
    }),
    { numRuns: 2000 },
  )
})

test('sign-in is asked of nobody who is signed in', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 3 }), facts, (rules, asked) => {
      const { kind } = compilePolicy({ policy: rules }).decide({ ...asked, session: asked.session ?? ann })
      assert.notEqual(kind, 'sign-in')
    }),
    { numRuns: 1000 },
  )
})
