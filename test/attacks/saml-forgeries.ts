/** Messages that were wrapped, altered, never signed, or made to hurt whoever reads them. */
import { createHmac } from 'node:crypto'
import { ASSERTION, makeSamlKeys, signXml, writeResponse } from '#test/actors/saml-idp.ts'
import { type Attack, honest, sign, signatureOf, VICTIM } from './saml-attack.ts'
import { wrapped, wrappings } from './saml-wrappings.ts'

export const forgeries: readonly Attack[] = [
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
    send: async ({ saying }) => signXml(writeResponse({ ...saying, nameId: VICTIM }), ASSERTION, await makeSamlKeys()),
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
    send: (hand) => honest(hand).replace('<ds:KeyInfo>', '<ds:KeyInfo><ds:SignatureMethod Algorithm="x"/>'),
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
