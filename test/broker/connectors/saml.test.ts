import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { ASSERTION, makeSamlKeys, readAuthnRequest, signXml, writeResponse } from '#test/actors/saml-idp.ts'
import { CALLBACK, ENTITY, samlCase, sharedKeys } from './saml-case.ts'

const ada = {
  userId: 'ada-0815',
  name: 'Ada Lovelace',
  preferredUsername: '',
  email: 'ada@corp.test',
  emailVerified: true,
  groups: ['devops', 'staff'],
}

function failsWith(code: string, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ProxyError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  }
}

for (const signed of ['response', 'assertion', 'both'] as const)
  test(`an answer with a signature of the ${signed === 'both' ? 'response and the assertion' : signed} tells who somebody is`, async () => {
    const { begin, idp, warnings } = await samlCase()
    const attempt = await begin()
    assert.deepEqual(await attempt.finish(idp.respond(attempt.saying, signed)), ada)
    assert.deepEqual(warnings, [])
  })

test('the request goes out by POST with an id of its own, our names and the kind of NameID', async () => {
  const { connector } = await samlCase({ entityIssuer: 'urn:ours', nameIDPolicyFormat: 'emailAddress' })
  const begin = () =>
    connector.start({
      state: 'S "1"',
      scopes: { groups: true, offlineAccess: false },
      parameters: new URLSearchParams({ login_hint: 'ada@corp.test' }),
      signal: AbortSignal.timeout(1_000),
    })
  const { send, secrets } = await begin()
  assert.equal(send.by, 'post')
  if (send.by !== 'post') return
  assert.equal(send.action, 'https://idp.corp.test/sso')
  assert.deepEqual(Object.keys(send.fields).sort(), ['RelayState', 'SAMLRequest'])
  assert.equal(send.fields['RelayState'], 'S "1"')
  const request = readAuthnRequest(send.fields['SAMLRequest'] ?? '')
  assert.match(request.attribute('ID') ?? '', /^_[0-9a-f]{40}$/)
  assert.equal(request.attribute('AssertionConsumerServiceURL'), CALLBACK)
  assert.equal(request.attribute('Destination'), 'https://idp.corp.test/sso')
  assert.equal(request.attribute('ProtocolBinding'), 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST')
  assert.equal(request.attribute('ForceAuthn'), undefined)
  assert.match(request.xml, /<saml:Issuer [^>]*>urn:ours<\/saml:Issuer>/)
  assert.match(request.xml, /Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"/)
  assert.doesNotMatch(request.xml, /RequestedAuthnContext|ada@corp.test/)
  assert.ok(secrets.includes(request.attribute('ID') ?? '-'))
  assert.notEqual((await begin()).secrets, secrets)
})

test('of several pinned certificates any one in its time will do', async () => {
  const [other, old] = [await makeSamlKeys(), await makeSamlKeys({ notAfter: Date.now() - 1_000 })]
  const { certificate } = await sharedKeys()
  const bundle = `${old.certificate}\n# the new one\n${other.certificate}${certificate}`
  const { begin, idp } = await samlCase({ ca: '/etc/idp.pem' }, { files: { '/etc/idp.pem': bundle } })
  const first = await begin()
  assert.deepEqual(await first.finish(idp.respond(first.saying)), ada)
  const second = await begin()
  assert.deepEqual(await second.finish(idp.respond(second.saying, 'response', { key: other.key })), ada)
  const third = await begin()
  await assert.rejects(
    third.finish(idp.respond(third.saying, 'response', { key: old.key })),
    failsWith('CONNECTOR_ANSWER_INVALID', /no pinned certificate verifies it/),
  )
})

test('groups come from many values, from many attributes of one name, or from one value with a delimiter', async () => {
  const shapes: readonly [object, readonly (readonly [string, ...string[]])[]][] = [
    [{}, [['groups', 'devops', 'staff']]],
    [
      {},
      [
        ['groups', 'devops'],
        ['groups', 'staff', 'devops'],
      ],
    ],
    [{ groupsDelim: ', ' }, [['groups', 'devops, staff']]],
  ]
  for (const [settings, groups] of shapes) {
    const { begin, idp } = await samlCase({ ...settings })
    const attempt = await begin()
    const attributes = [...attempt.saying.attributes.slice(0, 2), ...groups]
    assert.deepEqual(await attempt.finish(idp.respond({ ...attempt.saying, attributes })), ada)
  }
})

test('groups are told where they are asked for, and nobody has to have some', async () => {
  const { begin, idp } = await samlCase()
  const attempt = await begin()
  assert.deepEqual((await attempt.finish(idp.respond(attempt.saying), false)).groups, [])
  const alone = await begin()
  const attributes = alone.saying.attributes.slice(0, 2)
  assert.deepEqual((await alone.finish(idp.respond({ ...alone.saying, attributes }))).groups, [])
})

test('allowedGroups keeps others out, whether or not the application asks for groups', async () => {
  const { begin, idp } = await samlCase({ allowedGroups: ['staff'], filterGroups: true })
  const attempt = await begin()
  assert.deepEqual((await attempt.finish(idp.respond(attempt.saying))).groups, ['staff'])
  for (const groups of [true, false]) {
    const outsider = await begin()
    const attributes = [...outsider.saying.attributes.slice(0, 2), ['groups', 'Staff', 'staff '] as const]
    await assert.rejects(
      outsider.finish(idp.respond({ ...outsider.saying, attributes }), groups),
      failsWith('ACCOUNT_NOT_ALLOWED', /allowedGroups/),
    )
    const insider = await begin()
    assert.equal((await insider.finish(idp.respond(insider.saying), groups)).userId, 'ada-0815')
  }
})

test('an account without e-mail address or name is told so, and the log says what was there', async () => {
  const { begin, idp } = await samlCase()
  const bare = await begin()
  await assert.rejects(
    bare.finish(
      idp.respond({
        ...bare.saying,
        attributes: [
          ['name', 'Ada'],
          ['mail', 'ada@corp.test'],
        ],
      }),
    ),
    failsWith('ACCOUNT_WITHOUT_EMAIL', /emailAttr "email" is not in the assertion, got "name", "mail"/),
  )
  const nameless = await begin()
  await assert.rejects(
    nameless.finish(
      idp.respond({
        ...nameless.saying,
        attributes: [
          ['name', ' '],
          ['email', 'ada@corp.test'],
        ],
      }),
    ),
    failsWith('ACCOUNT_INCOMPLETE', /usernameAttr/),
  )
})

test('letters, entities and white space of texts arrive as the provider meant them', async () => {
  const { begin, idp } = await samlCase()
  const attempt = await begin()
  const attributes = [
    ['name', 'Zoë &amp; &#x1F98A; &lt;O&apos;Neil&gt;'],
    ['email', 'zo&#xEB;@corp.test'],
  ] as const
  const { name, email } = await attempt.finish(idp.respond({ ...attempt.saying, attributes }, 'both'))
  assert.equal(name, "Zoë & 🦊 <O'Neil>")
  assert.equal(email, 'zoë@corp.test')
})

test('a provider that refuses is quoted in the log, and the person is told that it was the provider', async () => {
  const { begin } = await samlCase()
  const attempt = await begin()
  const xml = writeResponse({ ...attempt.saying, status: 'urn:oasis:names:tc:SAML:2.0:status:Responder' })
    .replace(/<saml:Assertion.*<\/saml:Assertion>/, '')
    .replace(
      'Responder"/>',
      'Responder"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"/></samlp:StatusCode><samlp:StatusMessage>not\ntoday</samlp:StatusMessage>',
    )
  await assert.rejects(attempt.finish(xml), failsWith('CONNECTOR_REFUSED', /AuthnFailed", "not\\ntoday"/))
})

test('an assertion is good for one sign-in', async () => {
  const { begin, idp } = await samlCase()
  const attempt = await begin()
  const xml = idp.respond(attempt.saying, 'both')
  assert.equal((await attempt.finish(xml)).userId, 'ada-0815')
  await assert.rejects(attempt.finish(xml), failsWith('CONNECTOR_ANSWER_INVALID', /used before/))
  const [one, two] = await Promise.allSettled(
    [1, 2].map(async () => attempt.finish(idp.respond({ ...attempt.saying, assertionId: '_twice' }))),
  )
  assert.deepEqual([one?.status, two?.status].sort(), ['fulfilled', 'rejected'])
})

test('clocks may differ by thirty seconds and not by more', async () => {
  const { begin, idp, shift } = await samlCase()
  const attempt = await begin()
  const saying = (assertionId: string) => idp.respond({ ...attempt.saying, assertionId })
  shift(300_000 + 28_000)
  assert.equal((await attempt.finish(saying('_late'))).userId, 'ada-0815')
  shift(4_000)
  await assert.rejects(attempt.finish(saying('_later')), failsWith('CONNECTOR_ANSWER_INVALID', /out of date/))
  shift(-332_000 - 29_000)
  assert.equal((await attempt.finish(saying('_early'))).userId, 'ada-0815')
  shift(-4_000)
  await assert.rejects(attempt.finish(saying('_earlier')), failsWith('CONNECTOR_ANSWER_INVALID', /future/))
})

test('requireBothSignatures takes one signature for none', async () => {
  const { begin, idp } = await samlCase({ requireBothSignatures: true })
  for (const signed of ['response', 'assertion'] as const) {
    const attempt = await begin()
    await assert.rejects(
      attempt.finish(idp.respond(attempt.saying, signed)),
      failsWith('CONNECTOR_ANSWER_INVALID', /requireBothSignatures/),
    )
  }
  const attempt = await begin()
  assert.deepEqual(await attempt.finish(idp.respond(attempt.saying, 'both')), ada)
})

test('maxAuthenticationAge asks for a fresh sign-in and takes no old one', async () => {
  const { begin, idp, connector } = await samlCase({ maxAuthenticationAge: '10m' })
  const { send } = await connector.start({
    state: 's',
    scopes: { groups: false, offlineAccess: false },
    parameters: new URLSearchParams(),
    signal: AbortSignal.timeout(1_000),
  })
  assert.equal(
    readAuthnRequest(send.by === 'post' ? (send.fields['SAMLRequest'] ?? '') : '').attribute('ForceAuthn'),
    'true',
  )
  const attempt = await begin()
  const at = (minutes: number, assertionId: string) =>
    idp.respond({ ...attempt.saying, assertionId, authnInstant: Date.now() - minutes * 60_000 })
  assert.equal((await attempt.finish(at(9, '_nine'))).userId, 'ada-0815')
  await assert.rejects(attempt.finish(at(11, '_eleven')), failsWith('CONNECTOR_ANSWER_INVALID', /too long ago/))
})

test('SHA-1 is taken where it is allowed by name', async () => {
  const sha1 = {
    algorithm: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
    digest: 'http://www.w3.org/2000/09/xmldsig#sha1',
  }
  const { begin, idp } = await samlCase({ insecureAllowSHA1: true })
  const attempt = await begin()
  assert.deepEqual(await attempt.finish(idp.respond(attempt.saying, 'assertion', sha1)), ada)
})

test('RSA-PSS, SHA-512 and inclusive canonicalization are taken', async () => {
  const { begin, idp } = await samlCase()
  for (const options of [
    { algorithm: 'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1' },
    {
      algorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
      digest: 'http://www.w3.org/2001/04/xmlenc#sha512',
    },
    { canonicalization: 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315' },
  ]) {
    const attempt = await begin()
    assert.deepEqual(
      await attempt.finish(idp.respond(attempt.saying, 'response', options)),
      ada,
      JSON.stringify(options),
    )
  }
})

test('a transient NameID is warned of once', async () => {
  const { begin, idp, warnings } = await samlCase()
  for (let times = 0; times < 2; times++) {
    const attempt = await begin()
    await attempt.finish(
      idp.respond({ ...attempt.saying, nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' }),
    )
  }
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] ?? '', /transient/)
})

test('ssoIssuer is compared with the issuer of the assertion and of the response', async () => {
  const { begin, idp } = await samlCase({ ssoIssuer: ENTITY })
  const right = await begin()
  assert.deepEqual(await right.finish(idp.respond(right.saying)), ada)
  for (const other of [{ issuer: 'https://other.test' }, { responseIssuer: 'https://other.test' }]) {
    const attempt = await begin()
    await assert.rejects(
      attempt.finish(idp.respond({ ...attempt.saying, ...other })),
      failsWith('CONNECTOR_ANSWER_INVALID', /Issuer is not ssoIssuer/),
    )
  }
})

test('a provider that pretty-prints, cuts its base64 in lines and uses other prefixes is understood', async () => {
  const { begin, idp } = await samlCase()
  const attempt = await begin()
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n${writeResponse(attempt.saying)
    .replaceAll('samlp:', 'p:')
    .replaceAll('xmlns:samlp', 'xmlns:p')
    .replaceAll('saml:Assertion', 'Assertion')
    .replace(
      '<Assertion ',
      '<Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ',
    )
    .replaceAll('><', '>\r\n  <')}\n`
  const signed = signXml(xml, ASSERTION, { key: idp.keys.key })
  const base64 = Buffer.from(signed).toString('base64').replace(/.{76}/g, '$&\r\n')
  const answer = new URLSearchParams({ SAMLResponse: base64, RelayState: 'state-of-the-broker' })
  assert.deepEqual(await attempt.finishRaw(answer), ada)
})
