/** Assertions that the provider did sign, for somebody else, some other time or something else. */
import { writeResponse } from '#test/actors/saml-idp.ts'
import { type Attack, honest, MINUTE, sign } from './saml-attack.ts'

export const strays: readonly Attack[] = [
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
    name: 'a confirmation that is out of date, under conditions that are not',
    send: ({ idp, saying }) =>
      sign(
        idp,
        writeResponse(saying).replace(
          /(ConfirmationData NotOnOrAfter=")[^"]*/,
          `$1${new Date(saying.now - MINUTE).toISOString()}`,
        ),
      ),
    refusedFor: /SubjectConfirmationData is out of date/,
    alone: 'refuses',
  },
  {
    name: 'a session that is over at the provider',
    send: ({ idp, saying }) =>
      sign(
        idp,
        writeResponse(saying).replace(
          'SessionIndex=',
          `SessionNotOnOrAfter="${new Date(saying.now - MINUTE).toISOString()}" SessionIndex=`,
        ),
      ),
    refusedFor: /session at the provider is over/,
    alone: 'takes',
  },
  {
    name: 'somebody who will prove who they are in the future',
    send: (hand) => honest(hand, { authnInstant: hand.saying.now + 5 * MINUTE }),
    refusedFor: /AuthnInstant is in the future/,
    alone: 'takes',
  },
  {
    name: 'an assertion of SAML 1.1',
    send: ({ idp, saying }) => sign(idp, writeResponse(saying).replace(/(<saml:Assertion [^>]*Version=")2.0/, '$11.1')),
    refusedFor: /the assertion's version/,
    alone: 'takes',
  },
  {
    name: 'a NameID without a letter',
    send: (hand) => honest(hand, { nameId: ' ' }),
    refusedFor: /its NameID is blank/,
    alone: 'takes',
  },
  {
    name: 'a line end in the NameID',
    send: (hand) => honest(hand, { nameId: 'ada\nroot' }),
    refusedFor: /NameID is more than a line/,
    alone: 'takes',
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
]
