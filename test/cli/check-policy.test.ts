import assert from 'node:assert/strict'
import { test } from 'node:test'
import { check } from '#src/cli/check.ts'
import { checkPolicy } from '#src/cli/check-policy.ts'
import { head } from '../trial/settings-of.ts'
import { deskWith, transcript } from './transcript.ts'

/** `ostiary check` of a route whose rules stand from line 15 on; what is printed. */
function run(
  policy: string,
  { above = '', below = '', ...files }: Readonly<Record<string, string>> = {},
): Promise<string> {
  const text = `${head}${above}routes:
  - from: https://app.corp.test
    to: http://127.0.0.1:26997
    policy:
${policy.replace(/^(?=.)/gm, '      ')}${below}`
  return transcript((io) =>
    check({ config: ['gate.yaml'], ...deskWith({ 'gate.yaml': text, ...files }), checkPolicy }, io),
  )
}

/** The mistakes that a policy document can have, each with what is printed of it, hints and all. */
const mistakes: readonly (readonly [title: string, policy: string, printed: string])[] = [
  [
    'a list as the body of an action',
    'allow: [accept]\n',
    `gate.yaml:15:7: routes[0].policy.allow: cannot read allow: expected a map of and, or, not, nor, got ["accept"]
  15 |       allow: [accept]
     |       ^^^^^
1 problem: nothing would start
`,
  ],
  [
    'an operator that there is not',
    'allow: {xor: []}\n',
    `gate.yaml:15:15: routes[0].policy.allow.xor: cannot read allow: expected and, or, not or nor, got "xor"
  15 |       allow: {xor: []}
     |               ^^^
1 problem: nothing would start
`,
  ],
  [
    'a block that is no list',
    'allow:\n  and: {a: 1}\n',
    `gate.yaml:16:9: routes[0].policy.allow.and: cannot read and: expected a list of criteria, got {"a":1}
  16 |         and: {a: 1}
     |         ^^^
1 problem: nothing would start
`,
  ],
  [
    'a criterion with two keys',
    'allow:\n  or:\n    - email: a@corp.test\n      domain: corp.test\n',
    `gate.yaml:17:13: routes[0].policy.allow.or[0]: cannot read criterion: expected a map with exactly one key, got {"email":"a@corp.test","domain":"corp.test"}
  17 |           - email: a@corp.test
     |             ^^^^^^^^^^^^^^^^^^
1 problem: nothing would start
`,
  ],
  [
    'an action that there is not',
    '- permit: {or: [{accept: true}]}\n',
    `gate.yaml:15:9: routes[0].policy[0].permit: cannot read rule: expected allow or deny, got "permit"
  15 |       - permit: {or: [{accept: true}]}
     |         ^^^^^^
1 problem: nothing would start
`,
  ],
  [
    'a network that is none',
    'allow: {or: [{source_ip: "10.0.0.0/99"}]}\n',
    `gate.yaml:15:21: routes[0].policy.allow.or[0].source_ip: cannot read address: expected an IP address or a CIDR range, got "10.0.0.0/99"
  15 |       allow: {or: [{source_ip: "10.0.0.0/99"}]}
     |                     ^^^^^^^^^
1 problem: nothing would start
`,
  ],
  [
    'a criterion that is refused by name',
    'allow: {or: [{device: {colour: red}}]}\n',
    `gate.yaml:15:21: routes[0].policy.allow.or[0].device: cannot use criterion device: device enrolment is not supported
  15 |       allow: {or: [{device: {colour: red}}]}
     |                     ^^^^^^
1 problem: nothing would start
`,
  ],
  [
    'data of another type',
    'allow: {or: [{client_certificate: "x"}]}\n',
    `gate.yaml:15:21: routes[0].policy.allow.or[0].client_certificate: cannot read certificate matcher: expected a map, got "x"
  15 |       allow: {or: [{client_certificate: "x"}]}
     |                     ^^^^^^^^^^^^^^^^^^
1 problem: nothing would start
`,
  ],
  [
    'a text instead of rules',
    '"allow: {or: [{accept: true}]}"\n',
    `gate.yaml:15:7: routes[0].policy: expected a map with allow and deny, or a list of them, got text
  15 |       "allow: {or: [{accept: true}]}"
     |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  hint: write the rules as YAML, without | or quotes
1 problem: nothing would start
`,
  ],
  [
    'a criterion that nobody knows',
    'allow: {or: [{emial: a@corp.test}]}\n',
    `gate.yaml:15:21: routes[0].policy.allow.or[0].emial: cannot use criterion emial: no such criterion, did you mean "email"?
  15 |       allow: {or: [{emial: a@corp.test}]}
     |                     ^^^^^
1 problem: nothing would start
`,
  ],
]

for (const [title, policy, printed] of mistakes) {
  test(`${title} is told with file, line and column, and nothing would start`, async () => {
    assert.equal(await run(policy), `${printed}exit 1\n`)
  })
}

test('one check tells all mistakes of all policies, named and on trial, each where it is written', async () => {
  const above = 'policies:\n  staff:\n    allow: {or: [{groups: {has: a, hass: b}}]}\n'
  const policy = 'use: [staff, staf]\ndeny: {or: [{source_ip: nowhere}]}\n'
  const text = await run(policy, { above, below: '    shadow_policy: {allow: {or: [{emial: x}]}}\n' })
  assert.deepEqual(
    text.split('\n').filter((line) => line.startsWith('gate.yaml:')),
    [
      'gate.yaml:13:36: policies.staff.allow.or[0].groups.hass: cannot compare list: expected one of has, is, exclude, got "hass"',
      'gate.yaml:18:20: routes[0].policy.use[1]: cannot use policy: no policy of that name, did you mean "staff"?',
      'gate.yaml:19:20: routes[0].policy.deny.or[0].source_ip: cannot read address: expected an IP address or a CIDR range, got "nowhere"',
      'gate.yaml:20:35: routes[0].shadow_policy.allow.or[0].emial: cannot use criterion emial: no such criterion, did you mean "email"?',
    ],
  )
})

test('a named policy that nobody uses draws a warning where it is written', async () => {
  const above = 'policies:\n  staff: {allow: {or: [{domain: corp.test}]}}\n'
  assert.equal(
    await run('allow: {or: [{email: ann@corp.test}]}\n', { above }),
    `gate.yaml:12:10: policies.staff: warning: no route uses the policy staff (unused-policy)
  12 |   staff: {allow: {or: [{domain: corp.test}]}}
     |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  hint: write use: staff into the policy of a route, or remove it
1 route, in the order they are tried:
  1  app.corp.test  /*  -> http://127.0.0.1:26997  the rules of its policy
1 warning
exit 0
`,
  )
})

test('surprises in named policies, and in those on trial, are warned about as in any other', async () => {
  const above = 'policies:\n  staff:\n    allow:\n      nor: [{domain: corp.test}]\n'
  const below = '    shadow_policy:\n      - allow: {or: [{email: {in: []}}]}\n'
  const text = await run('use: staff\n', { above, below })
  assert.deepEqual(
    text.split('\n').filter((line) => /^\S/.test(line)),
    [
      'gate.yaml:14:7: policies.staff.allow.nor: warning: nor is true where any of its criteria is false, so it lets in nearly everybody (nor)',
      'gate.yaml:21:23: routes[0].shadow_policy[0].allow.or[0].email: warning: email can never be met: its list is empty (never-matches)',
      '1 route, in the order they are tried:',
      '2 warnings',
      'exit 0',
    ],
  )
})

test('records are checked in the same go', async () => {
  const above = 'records:\n  contract: {file: contracts.yaml, key: user.email}\n'
  const text = await run('allow: {or: [{record: {type: contrakt, field: status, is: active}}]}\n', {
    above,
    'contracts.yaml': 'ines: {status: active}\n',
  })
  assert.equal(
    text,
    `contracts.yaml:1:1: records.contract.ines: expected an e-mail address for user.email, got "ines"
  1 | ines: {status: active}
    | ^^^^
gate.yaml:17:30: routes[0].policy.allow.or[0].record.type: cannot find records: expected one of contract, got "contrakt"
  17 |       allow: {or: [{record: {type: contrakt, field: status, is: active}}]}
     |                              ^^^^
2 problems: nothing would start
exit 1
`,
  )
})
