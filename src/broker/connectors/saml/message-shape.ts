/**
 * What a message has to look like before a signature in it is worth checking. Wrapping moves what was signed to a place
 * where the signature still finds it and puts something else where the reader looks. Here a signed element is where
 * SAML has it or the message is refused: one assertion, no second element that could be taken for one, each signature in
 * the element that it covers (SAML 2.0 Core §5.4), and every id once.
 */
import { invalid, shown } from './answer-failure.ts'
import { NS } from './names.ts'
import { attributeOf, childElements, childrenNamed, everyElement, textIn, type XmlElement } from './read-xml.ts'

export interface MessageShape {
  readonly assertionId: string
  readonly isResponseSigned: boolean
  readonly isAssertionSigned: boolean
}

export interface ShapeRules {
  readonly allowSha1: boolean
  readonly requireBoth: boolean
}

const sha1 = {
  signature: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
  digest: 'http://www.w3.org/2000/09/xmldsig#sha1',
} as const

/** Asymmetric only: an HMAC keyed with the certificate, which is public, is something that anybody can make. */
const signatureMethods: readonly string[] = [
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
  'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
]
const digestMethods: readonly string[] = [
  'http://www.w3.org/2001/04/xmlenc#sha256',
  'http://www.w3.org/2001/04/xmlenc#sha512',
]
const canonicalizations: readonly string[] = [
  NS.exclusive,
  `${NS.exclusive}WithComments`,
  'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
  'http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments',
]
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature'

/** @throws ProxyError CONNECTOR_ANSWER_INVALID */
export function checkShape(response: XmlElement, rules: ShapeRules): MessageShape {
  const all = everyElement(response)
  if (all.some(({ name, namespace }) => name.startsWith('Encrypted') || namespace === NS.encryption))
    throw invalid('it is encrypted, and only what is signed can be read: have the provider sign and not encrypt it')
  const assertions = all.filter(({ name }) => name === 'Assertion')
  const [assertion] = childrenNamed(response, NS.assertion, 'Assertion')
  if (assertion === undefined || assertions.length > 1)
    throw invalid(`one assertion in the response is needed, got ${assertions.length} elements of that name`)
  if (all.filter(({ name }) => name === 'Response').length > 1) throw invalid('it holds a response in the response')
  checkIds(all)

  const inResponse = signatureOf(response, rules)
  const inAssertion = signatureOf(assertion, rules)
  const proper = [inResponse, inAssertion].filter((signature) => signature !== undefined)
  if (all.filter(({ name }) => name === 'Signature').length !== proper.length)
    throw invalid('it holds a signature that is neither of the response nor of the assertion')
  if (proper.length === 0) throw invalid('neither the response nor the assertion is signed')
  if (rules.requireBoth && proper.length < 2)
    throw invalid(`requireBothSignatures is set, and the ${inResponse ? 'assertion' : 'response'} is not signed`)
  return {
    assertionId: idOf(assertion),
    isResponseSigned: inResponse !== undefined,
    isAssertionSigned: inAssertion !== undefined,
  }
}

/** Signatures find what they cover by its id, whatever the attribute's spelling or namespace. */
function checkIds(all: readonly XmlElement[]): void {
  const ids = all.flatMap(({ attributes }) =>
    attributes.filter(({ name }) => name.toLowerCase() === 'id').map(({ value }) => value),
  )
  if (new Set(ids).size < ids.length) throw invalid('two of its elements have the same id')
}

function idOf(element: XmlElement): string {
  const id = attributeOf(element, 'ID') ?? ''
  if (!/^[A-Za-z_][\w.-]{0,255}$/.test(id)) throw invalid(`the ID of the ${element.name} is none, got ${shown(id)}`)
  return id
}

/** The signature of `parent`, of the one form that SAML 2.0 Core §5.4 allows. */
function signatureOf(parent: XmlElement, rules: ShapeRules): XmlElement | undefined {
  const [signature, ...more] = childElements(parent).filter(({ name }) => name === 'Signature')
  if (signature === undefined) return undefined
  if (more.length > 0) throw invalid(`the ${parent.name} has several signatures`)
  const [info, , keys] = exactly(signature, ['SignedInfo', 'SignatureValue'], 'KeyInfo')
  const [canonicalization, method, reference] = exactly(info, [
    'CanonicalizationMethod',
    'SignatureMethod',
    'Reference',
  ])
  oneOf(algorithmOf(canonicalization, 'InclusiveNamespaces'), canonicalizations, 'canonicalization')
  oneOf(algorithmOf(method), rules.allowSha1 ? [...signatureMethods, sha1.signature] : signatureMethods, 'signature')

  const [transforms, digest] = exactly(reference, ['Transforms', 'DigestMethod', 'DigestValue'])
  oneOf(algorithmOf(digest), rules.allowSha1 ? [...digestMethods, sha1.digest] : digestMethods, 'digest')
  if (attributeOf(reference, 'URI') !== `#${idOf(parent)}`)
    throw invalid(
      `the signature in the ${parent.name} covers another element, got ${shown(attributeOf(reference, 'URI'))}`,
    )
  const steps = exactly(transforms, ['Transform'], 'Transform').filter((step) => step !== undefined)
  const [enveloped, exclusive, ...others] = steps.map((step) => algorithmOf(step, 'InclusiveNamespaces'))
  if (enveloped !== ENVELOPED || others.length > 0)
    throw invalid('its signature transforms what it covers otherwise than SAML does')
  if (exclusive !== undefined) oneOf(exclusive, canonicalizations, 'transform')

  const words = new Set(everyElement(info).map(({ name }) => name))
  if (keys !== undefined && everyElement(keys).some(({ name }) => words.has(name) || name === 'SignatureValue'))
    throw invalid('its KeyInfo holds parts of a signature')
  return signature
}

/** The children of `element`, which have to be of these names in this order, and `last` if it is there. */
function exactly<const N extends readonly string[]>(
  element: XmlElement,
  names: N,
  last?: string,
): [...{ [I in keyof N]: XmlElement }, XmlElement | undefined] {
  const children = childElements(element)
  const wanted = children.length > names.length && last !== undefined ? [...names, last] : names
  const isRight =
    children.length === wanted.length &&
    children.every(({ name, namespace }, index) => name === wanted[index] && namespace === NS.signature)
  if (!isRight || element.children.some((child) => typeof child === 'string' && child.trim() !== ''))
    throw invalid(
      `${element.name} of its signature has to hold ${wanted.join(', ')}, got ${shown(children.map(({ name }) => name).join(', '))}`,
    )
  return children as unknown as [...{ [I in keyof N]: XmlElement }, XmlElement | undefined]
}

/** The algorithm, of an element that has nothing inside but, where it may, a list of prefixes. */
function algorithmOf(element: XmlElement, allowed?: string): string {
  const isPlain = childElements(element).every(({ name, namespace }) => name === allowed && namespace === NS.exclusive)
  if (!isPlain || (allowed === undefined && textIn(element)?.trim() !== ''))
    throw invalid(`${element.name} of its signature holds more than an algorithm`)
  return attributeOf(element, 'Algorithm') ?? ''
}

function oneOf(algorithm: string, allowed: readonly string[], what: string): void {
  if (allowed.includes(algorithm)) return
  const isOld = algorithm === sha1.signature || algorithm === sha1.digest
  throw invalid(
    `its ${what} algorithm is not taken, got ${shown(algorithm)}${isOld ? ' (insecureAllowSHA1 is not set)' : ''}`,
  )
}
