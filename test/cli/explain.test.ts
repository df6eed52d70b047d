import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ExplainOptions, explain } from '#src/cli/explain.ts'
import { gate } from './gate.ts'
import { deskWith, transcript } from './transcript.ts'

const now = Date.UTC(2026, 11, 1, 9)

function run(options: Partial<ExplainOptions>, colours = false): Promise<string> {
  const desk = deskWith({ 'gate.yaml': gate, 'broken.yaml': gate.replace('allowed_groups', 'alowed_groups') })
  return transcript((io) => explain({ config: ['gate.yaml'], now, ...desk, ...options }, io), colours)
}

async function* stream(...chunks: (string | Uint8Array)[]) {
  yield* chunks
}

test('ostiary explain --as alice@corp.test --groups devops GET https://hello.corp.test/x', async () => {
  const text = await run({ as: 'alice@corp.test', groups: ['devops'], method: 'GET', url: 'https://hello.corp.test/x' })
  assert.equal(
    text,
    `GET https://hello.corp.test/x as alice@corp.test (devops)
  route     hello  gate.yaml:12:5
  decision  allow  claim-ok

  allow                      true
    or                       true
      claim/groups "devops"  true  saw ["devops"]  gate.yaml:16:9
exit 0
`,
  )
})

test('ostiary explain --as bob@corp.test --groups finance https://hello.corp.test/x', async () => {
  const text = await run({ as: 'bob@corp.test', groups: ['finance'], url: 'https://hello.corp.test/x' })
  assert.equal(
    text,
    `GET https://hello.corp.test/x as bob@corp.test (finance)
  route     hello  gate.yaml:12:5
  decision  deny   claim-unauthorized

  allow                      false
    or                       false
      claim/groups "devops"  false  saw ["finance"]  gate.yaml:16:9

would be allowed with
  the group devops  gate.yaml:16:9

or by one of these edits
  finance added to allowed_groups       gate.yaml:12:5
  bob@corp.test added to allowed_users  gate.yaml:12:5
exit 0
`,
  )
})

test('ostiary explain --as mallory@corp.test https://wiki.corp.test/', async () => {
  assert.equal(
    await run({ as: 'mallory@corp.test', url: 'https://wiki.corp.test/' }),
    `GET https://wiki.corp.test/ as mallory@corp.test (no groups)
  route     wiki  gate.yaml:17:5
  decision  deny  email-ok

  allow                                 true
    or                                  true
      domain {"is":"corp.test"}         true  saw "corp.test"          gate.yaml:23:15
  deny                                  true
    or                                  true
      email {"is":"mallory@corp.test"}  true  saw "mallory@corp.test"  gate.yaml:27:15

would be allowed by one of these edits
  without the rule deny or  gate.yaml:27:13
exit 0
`,
  )
})

test('ostiary explain https://wiki.corp.test/', async () => {
  assert.equal(
    await run({ url: 'https://wiki.corp.test/' }),
    `GET https://wiki.corp.test/ as nobody
  route     wiki     gate.yaml:17:5
  decision  sign-in  user-unauthenticated

  allow                                 false
    or                                  false
      domain {"is":"corp.test"}         false  nobody is signed in  gate.yaml:23:15
  deny                                  false
    or                                  false
      email {"is":"mallory@corp.test"}  false  nobody is signed in  gate.yaml:27:15
exit 0
`,
  )
})

test('requests that reach no route say why', async () => {
  const first = async (url: string) => (await run({ url })).split('\n').slice(1, 3)
  assert.deepEqual(await first('https://nope.corp.test/'), [
    '  route     none      no route takes this host and path',
    '  decision  no-route',
  ])
  assert.deepEqual(await first('https://hello.corp.test/a%2fb'), [
    '  route     none     the request is refused before any route is looked for',
    '  decision  refused  escaped-slash',
  ])
  assert.deepEqual(await first('https://hello.corp.test/.pomerium/'), [
    '  route     none      the proxy answers this itself',
    '  decision  own-page',
  ])
})

test('ostiary explain --json', async () => {
  const text = await run({ as: 'bob@corp.test', groups: ['finance'], url: 'https://hello.corp.test/x', json: true })
  const source = 'gate.yaml:16:9'
  assert.deepEqual(JSON.parse(text.replace(/exit 0\n$/, '')), {
    route: 'hello',
    decision: 'deny',
    reasons: ['claim-unauthorized'],
    source: 'gate.yaml:12:5',
    tree: [
      {
        kind: 'action',
        name: 'allow',
        value: false,
        source: 'gate.yaml:16:7',
        children: [
          {
            kind: 'block',
            name: 'or',
            value: false,
            source,
            children: [
              {
                kind: 'criterion',
                name: 'claim/groups',
                value: false,
                operand: '"devops"',
                reason: 'claim-unauthorized',
                saw: ['finance'],
                source,
              },
            ],
          },
        ],
      },
    ],
    nearest: [
      { kind: 'group', change: 'the group devops', source },
      { kind: 'rule', change: 'finance added to allowed_groups', source: 'gate.yaml:12:5' },
      { kind: 'rule', change: 'bob@corp.test added to allowed_users', source: 'gate.yaml:12:5' },
    ],
  })
})

test('claims keep their types, a name twice is a list, a group may hold commas', async () => {
  const text = await run({
    as: 'ann@corp.test',
    group: ['cn=ops,dc=corp'],
    claim: ['level=3', 'role=a', 'role=b', 'sub="7"', 'realm.roles=["x"]'],
    url: 'https://hello.corp.test/',
    json: true,
  })
  assert.match(text, /"cn=ops,dc=corp"/)
})

test('mistakes in the options are told by their names, all at once', async () => {
  const text = await run({ groups: ['a'], at: 'noon', from: 'home', header: ['x'], url: 'https://hello.corp.test/' })
  assert.equal(
    text,
    `cannot explain: --as: expected the address of the person who has these
cannot explain: --header: expected name:value, got "x"
cannot explain: --from: expected an IP address
cannot explain: --at: expected a moment such as 2026-12-01T09:00Z
exit 1
`,
  )
  assert.match(await run({ as: 'ann@corp.test' }), /^cannot explain: no address was named\nhint: .*\nexit 1\n$/)
})

test('a configuration with problems is not explained', async () => {
  const text = await run({ config: ['broken.yaml'], url: 'https://hello.corp.test/' })
  assert.match(text, /^broken\.yaml:15:5: .*allowed_groups/)
  assert.match(text, /cannot explain: the configuration has problems\nexit 1\n$/)
})

test('ostiary explain --batch -: one decision for each line, in order, whatever the others are', async () => {
  const lines = [
    '{"id":1,"who":"nobody","url":"https://hello.corp.test/x"}',
    '{"id":"two","who":{"email":"a@corp.test","groups":["devops"]},"method":"post","url":"https://hello.corp.test/"}',
    '',
    'no JSON',
    '{"id":4,"who":5,"url":"https://hello.corp.test/","extra":1}',
    '{"who":{"email":"mallory@corp.test"},"url":"https://wiki.corp.test/"}',
  ].join('\n')
  const bytes = new TextEncoder().encode(lines)
  assert.equal(
    await run({ batch: stream(bytes.slice(0, 70), bytes.slice(70)) }),
    `{"id":1,"route":"hello","decision":"sign-in","reasons":["user-unauthenticated"]}
{"id":"two","route":"hello","decision":"allow","reasons":["claim-ok"]}
{"error":"expected one JSON object a line"}
{"id":4,"error":"extra: unknown key; expected one of id, who, method, url, address, time, headers, certificate; who: expected nobody, or a map of email, groups, claims"}
{"route":"wiki","decision":"deny","reasons":["email-ok"]}
exit 1
`,
  )
})

test('a line of a batch that does not end is refused without being kept', async () => {
  async function* endless() {
    for (let piece = 0; piece < 40; piece++) yield 'x'.repeat(65_536)
    yield '\n{"who":"nobody","url":"https://hello.corp.test/"}\n'
  }
  assert.equal(
    await run({ batch: endless() }),
    `{"error":"expected one JSON object a line"}
{"route":"hello","decision":"sign-in","reasons":["user-unauthenticated"]}
exit 1
`,
  )
})

const logged = (more: object) =>
  `${JSON.stringify({
    level: 'info',
    service: 'authorize',
    time: '2026-11-25T01:53:52.123Z',
    'request-id': 'r-1',
    method: 'GET',
    path: '/x',
    host: 'hello.corp.test',
    ip: '10.0.0.7',
    user: 'u-bob',
    email: 'bob@corp.test',
    allow: false,
    'allow-why-false': ['claim-unauthorized'],
    deny: false,
    'deny-why-false': [],
    message: 'authorize check',
    ...more,
  })}\n`

test('ostiary explain --request r-1 --log FILE', async () => {
  const log = () =>
    stream('{"request-id":"r-1","message":"http-request"}\nnoise r-1\n', logged({ 'request-id': 'r-2' }), logged({}))
  const text = await run({ request: 'r-1', log: log() })
  assert.deepEqual(text.split('\n').slice(0, 4), [
    'GET https://hello.corp.test/x as bob@corp.test (no groups)',
    '  route     hello  gate.yaml:12:5',
    '  decision  deny   claim-unauthorized',
    '  log       deny at the time; it tells no groups: give --as and --groups, or add id-token-claims to authorize_log_fields',
  ])
  const withClaims = await run({ request: 'r-1', log: stream(logged({ 'id-token-claims': { groups: ['devops'] } })) })
  assert.deepEqual(withClaims.split('\n').slice(0, 4), [
    'GET https://hello.corp.test/x as bob@corp.test (devops)',
    '  route     hello  gate.yaml:12:5',
    '  decision  allow  claim-ok',
    '  log       deny at the time',
  ])
  const gone = await run({ request: 'r-9', log: log() })
  assert.equal(
    gone,
    'cannot explain: no line of a decision with this request id, got r-9\nhint: name the log by --log FILE\nexit 1\n',
  )
})

test('ostiary explain --request r-1 --log FILE, where FILE is the decision log', async () => {
  const written = (more: object) =>
    `${JSON.stringify({
      ...{ level: 'info', service: 'decisions', time: '2026-11-25T01:53:52.123Z', 'request-id': 'r-1', scope: 's' },
      ...{
        method: 'GET',
        host: 'hello.corp.test',
        port: '',
        path: '/x',
        ip: '10.0.0.7',
        'route-id': '1',
        route: 'hello',
      },
      ...{ decision: 'deny', allow: false, deny: false, message: 'decision', ...more },
    })}\n`
  const user = { id: 'u-bob', email: 'bob@corp.test', 'email-verified': true, 'signed-in': 0 }
  const denied = written({ user: { ...user, claims: { groups: ['finance'] } } })
  assert.deepEqual((await run({ request: 'r-1', log: stream(denied) })).split('\n').slice(0, 4), [
    'GET https://hello.corp.test/x as bob@corp.test (finance)',
    '  route     hello  gate.yaml:12:5',
    '  decision  deny   claim-unauthorized',
    '  log       deny at the time',
  ])
  const nobody = written({ decision: 'sign-in', port: '8443', query: { q: ['1', '2'] }, headers: { 'x-a': ['b'] } })
  assert.deepEqual((await run({ request: 'r-1', log: stream(nobody) })).split('\n').slice(0, 4), [
    'GET https://hello.corp.test:8443/x?q=1&q=2 as nobody',
    '  route     hello    gate.yaml:12:5',
    '  decision  sign-in  user-unauthenticated',
    '  log       sign-in at the time',
  ])
})

test('what a request holds cannot steer the terminal', async () => {
  const text = await run({ as: 'a\u001b[31m@corp.test', url: 'https://hello.corp.test/\u009b2J' })
  assert.ok(!/[\u001b\u009b]/.test(text), JSON.stringify(text))
})

test('colours only where they were asked for', async () => {
  const options = { as: 'alice@corp.test', groups: ['devops'], url: 'https://hello.corp.test/x' }
  const painted = await run(options, true)
  assert.match(painted, /\u001b\[32mallow\u001b\[0m/)
  assert.equal(painted.replace(/\u001b\[\d+m/g, ''), await run(options))
})
