import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { dexSubject } from '#src/broker/provider/dex-subject.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'
import { type Dex, startDex } from '#test/actors/dex.ts'
import { freePort, handOver, skipWithout, temporaryFolder } from '#test/actors/program.ts'
import {
  ASSERTION,
  makeSamlKeys,
  readAuthnRequest,
  type SamlIdp,
  type SamlKeys,
  type Saying,
  samlIdp,
  signXml,
  writeResponse,
} from '#test/actors/saml-idp.ts'
import { differingIds } from '#test/vectors/read-vectors.ts'
import { ENTITY, samlCase, sharedKeys } from './saml-case.ts'

/** What the identity provider answers. */
type Write = (hand: { readonly idp: SamlIdp; readonly saying: Saying; readonly old: SamlKeys }) => string

const SHA1 = {
  algorithm: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
  digest: 'http://www.w3.org/2000/09/xmldsig#sha1',
}

/** The assertion signed after `change` was laid on the response. */
const changed =
  (change: (xml: string) => string): Write =>
  ({ idp, saying }) =>
    signXml(change(writeResponse(saying)), ASSERTION, idp.keys)

const saying =
  (lie: (saying: Saying) => Partial<Saying>): Write =>
  ({ idp, saying: plain }) =>
    idp.respond({ ...plain, ...lie(plain) })

const withGroups = (...groups: Saying['attributes']) =>
  saying(({ attributes }) => ({ attributes: [...attributes.slice(0, 2), ...groups] }))

const cases: Readonly<Record<string, Write>> = {
  'response signed': ({ idp, saying: said }) => idp.respond(said, 'response'),
  'assertion signed': ({ idp, saying: said }) => idp.respond(said, 'assertion'),
  'both signed': ({ idp, saying: said }) => idp.respond(said, 'both'),
  'groups in many attributes': withGroups(['groups', 'a'], ['groups', 'b']),
  'spaces around values': saying(() => ({
    nameId: ' ada ',
    attributes: [
      ['name', ' Ada '],
      ['email', ' a@b.test '],
      ['groups', ' x '],
    ],
  })),
  'another certificate, out of its time': ({ idp, saying: said, old }) => idp.respond(said, 'response', old),
  'no NameID': saying(() => ({ nameId: '' })),
  'no e-mail address': saying(({ attributes }) => ({ attributes: attributes.filter(([name]) => name !== 'email') })),
  'a second restriction of the audience': saying(() => ({
    inConditions: '<saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction>',
  })),
  'another recipient': saying(() => ({ recipient: 'https://other.test' })),
  'another destination': ({ idp, saying: said }) =>
    idp.respond({ ...said, destination: 'https://other.test' }, 'response'),
  'another request': saying(() => ({ inResponseTo: '_other' })),
  'out of date': saying(({ now }) => ({ notOnOrAfter: now - 60_000 })),
  'of the future': saying(({ now }) => ({ notBefore: now + 60_000 })),
  'issuer of the response': ({ idp, saying: said }) =>
    idp.respond({ ...said, responseIssuer: 'https://other.test' }, 'response'),
  altered: ({ idp, saying: said }) => idp.respond(said).replace(said.nameId, 'root'),
  // Told otherwise, on purpose.
  'response altered': ({ idp, saying: said }) => idp.respond(said, 'both').replace('<samlp:Status>', '<samlp:Status> '),
  'SHA-1': ({ idp, saying: said }) => idp.respond(said, 'assertion', SHA1),
  'two assertions': ({ idp, saying: said }) => {
    const other = /<saml:Assertion .*<\/saml:Assertion>/s.exec(
      idp.respond({ ...said, assertionId: '_o', nameId: 'bob' }),
    )
    return idp.respond(said).replace('<saml:Assertion ', `${other?.[0] ?? ''}<saml:Assertion `)
  },
  'comment in NameID': ({ idp, saying: said }) => idp.respond(said).replace('ada-', 'ada<!---->-'),
  'no recipient': changed((xml) => xml.replace(/ Recipient="[^"]*"/, '')),
  'no end of the confirmation': changed((xml) => xml.replace(/(ConfirmationData) NotOnOrAfter="[^"]*"/, '$1')),
  'no audience': changed((xml) => xml.replace(/<saml:AudienceRestriction>.*<\/saml:AudienceRestriction>/, '')),
  'no conditions': changed((xml) => xml.replace(/<saml:Conditions.*<\/saml:Conditions>/, '')),
  'unknown condition': saying(() => ({ inConditions: '<x:OnlyOnSundays xmlns:x="urn:x"/>' })),
  'no authentication statement': changed((xml) => xml.replace(/<saml:AuthnStatement.*<\/saml:AuthnStatement>/, '')),
  'issued in the future': saying(({ now }) => ({ now: now + 600_000 })),
  'issuer of the assertion': saying(() => ({ issuer: 'https://other.test' })),
  'no groups': withGroups(),
  'groups twice': withGroups(['groups', 'a', 'a', '']),
}

test('answers mean the same to a real Dex, but for what is listed', { skip: skipWithout('dex') }, async (context) => {
  using folder = temporaryFolder('saml-dex')
  const keys = await sharedKeys()
  const old = await makeSamlKeys({ notAfter: Date.now() - 1_000 })
  const ca = `${folder.path}/idp.pem`
  writeFileSync(ca, keys.certificate + old.certificate)
  handOver(ca)
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}/dex`
  const config = {
    ssoURL: 'https://idp.corp.test/sso',
    redirectURI: `${issuer}/callback`,
    usernameAttr: 'name',
    emailAttr: 'email',
    groupsAttr: 'groups',
    ssoIssuer: ENTITY,
    ca,
  }
  await using dex = await startDex({
    port,
    configuration: {
      issuer,
      oauth2: { skipApprovalScreen: true },
      staticClients: [{ id: 'app', name: 'App', secret: 'secret', redirectURIs: ['http://app.test/cb'] }],
      connectors: [{ type: 'saml', id: 'saml', name: 'SAML', config }],
    },
  })
  const idp = samlIdp({ keys, entity: ENTITY })
  const differing = differingIds('dex-saml')
  for (const name of differing) assert.ok(Object.hasOwn(cases, name), `${name} is listed and no case`)
  for (const [name, write] of Object.entries(cases))
    await context.test(name, async () => {
      const theirs = await throughDex(dex, (said) => write({ idp, saying: said, old }), idp)
      const ours = await throughOurs((said) => write({ idp, saying: said, old }), keys.certificate + old.certificate)
      if (differing.has(name)) assert.notDeepEqual(ours, theirs, 'listed as a difference, and is none')
      else assert.deepEqual(ours, theirs)
    })
})

type Outcome =
  | { readonly sub: unknown; readonly name: unknown; readonly email: unknown; readonly groups: unknown }
  | 'refused'

async function throughOurs(write: (saying: Saying) => string, pem: string): Promise<Outcome> {
  const { begin } = await samlCase({ ssoIssuer: ENTITY }, { pem })
  const attempt = await begin()
  try {
    const { userId, name, email, groups } = await attempt.finish(write(attempt.saying))
    return { sub: dexSubject({ userId, connectorId: 'saml' }), name, email, groups }
  } catch (error) {
    assert.ok(error instanceof ProxyError, String(error))
    return 'refused'
  }
}

/** Signs in at Dex, as a browser and an application would. */
async function throughDex(dex: Dex, write: (saying: Saying) => string, idp: SamlIdp): Promise<Outcome> {
  const callback = `${dex.issuer}/callback`
  const application = { client_id: 'app', redirect_uri: 'http://app.test/cb' }
  const wish = { ...application, response_type: 'code', scope: 'openid profile email groups', state: 's' }
  const page = await (await fetch(`${dex.issuer}/auth/saml?${new URLSearchParams(wish)}`)).text()
  const field = (name: string) =>
    (new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? '').replaceAll('&#43;', '+')
  const request = readAuthnRequest(field('SAMLRequest')).attribute('ID') ?? assert.fail('no request')
  const xml = write(idp.saying({ request, callback }))
  let answer = await fetch(callback, {
    method: 'POST',
    body: new URLSearchParams({ SAMLResponse: Buffer.from(xml).toString('base64'), RelayState: field('RelayState') }),
    redirect: 'manual',
  })
  for (let hops = 0; hops < 4 && answer.status < 400; hops++) {
    const to = new URL(answer.headers.get('location') ?? '', dex.issuer)
    const code = to.searchParams.get('code')
    if (to.host === 'app.test' && code !== null) {
      const grant = { ...application, grant_type: 'authorization_code', code, client_secret: 'secret' }
      const token = await fetch(`${dex.issuer}/token`, { method: 'POST', body: new URLSearchParams(grant) })
      const { id_token } = (await token.json()) as { id_token: string }
      const claims = JSON.parse(Buffer.from(id_token.split('.')[1] ?? '', 'base64url').toString())
      return { sub: claims.sub, name: claims.name, email: claims.email, groups: claims.groups }
    }
    answer = await fetch(to, { redirect: 'manual' })
  }
  return 'refused'
}
