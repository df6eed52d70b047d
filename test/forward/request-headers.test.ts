import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTemplate } from '#src/forward/header-template.ts'
import { checkRequestHeaders } from '#src/forward/request-headers.ts'
import { type Echo, startUpstream } from '../actors/upstream.ts'
import { ask, openFront, sessionOf } from './front.ts'

const facts = { header: (name: string) => `<${name}>`, assertion: 'jwt' }

test('templates read as in the table', () => {
  const table = {
    'Bearer ${pomerium.jwt}': 'Bearer jwt',
    '$pomerium.jwt and more': 'jwt and more',
    '$$pomerium.jwt': '$pomerium.jwt',
    '${pomerium.request.headers["X-\\"A"]}': '<x-"a>',
    '${ pomerium . request . headers [ "X-In" ] }': '<x-in>',
    '${pomerium.jwt': '${pomerium.jwt',
    '${unknown}': '',
    $: '$',
    a$$b$$$$: 'a$b$$',
  }
  for (const [template, value] of Object.entries(table)) assert.equal(parseTemplate(template).render(facts), value)
})

test('any text is a template, and text without $ is itself', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const rendered = parseTemplate(text).render(facts)
      if (!text.includes('$')) assert.equal(rendered, text)
    }),
  )
  const pieces = fc.constantFrom('$', '{', '}', '.', '["', '"]', '\\', 'pomerium', 'jwt', ' ', '-')
  fc.assert(fc.property(fc.array(pieces), (parts) => void parseTemplate(parts.join('')).render(facts)))
})

test('what cannot be set is named, all at once', () => {
  assert.deepEqual(checkRequestHeaders({ 'X-Fine': '${pomerium.jwt}', 'X-Home': '${HOME}' }), [])
  const problems = checkRequestHeaders({
    Host: 'x',
    'Transfer-Encoding': 'chunked',
    'X Y': '1',
    Authorization: 'Bearer ${pomerium.access_token}',
  })
  assert.equal(problems.length, 4)
  assert.match(problems.join('\n'), /host_rewrite.*belongs to the connection.*no header name.*not supported yet/s)
})

test('set overwrites in every spelling, remove wins over set, and both over identity', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({
    route: {
      to: [{ url: upstream.url }],
      passIdentity: true,
      claimHeaders: [
        { header: 'X-Email', claim: 'email' },
        { header: 'X-Groups', claim: 'groups' },
      ],
      setRequestHeaders: {
        'X-Api-Key': 'mine',
        'x-email': 'fixed',
        'X-Both': 'set',
        'X-Uni': 'Grüße\r\n',
        'X-Jwt': '${pomerium.jwt}',
      },
      removeRequestHeaders: ['X-BOTH', 'x-groups', 'x-forwarded-for'],
    },
    session: sessionOf({ email: 'ada@example.com', groups: ['a'] }),
    admission: { underscores: 'allow' },
  })
  const { headers } = (await ask(front, '/', { headers: { x_api_key: 'theirs', 'x-both': 'theirs' } })).json<Echo>()
  assert.equal(headers['x-api-key'], 'mine')
  assert.equal(headers['x-email'], 'fixed')
  assert.equal(headers['x-jwt'], headers['x-pomerium-jwt-assertion'])
  assert.equal(Buffer.from(headers['x-uni'] ?? '', 'latin1').toString(), 'Grüße')
  for (const name of ['x-both', 'x-groups', 'x-forwarded-for', 'x_api_key']) assert.equal(headers[name], undefined)
})

test('set_response_headers overwrites what the application says; the rest passes as it came', async () => {
  await using upstream = await startUpstream()
  await using front = await openFront({
    route: { to: [{ url: upstream.url }], setResponseHeaders: ['X-Frame-Options', 'DENY'] },
  })
  const answer = await ask(
    front,
    '/?do=status&h.x-frame-options=ALLOW&h.set-cookie=a%3D1&h.set-cookie=b%3D2&h.x-pomerium-intercepted-response=true',
  )
  assert.equal(answer.headers['x-frame-options'], 'DENY')
  assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2'])
  assert.equal(answer.headers['x-pomerium-intercepted-response'], undefined)
})
