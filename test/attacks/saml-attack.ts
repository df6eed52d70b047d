/** What an attack on the SAML connector is, and what it is made of. */
import { ASSERTION, type SamlIdp, type Saying, signXml } from '#test/actors/saml-idp.ts'

export const VICTIM = 'root-0001'
export const MINUTE = 60_000

export interface Hand {
  readonly saying: Saying
  readonly idp: SamlIdp
}

export interface Attack {
  readonly name: string
  /** The message as the attacker sends it. */
  readonly send: (hand: Hand) => string | Promise<string>
  readonly refusedFor: RegExp
  /** What node-saml alone makes of it, with the options that the decision page names. */
  readonly alone: 'takes' | 'refuses'
}

export const sign = (idp: SamlIdp, xml: string, xpath = ASSERTION) => signXml(xml, xpath, { key: idp.keys.key })
export const honest = ({ idp, saying }: Hand, lie: Partial<Saying> = {}) => idp.respond({ ...saying, ...lie })
export const signatureOf = (xml: string) => /<ds:Signature .*?<\/ds:Signature>/s.exec(xml)?.[0] ?? ''
