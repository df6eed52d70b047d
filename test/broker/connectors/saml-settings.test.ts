import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { DiagnosticStep } from '#src/broker/connectors/connector.ts'
import { openSamlConnector } from '#src/broker/connectors/saml.ts'
import { samlSettings } from '#src/config/dex/connectors/saml.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { testCerts } from '#test/actors/certs.ts'
import { freePort } from '#test/actors/program.ts'
import { makeSamlKeys, startSamlIdp } from '#test/actors/saml-idp.ts'
import { CALLBACK, samlCase, settingsOf, sharedKeys } from './saml-case.ts'

const DAY_MS = 86_400_000
const minimal = { ssoURL: 'https://idp.corp.test/sso', redirectURI: CALLBACK, usernameAttr: 'n', emailAttr: 'e' }

function complaints(raw: Readonly<Record<string, unknown>>): string[] {
  const { error } = samlSettings.safeParse(raw)
  return (error?.issues ?? []).map((issue) => {
    const params = issue.code === 'custom' ? issue.params : {}
    return `${issue.path.join('.')}: ${issue.message} | ${params?.['found'] ?? ''} | ${params?.['hint'] ?? ''}`
  })
}

test("Dex's keys are read by Go's rules, in any case, with Dex's defaults", () => {
  const settings = samlSettings.parse({ ...minimal, CADATA: 'UEVN', groupsdelim: ',' })
  assert.equal(settings.caData, 'PEM')
  assert.equal(settings.groupsDelim, ',')
  assert.equal(settings.nameIDPolicyFormat, 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent')
  assert.deepEqual([settings.entityIssuer, settings.ssoIssuer, settings.groupsAttr], ['', '', ''])
  assert.equal(settings.filterGroups, false)
  const whole = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress'
  for (const nameIDPolicyFormat of ['emailAddress', whole])
    assert.equal(samlSettings.parse({ ...minimal, ca: 'x', nameIDPolicyFormat }).nameIDPolicyFormat, whole)
})

test('what cannot work is refused with the way out', () => {
  assert.deepEqual(complaints(minimal), [': one of the keys ca, caData | none | '])
  assert.deepEqual(complaints({ ...minimal, ca: 'x', caData: 'UEVN' }), [': one of the keys ca, caData | both | '])
  const { ssoURL: _, ...without } = minimal
  assert.match(complaints({ ...without, ca: 'x' }).join(), /a map that holds ssoURL/)
  assert.match(complaints({ ...minimal, ca: 'x', emailAttr: '' }).join(), /^emailAttr: text/)
  assert.match(complaints({ ...minimal, ca: 'x', ssoURL: 'javascript:alert(1)' }).join(), /^ssoURL: an address/)
  assert.match(complaints({ ...minimal, ca: 'x', allowedGroups: ['a'] }).join(), /groupsAttr beside allowedGroups/)
  assert.match(complaints({ ...minimal, ca: 'x', nameIDPolicyFormat: 'persistant' }).join(), /one of emailAddress,/)
  assert.match(complaints({ ...minimal, ca: 'x', nameIDPolicyFormat: 'encrypted' }).join(), /cannot be read/)
  assert.match(complaints({ ...minimal, ca: 'x', caDate: 'x' }).join(), /did you mean "caData"/)
})

test('insecureSkipSignatureValidation is refused with the reason; where it is off it stands in nobody’s way', () => {
  const [complaint, ...more] = complaints({ ...minimal, ca: 'x', insecureSkipSignatureValidation: true })
  assert.deepEqual(more, [])
  assert.match(
    complaint ?? '',
    /insecureSkipSignatureValidation: a key that is supported .* anybody could sign in as anybody/,
  )
  assert.deepEqual(complaints({ ...minimal, ca: 'x', insecureSkipSignatureValidation: false }), [])
})

function opened(raw: Readonly<Record<string, unknown>>, pem: string, callbackUrl = CALLBACK) {
  const warnings: string[] = []
  const connector = openSamlConnector(settingsOf(raw, pem), {
    id: 'corp',
    callbackUrl,
    readFile: async () => Promise.reject(Object.assign(new Error('/etc/x'), { code: 'ENOENT' })),
    now: Date.now,
    warn: (message) => void warnings.push(message),
  })
  const check = () => connector.check(AbortSignal.timeout(5_000))
  const steps = async () => {
    const found: DiagnosticStep[] = []
    for await (const step of connector.diagnose({ user: undefined, signal: AbortSignal.timeout(5_000) }))
      found.push(step)
    return found
  }
  return { connector, check, steps, warnings }
}

function failsWith(code: string, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ProxyError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  }
}

test('a redirectURI that is not ours stops the check and the sign-in', async () => {
  const { check, connector } = opened({}, (await sharedKeys()).certificate, 'https://broker.corp.test/dex/callback')
  const complaint = failsWith(
    'CONNECTOR_MISCONFIGURED',
    /redirectURI has to be https:\/\/broker.corp.test\/dex\/callback, got https:\/\/broker.corp.test\/callback/,
  )
  await assert.rejects(check, complaint)
  const scopes = { groups: false, offlineAccess: false }
  const signal = AbortSignal.timeout(1_000)
  await assert.rejects(connector.start({ state: 's', scopes, parameters: new URLSearchParams(), signal }), complaint)
})

test('a provider that answers passes the check; every step of the walk says what it found', async () => {
  await using idp = await startSamlIdp({ keys: await sharedKeys() })
  const { check, steps, warnings } = opened({ ssoURL: idp.url }, idp.keys.certificate)
  await check()
  assert.deepEqual(warnings, [])
  const walk = await steps()
  assert.deepEqual(
    walk.map(({ name, outcome }) => [name, outcome]),
    [
      ['settings', 'ok'],
      ['certificates', 'ok'],
      ['sign-in address', 'ok'],
      ['request', 'ok'],
      ['answer', 'skipped'],
    ],
  )
  assert.match(walk[1]?.details?.[0] ?? '', /^CN=Identity provider of a test: .* days left\), RSA 2048$/)
  assert.match(walk[3]?.details?.[0] ?? '', /<samlp:AuthnRequest /)
})

test('certificates out of their time are named, and with none in its time nobody signs in', async () => {
  await using idp = await startSamlIdp({ keys: await sharedKeys() })
  const old = await makeSamlKeys({ notAfter: Date.now() - DAY_MS, notBefore: Date.now() - 9 * DAY_MS })
  const next = await makeSamlKeys({ notBefore: Date.now() + DAY_MS, notAfter: Date.now() + 9 * DAY_MS })
  const some = opened({ ssoURL: idp.url }, old.certificate + idp.keys.certificate + next.certificate)
  await some.check()
  assert.equal(some.warnings.length, 2)
  assert.equal((await some.steps())[1]?.outcome, 'doubtful')
  assert.match((await some.steps())[1]?.details?.join('\n') ?? '', /expired.*days left.*not valid yet/s)

  const none = opened({ ssoURL: idp.url }, old.certificate)
  await assert.rejects(none.check, failsWith('CONNECTOR_MISCONFIGURED', /none is in its time/))
  assert.equal((await none.steps()).at(-1)?.outcome, 'failed')
  const { begin, idp: same } = await samlCase({}, { pem: old.certificate })
  const attempt = await begin()
  await assert.rejects(
    attempt.finish(same.respond(attempt.saying, 'response', { key: old.key })),
    failsWith('CONNECTOR_MISCONFIGURED', /none is in its time/),
  )
})

test('certificates that cannot be used are named', async () => {
  const { certificate, key } = await sharedKeys()
  const ecdsa = (await testCerts()).certificate
  const cases: readonly (readonly [Readonly<Record<string, unknown>>, string, RegExp])[] = [
    [{}, 'nothing', /PEM certificates are needed, got none/],
    [{}, key, /PEM certificates are needed, got none/],
    [{}, certificate.replace(/\n[A-Za-z0-9]{20}/, '\nAAAAAAAAAAAAAAAAAAAA'), /certificate 1 cannot be parsed/],
    [{}, ecdsa, /certificate 1 needs an RSA key/],
    [{}, certificate.repeat(9), /at most 8 certificates/],
    [{ ca: '/etc/x' }, '', /cannot use ca of connector corp: ENOENT/],
  ]
  for (const [raw, pem, message] of cases) {
    const { check, steps } = opened(raw, pem)
    await assert.rejects(check, failsWith('CONNECTOR_MISCONFIGURED', message))
    const last = (await steps()).at(-1)
    assert.equal(last?.outcome, 'failed')
    assert.match(last?.found ?? '', message)
  }
})

test('a key that is too short is warned of', async () => {
  const short = await makeSamlKeys({ bits: 1024 })
  await using idp = await startSamlIdp({ keys: short })
  const { check, steps, warnings } = opened({ ssoURL: idp.url }, short.certificate)
  await check()
  assert.match(warnings.join(), /pins a key that is too short: CN=Identity provider of a test, RSA 1024/)
  assert.match((await steps())[1]?.details?.[0] ?? '', /RSA 1024, which is too short/)
})

test('people are sent to https, or to this machine', async () => {
  const { certificate } = await sharedKeys()
  const complaint = failsWith('CONNECTOR_MISCONFIGURED', /ssoURL has to be https/)
  await assert.rejects(opened({ ssoURL: 'http://idp.corp.test/sso' }, certificate).check, complaint)
  await assert.rejects(opened({ ssoURL: 'http://127.0.0.1.corp.test/sso' }, certificate).check, complaint)
})

test('nobody at the address is told, and an answer of any kind is one', async () => {
  const { certificate } = await sharedKeys()
  const nobody = opened({ ssoURL: `http://127.0.0.1:${await freePort()}/sso` }, certificate)
  await assert.rejects(nobody.check, failsWith('CONNECTOR_UNREACHABLE', /ECONNREFUSED/))
  assert.equal((await nobody.steps()).at(-1)?.outcome, 'failed')

  const server = createServer((_, response) => response.writeHead(500).end('no SAMLRequest'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  await opened({ ssoURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }, certificate).check()
  server.close()
  server.closeAllConnections()
})

test('a provider whose certificate only browsers trust is doubtful, not lost', async () => {
  const { certificate, key } = await testCerts()
  const server = createTlsServer({ cert: certificate, key }, (_, response) => response.end('hello'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const ssoURL = `https://127.0.0.1:${(server.address() as AddressInfo).port}/sso`
  const { check, steps, warnings } = opened({ ssoURL }, (await sharedKeys()).certificate)
  await check()
  assert.match(warnings.join(), /a certificate that this machine does not trust/)
  assert.equal((await steps())[2]?.outcome, 'doubtful')
  server.close()
  server.closeAllConnections()
})
