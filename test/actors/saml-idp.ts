/**
 * A SAML identity provider made for the tests: writes responses, signs them with xml-crypto (or wrongly, where a test says
 * so), and serves a sign-in address that sends the browser back. What it says can be altered before and after signing.
 */
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignedXml } from 'xml-crypto'

export const SAML_PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol'
export const SAML_ASSERTION = 'urn:oasis:names:tc:SAML:2.0:assertion'
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#'
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature'

/** What the provider says; every text goes into the XML as it is, so that tests can write any XML. */
export interface Saying {
  readonly inResponseTo: string
  readonly recipient: string
  readonly audience: string
  readonly nameId: string
  readonly nameIdFormat: string
  /** Name to values; a name may come twice. */
  readonly attributes: readonly (readonly [name: string, ...values: string[]])[]
  readonly responseId: string
  readonly assertionId: string
  readonly responseIssuer: string
  readonly issuer: string
  readonly destination: string
  readonly status: string
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly notBefore: number
  readonly notOnOrAfter: number
  readonly authnInstant: number
  /** More XML at these places. */
  readonly inConditions: string
  readonly beforeAssertion: string
  readonly inAssertion: string
}

export interface SigningOptions {
  readonly key?: string
  /** Told beside the signature, as most providers do. */
  readonly certificate?: string
  readonly algorithm?: string
  readonly digest?: string
  readonly transforms?: readonly string[]
  readonly canonicalization?: string
}

export interface SamlKeys {
  /** PEM. */
  readonly key: string
  readonly certificate: string
}

/** An RSA key and a certificate that vouches for itself, in its time from `notBefore` to `notAfter`. */
export async function makeSamlKeys({
  name = 'Identity provider of a test',
  notBefore = Date.now() - 86_400_000,
  notAfter = Date.now() + 365 * 86_400_000,
  bits = 2048,
} = {}): Promise<SamlKeys> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits })
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
  const importAs = (format: 'pkcs8' | 'spki', data: Buffer, usage: 'sign' | 'verify') =>
    webcrypto.subtle.importKey(format, new Uint8Array(data), algorithm, true, [usage])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    serialNumber: randomBytes(8).toString('hex'),
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    signingAlgorithm: algorithm,
    keys: {
      privateKey: await importAs('pkcs8', privateKey.export({ type: 'pkcs8', format: 'der' }), 'sign'),
      publicKey: await importAs('spki', publicKey.export({ type: 'spki', format: 'der' }), 'verify'),
    },
  })
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: `${certificate.toString('pem')}\n`,
  }
}

/** The response as XML, not signed. */
export function writeResponse(saying: Saying): string {
  const at = (moment: number) => new Date(moment).toISOString()
  const attributes = saying.attributes.map(
    ([name, ...values]) =>
      `<saml:Attribute Name="${name}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic">${values
        .map(
          (value) =>
            `<saml:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">${value}</saml:AttributeValue>`,
        )
        .join('')}</saml:Attribute>`,
  )
  return [
    `<samlp:Response xmlns:samlp="${SAML_PROTOCOL}" xmlns:saml="${SAML_ASSERTION}" ID="${saying.responseId}" Version="2.0" IssueInstant="${at(saying.now)}" Destination="${saying.destination}" InResponseTo="${saying.inResponseTo}">`,
    `<saml:Issuer>${saying.responseIssuer}</saml:Issuer>`,
    `<samlp:Status><samlp:StatusCode Value="${saying.status}"/></samlp:Status>`,
    saying.beforeAssertion,
    `<saml:Assertion ID="${saying.assertionId}" Version="2.0" IssueInstant="${at(saying.now)}">`,
    `<saml:Issuer>${saying.issuer}</saml:Issuer>`,
    `<saml:Subject><saml:NameID Format="${saying.nameIdFormat}">${saying.nameId}</saml:NameID>`,
    `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="${at(saying.notOnOrAfter)}" Recipient="${saying.recipient}" InResponseTo="${saying.inResponseTo}"/></saml:SubjectConfirmation></saml:Subject>`,
    `<saml:Conditions NotBefore="${at(saying.notBefore)}" NotOnOrAfter="${at(saying.notOnOrAfter)}"><saml:AudienceRestriction><saml:Audience>${saying.audience}</saml:Audience></saml:AudienceRestriction>${saying.inConditions}</saml:Conditions>`,
    `<saml:AuthnStatement AuthnInstant="${at(saying.authnInstant)}" SessionIndex="s1"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`,
    attributes.length > 0 ? `<saml:AttributeStatement>${attributes.join('')}</saml:AttributeStatement>` : '',
    saying.inAssertion,
    '</saml:Assertion></samlp:Response>',
  ].join('')
}

/** Signs the element with this XPath; the signature stands behind its issuer. */
export function signXml(xml: string, xpath: string, options: SigningOptions & { readonly key: string }): string {
  const signed = new SignedXml({
    privateKey: options.key,
    ...(options.certificate !== undefined && { publicCert: options.certificate }),
    signatureAlgorithm: options.algorithm ?? 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: (options.canonicalization ?? EXCLUSIVE) as typeof EXCLUSIVE,
    idAttribute: 'ID',
  })
  signed.addReference({
    xpath,
    digestAlgorithm: options.digest ?? 'http://www.w3.org/2001/04/xmlenc#sha256',
    transforms: [...(options.transforms ?? [ENVELOPED, EXCLUSIVE])],
  })
  signed.computeSignature(xml, {
    prefix: 'ds',
    location: { reference: `${xpath}/*[local-name(.)='Issuer']`, action: 'after' },
  })
  return signed.getSignedXml()
}

export const RESPONSE = '/*[local-name(.)="Response"]'
export const ASSERTION = `${RESPONSE}/*[local-name(.)="Assertion"]`

/** Which elements are signed; the assertion first, as a signature of the response covers it. */
export type Signed = 'response' | 'assertion' | 'both' | 'neither'

export interface SamlIdp {
  readonly entity: string
  readonly keys: SamlKeys
  /** What it says where nothing else is asked of it. */
  saying(about: { request: string; callback: string; audience?: string }): Saying
  /** XML, signed. */
  respond(saying: Saying, signed?: Signed, options?: SigningOptions): string
}

export function samlIdp({
  keys,
  entity,
  now = Date.now,
}: {
  keys: SamlKeys
  entity: string
  now?: () => number
}): SamlIdp {
  return {
    entity,
    keys,
    saying: ({ request, callback, audience = callback }) => ({
      inResponseTo: request,
      recipient: callback,
      audience,
      nameId: 'ada-0815',
      nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
      attributes: [
        ['name', 'Ada Lovelace'],
        ['email', 'ada@corp.test'],
        ['groups', 'devops', 'staff'],
      ],
      responseId: `_r${randomBytes(12).toString('hex')}`,
      assertionId: `_a${randomBytes(12).toString('hex')}`,
      responseIssuer: entity,
      issuer: entity,
      destination: callback,
      status: 'urn:oasis:names:tc:SAML:2.0:status:Success',
      now: now(),
      notBefore: now() - 1_000,
      notOnOrAfter: now() + 300_000,
      authnInstant: now(),
      inConditions: '',
      beforeAssertion: '',
      inAssertion: '',
    }),
    respond(saying, signed = 'assertion', options = {}) {
      const signing = { ...keys, ...options }
      const plain = writeResponse(saying)
      const inside = signed === 'assertion' || signed === 'both' ? signXml(plain, ASSERTION, signing) : plain
      return signed === 'response' || signed === 'both' ? signXml(inside, RESPONSE, signing) : inside
    },
  }
}

/** The id and the addresses in an AuthnRequest, of its base64. */
export function readAuthnRequest(encoded: string): {
  readonly xml: string
  attribute(name: string): string | undefined
} {
  const xml = Buffer.from(encoded, 'base64').toString()
  return { xml, attribute: (name) => new RegExp(`<(?:\\w+:)?AuthnRequest[^>]* ${name}="([^"]*)"`).exec(xml)?.[1] }
}

export interface RunningSamlIdp extends SamlIdp, AsyncDisposable {
  /** For `ssoURL`. */
  readonly url: string
  /** Laid over what it says. */
  lie: Partial<Saying>
  /** Changes the XML after signing. */
  alter: (xml: string) => string
  signed: Signed
}

/** Serves a sign-in address: a POST with SAMLRequest is answered by a form that goes back to where the request says. */
export async function startSamlIdp({ keys }: { keys?: SamlKeys } = {}): Promise<RunningSamlIdp> {
  const server = createServer((request, response) => {
    void serve(request).then((html) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const idp: RunningSamlIdp = {
    ...samlIdp({ keys: keys ?? (await makeSamlKeys()), entity: `${origin}/metadata` }),
    url: `${origin}/sso`,
    lie: {},
    alter: (xml) => xml,
    signed: 'assertion',
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }

  async function serve(request: IncomingMessage): Promise<string> {
    let body = ''
    for await (const chunk of request) body += chunk
    const form = new URLSearchParams(body)
    const asked = readAuthnRequest(form.get('SAMLRequest') ?? '')
    const callback = asked.attribute('AssertionConsumerServiceURL')
    if (callback === undefined) return '<title>Identity provider of a test</title>'
    const audience = /<(?:\w+:)?Issuer[^>]*>([^<]*)</.exec(asked.xml)?.[1] ?? callback
    const saying = { ...idp.saying({ request: asked.attribute('ID') ?? '', callback, audience }), ...idp.lie }
    const answer = Buffer.from(idp.alter(idp.respond(saying, idp.signed))).toString('base64')
    const state = (form.get('RelayState') ?? '').replaceAll('&', '&amp;').replaceAll('"', '&quot;')
    return `<title>Identity provider of a test</title><form method="post" action="${callback}"><input type="hidden" name="SAMLResponse" value="${answer}"><input type="hidden" name="RelayState" value="${state}"><button>Continue</button></form>`
  }

  return idp
}
