/** The request that the browser carries to the identity provider (SAML 2.0 Core §3.4.1, Bindings §3.5.4). */
import { randomBytes } from 'node:crypto'
import type { SamlSettings } from '../../../config/dex/connectors/saml.ts'

/** An NCName of 160 random bits: the answer has to name it (Core §1.3.4). */
export function newRequestId(): string {
  return `_${randomBytes(20).toString('hex')}`
}

/** Who we are to the provider: issuer of requests, audience of answers. */
export function entityOf({ entityIssuer, redirectURI }: SamlSettings): string {
  return entityIssuer === '' ? redirectURI : entityIssuer
}

/** Unsigned, as Dex's: it holds nothing secret, and whoever alters it gets an answer that is not taken. */
export async function writeAuthnRequest(settings: SamlSettings, id: string): Promise<string> {
  const { SAML } = await import('@node-saml/node-saml')
  const saml = new SAML({
    entryPoint: settings.ssoURL,
    callbackUrl: settings.redirectURI,
    issuer: entityOf(settings),
    // Asked for by the constructor, not used by requests.
    idpCert: 'AAAA',
    identifierFormat: settings.nameIDPolicyFormat,
    authnRequestBinding: 'HTTP-POST',
    disableRequestedAuthnContext: true,
    skipRequestCompression: true,
    forceAuthn: settings.maxAuthenticationAge !== undefined,
    generateUniqueId: () => id,
  })
  const { SAMLRequest } = await saml.getAuthorizeMessageAsync('', undefined, {})
  return String(SAMLRequest)
}
