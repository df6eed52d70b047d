import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { SAML, ValidateInResponseTo } from '@node-saml/node-saml'
import fc from 'fast-check'
import { ProxyError } from '#src/errors/proxy-error.ts'
import {
  ASSERTION,
  makeSamlKeys,
  RESPONSE,
  type SamlIdp,
  type Saying,
  signXml,
  writeResponse,
} from '#test/actors/saml-idp.ts'
import { answerOf, CALLBACK, samlCase, sharedKeys } from '#test/broker/connectors/saml-case.ts'
import { wrapped, wrappings } from './saml-wrappings.ts'

const VICTIM = 'root-0001'

interface Hand {
  readonly saying: Saying
  readonly idp: SamlIdp
}

interface Attack {
  readonly name: string
  /** The message as the attacker sends it. */
  readonly send: (hand: Hand) => string | Promise<string>
  readonly refusedFor: RegExp
  /** What node-saml alone makes of it, with the options that the decision page names. */
  readonly alone: 'takes' | 'refuses'
}

const sign = (idp: SamlIdp, xml: string, xpath = ASSERTION) => signXml(xml, xpath, { key: idp.keys.key })
const honest = ({ idp, saying }: Hand, lie: Partial<Saying> = {}) => idp.respond({ ...saying, ...lie })
const MINUTE = 60_000
const signatureOf = (xml: string) => /<ds:Signature .*?<\/ds:Signature>/s.exec(xml)?.[0] ?? ''

const attacks: readonly Attack[] = [
  ...wrappings.map(
    ({ name, signed, wrap }, index): Attack => ({
      name,
      send: ({ idp, saying }) => wrapped(idp.respond(saying, signed), wrap, { own: saying.nameId, victim: VICTIM }),
      refusedFor: [/one assertion|several/, /one assertion|response in the response/][index] ?? /one assertion/,
      alone: 'refuses',
    }),
  ),

  // What was signed, altered.
  {
    name: 'another NameID after the assertion was signed',
    send: (hand) => honest(hand).replace(hand.saying.nameId, VICTIM),
    refusedFor: /no pinned certificate verifies it/,
    alone: 'refuses',
  },
  {
    name: 'another group after the response was signed',
    send: ({ idp, saying }) => idp.respond(saying, 'response').replace('>staff<', '>admins<'),
    refusedFor: /no pinned certificate verifies it/,
    alone: 'refuses',
  },
  {
    name: 'a response whose signature is broken around an assertion whose signature holds',
    send: ({ idp, saying }) => idp.respond(saying, 'both').replace('<samlp:Status>', '<samlp:Status> '),
    refusedFor: /no pinned certificate verifies it/,
    alone: 'takes',
  },
  {
    name: 'a comment that cuts the NameID in two',
    send: (hand) => honest(hand, { nameId: `${VICTIM}.evil.test` }).replace('.evil.test', '<!---->.evil.test'),
    refusedFor: /a document type, a comment or CDATA/,
    alone: 'takes',
  },
  {
    name: 'a comment that cuts an e-mail address in two',
    send: (hand) => honest(hand).replace('>ada@corp.test<', '>ada@corp.test<!-- -->.evil.test<'),
    refusedFor: /a document type, a comment or CDATA/,
    alone: 'refuses',
  },
  {
    name: 'CDATA that cuts the NameID in two',
    send: (hand) => honest(hand).replace('ada-0815', 'ada<![CDATA[-0815]]>'),
    refusedFor: /a document type, a comment or CDATA/,
    alone: 'takes',
  },
  {
    name: 'a processing instruction beside what is signed',
    send: (hand) => honest(hand).replace('<samlp:Status>', '<?php echo 1 ?><samlp:Status>'),
    refusedFor: /a processing instruction/,
    alone: 'takes',
  },
  {
    name: 'a comment in the digest (CVE-2025-29775)',
    send: (hand) =>
      honest(hand).replace(hand.saying.nameId, VICTIM).replace('<ds:DigestValue>', '<ds:DigestValue><!--AAAA-->'),
    refusedFor: /a document type, a comment or CDATA/,
    alone: 'refuses',
  },
  {
    name: 'an element inside of the NameID',
    send: (hand) => honest(hand, { nameId: `${VICTIM}<saml:Audience>x</saml:Audience>` }),
    refusedFor: /NameID is more than a line of text/,
    alone: 'takes',
  },

  // Signatures that are none.
  {
    name: 'no signature',
    send: ({ saying }) => writeResponse(saying),
    refusedFor: /neither the response nor/,
    alone: 'refuses',
  },
  {
    name: 'the signature of another key, with its certificate beside it',
    async send({ saying }) {
      const stranger = await makeSamlKeys()
      const keyInfo = `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${stranger.certificate.replace(/-.*-|\n/g, '')}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`
      const xml = signXml(writeResponse({ ...saying, nameId: VICTIM }), ASSERTION, { key: stranger.key })
      return xml.replace('</ds:SignatureValue>', `</ds:SignatureValue>${keyInfo}`)
    },
    refusedFor: /no pinned certificate verifies it/,
    alone: 'refuses',
  },
  {
    name: 'a signature without a reference',
    send: (hand) => honest(hand).replace(/<ds:Reference .*<\/ds:Reference>/s, ''),
    refusedFor: /SignedInfo of its signature has to hold/,
    alone: 'refuses',
  },
  {
    name: 'a signature with two references',
    send: (hand) => honest(hand).replace(/<ds:Reference .*<\/ds:Reference>/s, '$&$&'),
    refusedFor: /SignedInfo of its signature has to hold/,
    alone: 'refuses',
  },
  {
    name: 'a signature with two SignedInfo (CVE-2025-29774)',
    send: (hand) => honest(hand).replace(/<ds:SignedInfo>.*<\/ds:SignedInfo>/s, '$&$&'),
    refusedFor: /Signature of its signature has to hold/,
    alone: 'refuses',
  },
  {
    name: 'a signature over another element of the assertion',
    send({ idp, saying }) {
      const inAssertion = '<saml:Advice ID="_advice"><saml:Issuer>a</saml:Issuer></saml:Advice>'
      const written = writeResponse({ ...saying, nameId: VICTIM, inAssertion })
      const xml = sign(idp, written, `${ASSERTION}/*[local-name(.)="Advice"]`)
      const signature = signatureOf(xml)
      return xml.replace(signature, '').replace('<saml:Subject>', `${signature}<saml:Subject>`)
    },
    refusedFor: /covers another element/,
    alone: 'refuses',
  },
  {
    name: 'a signature over the whole document, without a name',
    send: (hand) => honest(hand).replace(/URI="#[^"]*"/, 'URI=""'),
    refusedFor: /covers another element/,
    alone: 'refuses',
  },
  {
    name: 'the algorithm none',
    send: (hand) => honest(hand).replace(/(<ds:SignatureMethod Algorithm=")[^"]*/, '$1none'),
    refusedFor: /signature algorithm is not taken/,
    alone: 'refuses',
  },
  {
    name: 'an HMAC made with the certificate as its key',
    send({ idp, saying }) {
      const xml = idp
        .respond({ ...saying, nameId: VICTIM })
        .replace(/(<ds:SignatureMethod Algorithm=")[^"]*/, '$1http://www.w3.org/2000/09/xmldsig#hmac-sha1')
      const info = (/<ds:SignedInfo>.*<\/ds:SignedInfo>/s.exec(xml)?.[0] ?? '').replace(
        '<ds:SignedInfo>',
        '<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">',
      )
      const value = createHmac('sha1', idp.keys.certificate).update(info).digest('base64')
      return xml.replace(/(<ds:SignatureValue>)[^<]*/, `$1${value}`)
    },
    refusedFor: /signature algorithm is not taken/,
    alone: 'refuses',
  },
  {
    name: 'SHA-1',
    send: ({ idp, saying }) =>
      idp.respond(saying, 'assertion', { algorithm: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' }),
    refusedFor: /insecureAllowSHA1 is not set/,
    alone: 'takes',
  },
  {
    name: 'a digest with SHA-1',
    send: ({ idp, saying }) => idp.respond(saying, 'assertion', { digest: 'http://www.w3.org/2000/09/xmldsig#sha1' }),
    refusedFor: /insecureAllowSHA1 is not set/,
    alone: 'takes',
  },
  {
    name: 'a transform that picks what is covered',
    send: (hand) =>
      honest(hand).replace(
        /<ds:Transform Algorithm="[^"]*exc-c14n#"\/>/,
        '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>1</ds:XPath></ds:Transform>',
      ),
    refusedFor: /holds more than an algorithm/,
    alone: 'refuses',
  },
  {
    name: 'a transform of another kind',
    send: ({ idp, saying }) =>
      idp
        .respond(saying)
        .replace(
          'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
          'http://www.w3.org/TR/1999/REC-xslt-19991116',
        ),
    refusedFor: /transforms what it covers otherwise/,
    alone: 'refuses',
  },
  {
    name: 'parts of another signature in KeyInfo',
    send: (hand) =>
      honest(hand).replace(
        '</ds:SignatureValue>',
        '</ds:SignatureValue><ds:KeyInfo><ds:SignatureMethod Algorithm="x"/></ds:KeyInfo>',
      ),
    refusedFor: /KeyInfo holds parts of a signature/,
    alone: 'takes',
  },
  {
    name: 'a second signature in an extension',
    send: (hand) => {
      const xml = honest(hand)
      return xml.replace('<samlp:Status>', `<samlp:Extensions>${signatureOf(xml)}</samlp:Extensions><samlp:Status>`)
    },
    refusedFor: /neither of the response nor of the assertion|same id/,
    alone: 'refuses',
  },

  // Elements that could be taken for others.
  {
    name: 'the id of the assertion on a second element',
    send: (hand) => honest(hand).replace('<samlp:Status>', `<samlp:Status ID="${hand.saying.assertionId}">`),
    refusedFor: /the same id/,
    alone: 'refuses',
  },
  {
    name: 'the id of the assertion on a second element, spelt Id',
    send: (hand) => honest(hand).replace('<samlp:Status>', `<samlp:Status Id="${hand.saying.assertionId}">`),
    refusedFor: /the same id/,
    alone: 'refuses',
  },
  {
    name: 'the id of the assertion on a second element, as xml:id',
    send: (hand) => honest(hand).replace('<samlp:Status>', `<samlp:Status xml:id="${hand.saying.assertionId}">`),
    refusedFor: /the same id/,
    alone: 'refuses',
  },
  {
    name: 'two assertions, both signed by the provider',
    send({ idp, saying }) {
      const other = idp.respond({ ...saying, assertionId: '_other', nameId: 'bob' })
      const second = /<saml:Assertion .*<\/saml:Assertion>/s.exec(other)?.[0] ?? ''
      return idp.respond(saying).replace('<saml:Assertion ', `${second}<saml:Assertion `)
    },
    refusedFor: /one assertion in the response/,
    alone: 'refuses',
  },
  {
    name: 'an element called Assertion of another namespace',
    send: (hand) => honest(hand).replace('<samlp:Status>', '<x:Assertion xmlns:x="urn:x"/><samlp:Status>'),
    refusedFor: /one assertion in the response/,
    alone: 'refuses',
  },
  {
    name: 'an assertion of another namespace, signed',
    send: ({ idp, saying }) =>
      sign(idp, writeResponse(saying).replace('<saml:Assertion ', '<saml:Assertion xmlns:saml="urn:x" ')),
    refusedFor: /one assertion in the response/,
    alone: 'takes',
  },
  {
    name: 'a response of another namespace',
    send: (hand) => honest(hand).replace('urn:oasis:names:tc:SAML:2.0:protocol', 'urn:x'),
    refusedFor: /a SAML 2.0 response is needed/,
    alone: 'takes',
  },
  {
    name: 'an encrypted assertion',
    send: (hand) => honest(hand).replace(/<saml:Assertion .*<\/saml:Assertion>/s, '<saml:EncryptedAssertion/>'),
    refusedFor: /it is encrypted/,
    alone: 'refuses',
  },

  // An assertion for somebody else, some other time, something else.
  {
    name: 'another audience',
    send: (hand) => honest(hand, { audience: 'https://other.test' }),
    refusedFor: /it is not for https:\/\/broker/,
    alone: 'refuses',
  },
  {
    name: 'a second restriction of the audience',
    send: (hand) =>
      honest(hand, {
        inConditions:
          '<saml:AudienceRestriction><saml:Audience>https://other.test</saml:Audience></saml:AudienceRestriction>',
      }),
    refusedFor: /it is not for https:\/\/broker/,
    alone: 'refuses',
  },
  {
    name: 'no audience',
    send: ({ idp, saying }) =>
      sign(idp, writeResponse(saying).replace(/<saml:AudienceRestriction>.*<\/saml:AudienceRestriction>/, '')),
    refusedFor: /for whom it is/,
    alone: 'refuses',
  },
  {
    name: 'no conditions',
    send: ({ idp, saying }) => sign(idp, writeResponse(saying).replace(/<saml:Conditions.*<\/saml:Conditions>/, '')),
    refusedFor: /needs one Conditions/,
    alone: 'refuses',
  },
  {
    name: 'a condition that nobody knows',
    send: (hand) => honest(hand, { inConditions: '<x:OnlyOnSundays xmlns:x="urn:x"/>' }),
    refusedFor: /condition that nobody here knows/,
    alone: 'takes',
  },
  {
    name: 'another recipient',
    send: (hand) => honest(hand, { recipient: 'https://other.test/acs' }),
    refusedFor: /its Recipient is not/,
    alone: 'takes',
  },
  {
    name: 'no recipient',
    send: ({ idp, saying }) => sign(idp, writeResponse(saying).replace(/ Recipient="[^"]*"/, '')),
    refusedFor: /its Recipient is not/,
    alone: 'takes',
  },
  {
    name: 'another destination',
    send: (hand) => honest(hand, { destination: 'https://other.test/acs' }),
    refusedFor: /its Destination is not/,
    alone: 'takes',
  },
  {
    name: 'a confirmation without an end',
    send: ({ idp, saying }) =>
      sign(idp, writeResponse(saying).replace(/(ConfirmationData) NotOnOrAfter="[^"]*"/, '$1')),
    refusedFor: /has no end|NotOnOrAfter: 'undefined' is not a valid date/,
    alone: 'refuses',
  },
  {
    name: 'a confirmation that needs a key',
    send: ({ idp, saying }) => sign(idp, writeResponse(saying).replace('cm:bearer', 'cm:holder-of-key')),
    refusedFor: /nothing confirms/,
    alone: 'takes',
  },
  {
    name: 'no confirmation',
    send: ({ idp, saying }) =>
      sign(idp, writeResponse(saying).replace(/<saml:SubjectConfirmation .*<\/saml:SubjectConfirmation>/, '')),
    refusedFor: /nothing confirms/,
    alone: 'takes',
  },
  {
    name: 'no statement that anybody proved who they are',
    send: ({ idp, saying }) =>
      sign(idp, writeResponse(saying).replace(/<saml:AuthnStatement.*<\/saml:AuthnStatement>/, '')),
    refusedFor: /AuthnStatement/,
    alone: 'takes',
  },
  {
    name: 'an answer that nobody asked for',
    send: ({ idp, saying }) => sign(idp, writeResponse(saying).replaceAll(/ InResponseTo="[^"]*"/g, '')),
    refusedFor: /InResponseTo is missing/,
    alone: 'refuses',
  },
  {
    name: 'the answer to another request',
    send: (hand) => honest(hand, { inResponseTo: '_other' }),
    refusedFor: /answers another request/,
    alone: 'refuses',
  },
  {
    name: 'the answer to another request in a response that says ours',
    send: (hand) =>
      honest(hand, { inResponseTo: '_other' }).replace(
        'InResponseTo="_other"',
        `InResponseTo="${hand.saying.inResponseTo}"`,
      ),
    refusedFor: /confirmed for another request/,
    alone: 'refuses',
  },
  {
    name: 'an assertion that nobody asked for in a response that says ours',
    send: ({ idp, saying }) => {
      const [head = '', tail = ''] = writeResponse(saying).split('<saml:Assertion ')
      return sign(idp, `${head}<saml:Assertion ${tail.replace(/ InResponseTo="[^"]*"/, '')}`)
    },
    refusedFor: /confirmed for another request/,
    alone: 'takes',
  },
  {
    name: 'out of date',
    send: (hand) => honest(hand, { notBefore: hand.saying.now - 5 * MINUTE, notOnOrAfter: hand.saying.now - MINUTE }),
    refusedFor: /out of date/,
    alone: 'refuses',
  },
  {
    name: 'of the future',
    send: (hand) =>
      honest(hand, { notBefore: hand.saying.now + 5 * MINUTE, notOnOrAfter: hand.saying.now + 9 * MINUTE }),
    refusedFor: /of the future/,
    alone: 'refuses',
  },
  {
    name: 'issued in the future',
    send: (hand) => honest(hand, { now: hand.saying.now + 5 * MINUTE }),
    refusedFor: /issued in the future/,
    alone: 'takes',
  },
  {
    name: 'issued the day before yesterday, good for ever',
    send: (hand) => honest(hand, { now: hand.saying.now - 48 * 60 * MINUTE, notOnOrAfter: Date.UTC(2099, 0) }),
    refusedFor: /more than a day ago/,
    alone: 'takes',
  },
  {
    name: 'a time without a zone',
    send: ({ idp, saying }) => sign(idp, writeResponse(saying).replaceAll(/\.\d{3}Z"/g, '"')),
    refusedFor: /is no time/,
    alone: 'takes',
  },

  // Documents made to hurt.
  {
    name: 'an external entity',
    send: (hand) =>
      `<!DOCTYPE samlp:Response [<!ENTITY x SYSTEM "file:///etc/passwd">]>${honest(hand).replace('>devops<', '>&x;<')}`,
    refusedFor: /a document type/,
    alone: 'refuses',
  },
  {
    name: 'a document type that is never used',
    send: (hand) => `<!DOCTYPE samlp:Response SYSTEM "https://evil.test/x.dtd">${honest(hand)}`,
    refusedFor: /a document type/,
    alone: 'takes',
  },
  {
    name: 'a billion laughs',
    send: (hand) => {
      const laughs = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`)
      return `<!DOCTYPE r [<!ENTITY l0 "ha">${laughs.join('')}]>${honest(hand).replace('>devops<', '>&l9;<')}`
    },
    refusedFor: /a document type/,
    alone: 'refuses',
  },
  {
    name: 'an entity that is not declared',
    send: (hand) => honest(hand).replace('<samlp:Status>', '<samlp:Status>&nbsp;'),
    refusedFor: /names an entity/,
    alone: 'refuses',
  },
  {
    name: 'two roots',
    send: (hand) => `${honest(hand)}<x/>`,
    refusedFor: /beside its one element/,
    alone: 'refuses',
  },
  {
    name: 'an attribute given twice',
    send: (hand) => honest(hand).replace('Version="2.0"', 'Version="2.0" Version="2.0"'),
    refusedFor: /given twice/,
    alone: 'refuses',
  },
  {
    name: 'a document of ten megabytes',
    send: (hand) => honest(hand).replace('<samlp:Status>', `<samlp:Status>${' '.repeat(10 * 1024 * 1024)}`),
    refusedFor: /longer than 262144 octets/,
    alone: 'takes',
  },
  {
    name: 'elements inside of each other, ten thousand deep',
    send: (hand) =>
      honest(hand).replace(
        '<samlp:Status>',
        `<samlp:Extensions>${'<a>'.repeat(10_000)}${'</a>'.repeat(10_000)}</samlp:Extensions><samlp:Status>`,
      ),
    refusedFor: /more than 24 deep/,
    alone: 'takes',
  },
]

/** What node-saml says without anything of ours around it: the NameID it would give, or undefined. */
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
    ({ profile }) => profile?.nameID,
    () => undefined,
  )
}

for (const { name, send, refusedFor, alone: library } of attacks)
  test(`refused: ${name}`, async () => {
    const { begin, idp } = await samlCase()
    const attempt = await begin()
    const xml = await send({ saying: attempt.saying, idp })
    const began = performance.now()
    await assert.rejects(attempt.finish(xml), refuses(refusedFor))
    assert.ok(performance.now() - began < 1_000, 'it took long to refuse')
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
  assert.match(signXml(writeResponse(saying), RESPONSE, { key: idp.keys.key }), /<ds:Signature /)
})
