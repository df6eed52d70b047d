/**
 * Reads the small part of XML that SAML messages are made of, and refuses the rest: no document type, so no entity
 * (XXE, billion laughs); no comment, which cuts a text in two for some readers (CVE-2017-11427); no CDATA, no processing
 * instruction, no name outside of ASCII. Within that part no two parsers differ, and wrapping lives on such differences
 * (CVE-2025-25291): what passes here means the same to the library that checks the signature. Bounded in depth and
 * number, so that nothing behind it meets a document made to be slow.
 */
import { invalid, shown } from './answer-failure.ts'

export interface XmlAttribute {
  readonly namespace: string
  /** Without the prefix. */
  readonly name: string
  readonly value: string
}

export interface XmlElement {
  readonly namespace: string
  /** Without the prefix. */
  readonly name: string
  /** Without the declarations of namespaces. */
  readonly attributes: readonly XmlAttribute[]
  readonly children: readonly (XmlElement | string)[]
}

/** An answer with a thousand groups has some two thousand elements; each costs the check of a signature 0.1 ms. */
const limits = { depth: 24, elements: 2_500, attributes: 24, prefixes: 64 } as const

const NAME = '(?:([A-Za-z_][\\w.-]*):)?([A-Za-z_][\\w.-]*)'
const DECLARATION =
  /<\?xml +version=(?:"1\.0"|'1\.0')(?: +encoding=(?:"[Uu][Tt][Ff]-8"|'[Uu][Tt][Ff]-8'))?(?: +standalone=["'](?:yes|no)["'])? *\?>/y
const OPENING = new RegExp(`<${NAME}`, 'y')
const ATTRIBUTE = new RegExp(`[ \\t\\n]+${NAME}=(?:"([^"<]*)"|'([^'<]*)')`, 'y')
const END_OF_OPENING = /[ \t\n]*(\/?)>/y
const CLOSING = new RegExp(`</${NAME}>`, 'y')
const TEXT = /[^<]+/y
const WHITE = /[ \t\n]*/y
/** What XML 1.0 §2.2 knows no character for. */
const NO_CHARACTER = /[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u
/** The library's parser reads them as line ends, which XML 1.0 does not. */
const LINE_END_OF_XML_1_1 = /[\u0085\u2028]/
const REFERENCE = /&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#x([\dA-Fa-f]{1,6}));|&/g
const PREDEFINED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

type Scope = ReadonlyMap<string, string>
const XML: readonly [string, string] = ['xml', 'http://www.w3.org/XML/1998/namespace']
const DECLARING = 'http://www.w3.org/2000/xmlns/'

interface Open {
  readonly tag: string
  readonly scope: Scope
  readonly children: (XmlElement | string)[]
}

/**
 * The element that `text` consists of.
 * @throws ProxyError CONNECTOR_ANSWER_INVALID
 */
export function readXml(text: string): XmlElement {
  if (NO_CHARACTER.test(text)) throw invalid('it holds a character that XML does not have')
  if (LINE_END_OF_XML_1_1.test(text)) throw invalid('it holds a line end that XML 1.0 and 1.1 read otherwise')
  // XML 1.0 §2.11: line ends are one character before anything else looks.
  const source = text.replace(/\r\n?/g, '\n')
  let elements = 0
  const top: Open = { tag: '', scope: new Map([['', ''], XML]), children: [] }
  const open: Open[] = [top]
  let position = 0

  /** Goes over what stands here, or stays. */
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position
    const found = pattern.exec(source)
    if (found) position = pattern.lastIndex
    return found
  }

  take(DECLARATION)
  take(WHITE)
  do {
    const parent = open.at(-1) ?? top
    const closing = take(CLOSING)
    if (closing) {
      if (closing[0].slice(2, -1) !== parent.tag || parent === top) throw notWellFormed('a tag that closes')
      open.pop()
      continue
    }
    const piece = take(TEXT)
    if (piece) {
      if (piece[0].includes(']]>')) throw notWellFormed('"]]>" in a text')
      append(parent.children, decode(piece[0]))
      continue
    }
    if (source[position + 1] === '!') throw invalid('it holds a document type, a comment or CDATA')
    if (source[position + 1] === '?') throw invalid('it holds a processing instruction')
    const opening = take(OPENING)
    if (!opening)
      throw notWellFormed(position < source.length ? shown(source.slice(position, position + 20)) : 'its end')
    if (++elements > limits.elements) throw invalid(`it has more than ${limits.elements} elements`)
    if (open.length > limits.depth) throw invalid(`its elements lie more than ${limits.depth} deep`)
    const { attributes, scope } = readAttributes(take, parent.scope)
    const [, prefix = '', name = ''] = opening
    const end = take(END_OF_OPENING)
    if (!end) throw notWellFormed(`the tag ${shown(name)}`)
    const children: (XmlElement | string)[] = []
    parent.children.push({ namespace: namespaceOf(prefix, scope), name, attributes, children })
    if (end[1] === '') open.push({ tag: opening[0].slice(1), scope, children })
  } while (open.length > 1)
  take(WHITE)
  const [root] = top.children
  if (root === undefined || typeof root === 'string' || position < source.length)
    throw notWellFormed('something beside its one element')
  return root
}

interface Tag {
  readonly attributes: readonly XmlAttribute[]
  readonly scope: Scope
}

function readAttributes(take: (pattern: RegExp) => RegExpExecArray | null, outer: Scope): Tag {
  const found: { prefix: string; name: string; value: string }[] = []
  for (let next = take(ATTRIBUTE); next; next = take(ATTRIBUTE)) {
    if (found.length >= limits.attributes) throw invalid(`an element has more than ${limits.attributes} attributes`)
    const [, prefix = '', name = '', double, single] = next
    // XML 1.0 §3.3.3: white space as it stands is a space; a character reference is what it says.
    found.push({ prefix, name, value: decode((double ?? single ?? '').replace(/[\t\n]/g, ' ')) })
  }
  refuseTwice(found.map(({ prefix, name }) => `${prefix}:${name}`))
  const isDeclaration = ({ prefix, name }: { readonly prefix: string; readonly name: string }) =>
    prefix === 'xmlns' || (prefix === '' && name === 'xmlns')
  const declarations = found.filter(isDeclaration).map(({ prefix, name, value }): readonly [string, string] => {
    const declared = prefix === '' ? '' : name
    if (declared === 'xml' || declared === 'xmlns' || value === XML[1] || value === DECLARING)
      throw notWellFormed('a namespace that is not to be declared')
    if (declared !== '' && value === '') throw notWellFormed('a prefix without a namespace')
    return [declared, value]
  })
  const scope = declarations.length === 0 ? outer : new Map([...outer, ...declarations])
  if (scope.size > limits.prefixes) throw invalid(`more than ${limits.prefixes} namespaces are in force at once`)
  const attributes = found
    .filter((attribute) => !isDeclaration(attribute))
    .map(({ prefix, name, value }) => ({ namespace: prefix === '' ? '' : namespaceOf(prefix, scope), name, value }))
  refuseTwice(attributes.map(({ namespace, name }) => `${namespace} ${name}`))
  return { attributes, scope }
}

function refuseTwice(names: readonly string[]): void {
  if (new Set(names).size < names.length) throw notWellFormed('an attribute given twice')
}

function namespaceOf(prefix: string, scope: Scope): string {
  const namespace = scope.get(prefix)
  if (namespace === undefined) throw notWellFormed(`the prefix ${shown(prefix)} without a namespace`)
  return namespace
}

function decode(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(REFERENCE, (_, name?: string, decimal?: string, hexadecimal?: string) => {
    if (name !== undefined) return PREDEFINED[name] ?? ''
    if (decimal === undefined && hexadecimal === undefined) throw invalid('it names an entity')
    const code = decimal === undefined ? Number.parseInt(hexadecimal ?? '', 16) : Number(decimal)
    const character = code <= 0x10ffff ? String.fromCodePoint(code) : ''
    if (character === '' || NO_CHARACTER.test(character)) throw invalid('it names a character that XML does not have')
    return character
  })
}

function append(children: (XmlElement | string)[], text: string): void {
  const last = children.at(-1)
  if (typeof last === 'string') children[children.length - 1] = last + text
  else children.push(text)
}

function notWellFormed(found: string) {
  return invalid(`it is not the XML that SAML is made of, got ${found}`)
}

export function childElements(element: XmlElement): readonly XmlElement[] {
  return element.children.filter((child) => typeof child !== 'string')
}

/** Children of that name and namespace. */
export function childrenNamed(element: XmlElement, namespace: string, name: string): readonly XmlElement[] {
  return childElements(element).filter((child) => child.name === name && child.namespace === namespace)
}

/** The value of an attribute without namespace. */
export function attributeOf(element: XmlElement, name: string): string | undefined {
  return element.attributes.find((attribute) => attribute.name === name && attribute.namespace === '')?.value
}

/** The text of an element that holds text only; undefined where there is an element inside. */
export function textIn(element: XmlElement): string | undefined {
  return element.children.every((child) => typeof child === 'string') ? element.children.join('') : undefined
}

/** The element and all below it, in document order. */
export function everyElement(element: XmlElement): readonly XmlElement[] {
  return [element, ...childElements(element).flatMap(everyElement)]
}
