import assert from 'node:assert/strict'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { test } from 'node:test'
import { SAML, ValidateInResponseTo } from '@node-saml/node-saml'
import fc from 'fast-check'
import { everyElement } from '#src/broker/connectors/saml/read-xml.ts'
import { ReplayMemory } from '#src/broker/connectors/saml/replay-memory.ts'
import { readSigned } from '#src/broker/connectors/saml/verify-signature.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { makeSamlKeys } from '#test/actors/saml-idp.ts'
import { answerOf, CALLBACK, samlCase, sharedKeys } from '#test/broker/connectors/saml-case.ts'
import { VICTIM } from './saml-attack.ts'
import { forgeries } from './saml-forgeries.ts'
import { strays } from './saml-strays.ts'
import { wrapped, wrappings } from './saml-wrappings.ts'

/** What node-saml says without anything of ours around it: the NameID it would give, or undefined where it refuses. */
async function alone(xml: string, request: string): Promise<string | undefined> {
  const saml = new SAML({
    callbackUrl: CALLBACK,
    issuer: CALLBACK,
    audience: CALLBACK,
    idpCert: (await sharedKeys()).certificate,
    wantAuthnResponseSigned: false,
    wantAssertionsSigned: false,
    acceptedClockSkewMs: 30_000,
    validateInResponseTo: ValidateInResponseTo.always,
    cacheProvider: {
      saveAsync: async () => null,
      getAsync: async (id) => (id === request ? new Date().toISOString() : null),
      removeAsync: async () => null,
    },
  })
  const answer = saml.validatePostResponseAsync({ SAMLResponse: Buffer.from(xml).toString('base64') })
  return answer.then(
    ({ profile }) => (profile === null ? undefined : (profile.nameID ?? 'nobody')),
    () => undefined,
  )
}

for (const { name, send, refusedFor, alone: library } of [...forgeries, ...strays])
  test(`refused: ${name}`, { timeout: 20_000 }, async () => {
    const { begin, idp } = await samlCase()
    const attempt = await begin()
    const xml = await send({ saying: attempt.saying, idp })
    await assert.rejects(attempt.finish(xml), refuses(refusedFor))
    // It was the message, and nothing else about the attempt.
    assert.equal((await attempt.finish(idp.respond({ ...attempt.saying, assertionId: '_honest' }))).userId, 'ada-0815')
    const taken = await alone(xml, attempt.request)
    assert.equal(taken === undefined ? 'refuses' : 'takes', library, `the library alone takes it for ${taken}`)
  })

function refuses(reason: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ProxyError, String(error))
    assert.equal(error.code, 'CONNECTOR_ANSWER_INVALID', error.message)
    assert.match(error.message, reason)
    assert.doesNotMatch(error.message, /\n/)
    return true
  }
}

test('refused: fields that are not one message and our state', async () => {
  const { begin, idp } = await samlCase()
  const attempt = await begin()
  const xml = idp.respond(attempt.saying)
  const good = answerOf(xml)
  const base64 = good.get('SAMLResponse') ?? ''
  const fields = (SAMLResponse: string) =>
    new URLSearchParams({ SAMLResponse, RelayState: good.get('RelayState') ?? '' })
  const twice = new URLSearchParams(good)
  twice.append('SAMLResponse', base64)
  const cases: readonly (readonly [URLSearchParams, RegExp])[] = [
    [answerOf(xml, 'another state'), /RelayState is not/],
    [new URLSearchParams({ SAMLResponse: base64 }), /RelayState has to be there once/],
    [new URLSearchParams({ RelayState: good.get('RelayState') ?? '' }), /SAMLResponse has to be there once, got 0/],
    [twice, /SAMLResponse has to be there once, got 2/],
    [fields(''), /not base64/],
    [fields(`${base64}!`), /not base64/],
    [fields(`${base64.slice(0, -4)}====`), /not base64/],
    [fields(base64.replace(/.{40}/, '$& ')), /not base64/],
    [fields(Buffer.from(xml).toString('base64url')), /not base64|not UTF-8|not the XML/],
    [fields('AB=='), /as it should be written/],
    [fields(Buffer.from(xml, 'utf16le').toString('base64')), /character that XML does not have|not UTF-8/],
    [fields(Buffer.from(`\uFEFF${xml}`).toString('base64')), /something beside its one element|not the XML/],
    [fields(Buffer.concat([Buffer.from(xml), Buffer.from([0xff])]).toString('base64')), /not UTF-8/],
    [fields(Buffer.from(`${xml}\0`).toString('base64')), /character that XML does not have/],
  ]
  for (const [answer, reason] of cases) await assert.rejects(attempt.finishRaw(answer), refuses(reason))
  await assert.rejects(attempt.finishRaw(good, 'GET'), refuses(/came in a query/))
  assert.equal((await attempt.finishRaw(good)).userId, 'ada-0815')
})

test('refused: the answer that another connector of the same provider asked for', async () => {
  const [one, two] = [await samlCase({}, { id: 'one' }), await samlCase({}, { id: 'two' })]
  const [first, second] = [await one.begin(), await two.begin()]
  await assert.rejects(second.finish(one.idp.respond(first.saying)), refuses(/answers another request/))
  const signal = AbortSignal.timeout(1_000)
  const scopes = { groups: true, offlineAccess: false }
  for (const secrets of [first.secrets, '{}', 'null', '[', JSON.stringify({ connector: 'two', request: '' })])
    await assert.rejects(
      two.connector.finish({
        answer: answerOf(one.idp.respond(first.saying)),
        by: 'POST',
        state: 'state-of-the-broker',
        secrets,
        scopes,
        signal,
      }),
      refuses(/the attempt it belongs to/),
    )
  const other = await makeSamlKeys()
  const third = await samlCase({}, { id: 'three', pem: other.certificate })
  const attempt = await third.begin()
  await assert.rejects(
    attempt.finish(one.idp.respond(attempt.saying, 'both')),
    refuses(/no pinned certificate verifies it/),
  )
})

test('what is read is what was signed, and not the message around it', async () => {
  const { begin, idp } = await samlCase()
  const { saying, request } = await begin()
  // Without the gate in front: a comment is not signed, nor is what lies beside the assertion.
  const xml = idp
    .respond(saying)
    .replace('ada-0815', 'ada<!-- -->-0815')
    .replace('<samlp:Status>', '<samlp:Status a="1">')
  const assertion = await readSigned(xml, {
    shape: { assertionId: saying.assertionId, isResponseSigned: false, isAssertionSigned: true },
    rules: {
      requestId: request,
      redirectURI: CALLBACK,
      audience: CALLBACK,
      issuer: undefined,
      maxAuthenticationAge: undefined,
      now: Date.now(),
    },
    certificates: [idp.keys.certificate],
  })
  const nameId = everyElement(assertion).find(({ name }) => name === 'NameID')
  assert.deepEqual(nameId?.children, ['ada-0815'])
})

test('what was used is remembered until it would be refused anyway, and no more than there is room for', () => {
  const memory = new ReplayMemory(2)
  assert.equal(memory.note('a', { deadline: 5_000, now: 0 }), 'new')
  assert.equal(memory.note('a', { deadline: 5_000, now: 4_999 }), 'used')
  assert.equal(memory.note('b', { deadline: 9_000, now: 0 }), 'new')
  assert.equal(memory.note('c', { deadline: 9_000, now: 1_000 }), 'full')
  assert.equal(memory.note('c', { deadline: 9_000, now: 5_000 }), 'new')
  assert.equal(memory.note('b', { deadline: 9_000, now: 5_000 }), 'used')
  assert.equal(memory.note('d', { deadline: 9_000, now: 5_001 }), 'full')
})

test('refused: an assertion for the second time, in whatever response', async () => {
  const { begin, idp } = await samlCase()
  const attempt = await begin()
  const xml = idp.respond(attempt.saying)
  await attempt.finish(xml)
  await assert.rejects(attempt.finish(xml), refuses(/used before/))
  const again = xml.replace(`ID="${attempt.saying.responseId}"`, 'ID="_another"')
  await assert.rejects(attempt.finish(again), refuses(/used before/))
})

test('documents of the full size are refused or read in bounded time, whatever they are made of', async () => {
  const { begin, idp } = await samlCase()
  const attempt = await begin()
  const base = idp.respond(attempt.saying)
  const room = 250_000 - base.length
  const fill = (make: (n: number) => string) => {
    let text = ''
    for (let n = 0; text.length < room; n++) text += make(n)
    return text
  }
  const fillings = [
    fill((n) => `<a${n} xmlns:p${n}="u${n}"/>`),
    fill(() => '<a xmlns="u" b="1"/>'),
    fill((n) => `<a Id="x${n}"/>`),
    fill(() => 'x&#x41;&amp;'),
    `<a ${fill((n) => ` a${n}="1"`)}/>`,
    `<a ${fill((n) => ` xmlns:a${n}="1"`)}/>`,
    `<${'a'.repeat(room)}/>`,
    '<'.repeat(room),
    `<a b="${'&'.repeat(room)}"/>`,
    `<a${' '.repeat(room)}`,
  ]
  for (const filling of fillings) {
    const xml = base.replace('<samlp:Status>', `<samlp:Extensions>${filling}</samlp:Extensions><samlp:Status>`)
    const began = performance.now()
    await attempt.finish(xml).catch(() => {})
    const took = performance.now() - began
    assert.ok(took < 2_000, `${filling.slice(0, 30)} took ${took} ms`)
  }
})

test('whatever is done to a signed message, nobody is named but the person it was signed for', async () => {
  const { begin, idp } = await samlCase()
  const attempt = await begin()
  let count = 0
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('response', 'assertion', 'both'),
      fc.array(fc.tuple(fc.constantFrom('cut', 'double', 'move', 'text'), fc.nat(), fc.nat(), fc.nat()), {
        minLength: 1,
        maxLength: 3,
      }),
      async (signed, steps) => {
        const xml = idp.respond({ ...attempt.saying, assertionId: `_n${count++}` }, signed as 'both')
        const altered = steps.reduce((text, [kind, a, b, c]) => lay(text, { kind, a, b, c }), xml)
        try {
          const identity = await attempt.finish(altered)
          assert.deepEqual(
            [identity.userId, identity.email, identity.groups.join()],
            ['ada-0815', 'ada@corp.test', 'devops,staff'],
          )
        } catch (error) {
          assert.ok(error instanceof ProxyError, String(error))
          assert.ok(['CONNECTOR_ANSWER_INVALID', 'CONNECTOR_REFUSED'].includes(error.code), error.message)
        }
      },
    ),
    { numRuns: 600 },
  )
})

/** Takes the text in pieces, tags and what is between them, and lays hands on one of them, or on a run. */
function lay(
  text: string,
  { kind, a, b, c }: { readonly kind: string; readonly a: number; readonly b: number; readonly c: number },
): string {
  const pieces: string[] = text.match(/<[^>]*>|[^<]+/g) ?? []
  const from = a % pieces.length
  const run = pieces.slice(from, from + 1 + (b % 12))
  const rest = pieces.toSpliced(from, run.length)
  if (kind === 'cut') return rest.join('')
  if (kind === 'double') return pieces.toSpliced(c % pieces.length, 0, ...run).join('')
  if (kind === 'move') return rest.toSpliced(c % (rest.length + 1), 0, ...run).join('')
  return pieces.with(from, (pieces[from] ?? '').replace(/[a-z0-9]/i, VICTIM[c % VICTIM.length] ?? 'x')).join('')
}

test('the wrappings do name somebody else where nothing looks at signatures', async () => {
  const { begin, idp } = await samlCase()
  const { saying } = await begin()
  for (const { name, signed, wrap } of wrappings)
    assert.ok(wrapped(idp.respond(saying, signed), wrap, { own: saying.nameId, victim: VICTIM }).includes(VICTIM), name)
})

test('while a hostile answer of the full size is checked against all pinned certificates, everybody else is served', async () => {
  const others = await Promise.all(Array.from({ length: 7 }, () => makeSamlKeys()))
  const pem = [...others.map(({ certificate }) => certificate), (await sharedKeys()).certificate].join('\n')
  const { begin, idp, connector } = await samlCase({}, { pem })
  const attempt = await begin()
  const value = `<saml:Attribute Name="x"><saml:AttributeValue>${'y'.repeat(120)}</saml:AttributeValue></saml:Attribute>`
  const hostile = idp.respond(attempt.saying).replace('<saml:AttributeStatement>', `$&${value.repeat(1_150)}`)
  assert.ok(hostile.length > 200_000)
  // The thread has loaded what it needs.
  await attempt.finish(idp.respond(attempt.saying))
  const delays = monitorEventLoopDelay({ resolution: 5 })
  delays.enable()
  const began = performance.now()
  await assert.rejects(attempt.finish(hostile), refuses(/no pinned certificate verifies it/))
  const took = performance.now() - began
  delays.disable()
  const held = delays.max / 1e6
  assert.ok(held < 120, `the event loop was held up for ${held} ms of ${took}`)
  await connector.close()
})

test('answers that wait for their check are bounded: the next one is told to come back', async () => {
  const { begin, idp, connector } = await samlCase()
  const attempt = await begin()
  const xml = idp.respond(attempt.saying).replace('ada-0815', 'ada-0816')
  const ends = await Promise.allSettled(Array.from({ length: 40 }, () => attempt.finish(xml)))
  const codes = ends.map((end) => (end.status === 'rejected' ? end.reason.code : 'taken'))
  assert.ok(codes.includes('CONNECTOR_UNREACHABLE') && codes.includes('CONNECTOR_ANSWER_INVALID'), String(codes))
  assert.ok(!codes.includes('taken'))
  await connector.close()
  await assert.rejects(attempt.finish(idp.respond(attempt.saying)), { code: 'CONNECTOR_UNREACHABLE' })
})
