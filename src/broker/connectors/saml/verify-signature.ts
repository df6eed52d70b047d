/** The signature check itself, by node-saml and xml-crypto; gives back only what a pinned certificate's key has signed. */
import { invalid } from './answer-failure.ts'
import type { MessageShape } from './message-shape.ts'
import { attributeOf, readXml, type XmlElement } from './read-xml.ts'
import type { AnswerRules } from './rules.ts'

export interface SignedRules {
  readonly shape: MessageShape
  readonly rules: AnswerRules
  /** PEM texts. */
  readonly certificates: readonly string[]
}

/**
 * The assertion, read anew from the canonical octets whose digest was signed. Every signature that the message has must
 * hold: one that does not is a sign of tampering, also where another one does.
 * @throws ProxyError CONNECTOR_ANSWER_INVALID
 */
export async function readSigned(text: string, { shape, rules, certificates }: SignedRules): Promise<XmlElement> {
  const { SAML, ValidateInResponseTo } = await import('@node-saml/node-saml')
  const saml = new SAML({
    callbackUrl: rules.redirectURI,
    issuer: rules.audience,
    idpCert: [...certificates],
    wantAuthnResponseSigned: shape.isResponseSigned,
    wantAssertionsSigned: shape.isAssertionSigned,
    // What it means (for whom, when, in answer to what) is judged by `check-assertion.ts`, from what is given back here.
    audience: false,
    acceptedClockSkewMs: -1,
    validateInResponseTo: ValidateInResponseTo.never,
  })
  const signed = await saml.validatePostResponseAsync({ SAMLResponse: Buffer.from(text).toString('base64') }).then(
    ({ profile }) => profile?.getAssertionXml?.(),
    (cause: unknown) => {
      throw invalid(
        `no pinned certificate verifies it (${cause instanceof Error ? cause.message.slice(0, 200) : 'unknown'})`,
        cause,
      )
    },
  )
  if (signed === undefined) throw invalid('nothing of it was signed')
  const assertion = readXml(signed)
  if (attributeOf(assertion, 'ID') !== shape.assertionId) throw invalid('what was signed is another assertion')
  return assertion
}
