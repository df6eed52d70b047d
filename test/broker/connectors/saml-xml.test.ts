import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { DOMParser } from '@xmldom/xmldom'
import fc from 'fast-check'
import { readXml, type XmlElement } from '#src/broker/connectors/saml/read-xml.ts'
import { ProxyError } from '#src/errors/proxy-error.ts'

/** The parser that the library checks signatures with, a version of its own. */
const { DOMParser: LibrarysParser } = createRequire(import.meta.resolve('xml-crypto'))('@xmldom/xmldom') as {
  DOMParser: typeof DOMParser
}

const refused = (text: string) =>
  assert.throws(
    () => readXml(text),
    (error) => error instanceof ProxyError && error.code === 'CONNECTOR_ANSWER_INVALID',
    text.slice(0, 60),
  )

test('elements, attributes, texts and namespaces are read', () => {
  const text = `<?xml version='1.0' encoding='utf-8'?>\n<p:a xmlns:p="u" xmlns="d" b='1 &lt; "2"' p:b="&#x41;\n&#65;"><c/>t&amp;\r\n<p:c xmlns:p="v"></p:c></p:a>\n`
  assert.deepEqual(readXml(text), {
    namespace: 'u',
    name: 'a',
    attributes: [
      { namespace: '', name: 'b', value: '1 < "2"' },
      { namespace: 'u', name: 'b', value: 'A A' },
    ],
    children: [
      { namespace: 'd', name: 'c', attributes: [], children: [] },
      't&\n',
      { namespace: 'v', name: 'c', attributes: [], children: [] },
    ],
  })
})

/** Twenty-one prefixes. */
const bindings = (n: number) => Array.from({ length: 21 }, (_, m) => ` xmlns:p${n}x${m}="u"`).join('')

test('what SAML has no use for is refused', () => {
  for (const text of [
    '',
    ' ',
    'text',
    '<a>',
    '<a></b>',
    '</a>',
    '<a/><b/>',
    '<a/>x',
    'x<a/>',
    '<a><b></a></b>',
    '<a',
    '<a b>',
    '<a b=1/>',
    '<a b = "1"/>',
    '<a></a >',
    '<a b="1"c="2"/>',
    '<a b="<"/>',
    '<a b="1" b="2"/>',
    '<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>',
    '<p:a/>',
    '<a p:b="1"/>',
    '<a xmlns:p=""/>',
    '<a xmlns:xml="u"/>',
    '<a xmlns:p="http://www.w3.org/2000/xmlns/"/>',
    '<a xmlns="u" xmlns="v"/>',
    '<a:b:c xmlns:a="u"/>',
    '<é/>',
    '<a>]]></a>',
    '<a>&</a>',
    '<a>&amp</a>',
    '<a>&nbsp;</a>',
    '<a>&#0;</a>',
    '<a>&#x110000;</a>',
    '<a>&#xD800;</a>',
    '<a>&#xFFFE;</a>',
    '<a>\u0001</a>',
    '<a>\uD800</a>',
    '<a>\u0085</a>',
    '<a>\u2028</a>',
    '<a>\uFFFF</a>',
    '\uFEFF<a/>',
    '<!DOCTYPE a><a/>',
    '<a><!-- --></a>',
    '<a><![CDATA[x]]></a>',
    '<a><?x?></a>',
    '<a/><?x?>',
    '<a/><!-- -->',
    '<?xml version="1.1"?><a/>',
    '<?xml version="1.0" encoding="utf-7"?><a/>',
    ' <?xml version="1.0"?><a/>',
    `${'<a>'.repeat(25)}${'</a>'.repeat(25)}`,
    `<a>${'<b/>'.repeat(2_500)}</a>`,
    `<a${bindings(0)}><a${bindings(1)}><a${bindings(2)}/></a></a>`,
    `<a ${Array.from({ length: 25 }, (_, n) => `b${n}=""`).join(' ')}/>`,
  ])
    refused(text)
})

const token = fc.constantFrom(
  ...[
    '<a>',
    '</a>',
    '<a/>',
    '<p:b>',
    '</p:b>',
    '<p:b/>',
    '<a xmlns="u">',
    '<a xmlns:p="u">',
    '<p:b xmlns:p="v" c="1">',
  ],
  ...[
    '<a c="&lt;&#65;&#x20AC;" p:c="2"/>',
    "<a c='\"'>",
    '<a c="\n\t>">',
    '<a\n c="1" ></a>',
    '<a c = "1"></a >',
    '<a xmlns="">',
    '<a xml:id="x"/>',
  ],
  ...[
    'text',
    ' ',
    '\r\n',
    '\r',
    '&amp;',
    '&#13;',
    '&#x1F98A;',
    '&#38;lt;',
    '>',
    '"',
    "'",
    'é',
    '🦊',
    '\u0085',
    '\u2028',
  ],
  ...['<!---->', '<![CDATA[x]]>', '<?p i?>', ']]>', '&x;', '<', '&', '='],
)

test('what is read means the same to the parsers behind it', () => {
  let read = 0
  fc.assert(
    fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
      const text = `<r xmlns:p="w">${tokens.join('')}</r>`
      let ours: XmlElement
      try {
        ours = readXml(text)
      } catch {
        return
      }
      read++
      for (const Parser of [DOMParser, LibrarysParser]) assert.deepEqual(treeOf(parsed(Parser, normalized(text))), ours)
    }),
    { numRuns: 20_000 },
  )
  assert.ok(read > 500, `only ${read} documents were read`)
})

/** The first complaint of a parser, however light, fails. */
function parsed(Parser: typeof DOMParser, text: string): unknown {
  const complain = (_: string, message: string) => assert.fail(`${JSON.stringify(text)}: ${message}`)
  const options = Parser === LibrarysParser ? { errorHandler: complain } : { onError: complain }
  return new Parser(options as never).parseFromString(text, 'text/xml').documentElement
}

/** node-saml does the same before it parses. */
function normalized(text: string): string {
  return text.replace(/\r\n?/g, '\n')
}

interface DomNode {
  readonly nodeType: number
  readonly nodeValue: string | null
  readonly namespaceURI?: string | null
  readonly localName?: string | null
  readonly childNodes: ArrayLike<DomNode>
  readonly attributes?: ArrayLike<{ namespaceURI: string | null; localName: string | null; value: string }>
}

function treeOf(element: unknown): XmlElement {
  const { namespaceURI, localName, attributes, childNodes } = element as DomNode
  const children: (XmlElement | string)[] = []
  for (const child of Array.from(childNodes)) {
    const last = children.at(-1)
    if (child.nodeType !== 3) children.push(treeOf(child))
    else if (typeof last === 'string') children[children.length - 1] = last + (child.nodeValue ?? '')
    else children.push(child.nodeValue ?? '')
  }
  return {
    namespace: namespaceURI ?? '',
    name: localName ?? '',
    attributes: Array.from(attributes ?? [])
      .filter((attribute) => attribute.namespaceURI !== 'http://www.w3.org/2000/xmlns/')
      .map((attribute) => ({
        namespace: attribute.namespaceURI ?? '',
        name: attribute.localName ?? '',
        value: attribute.value,
      })),
    children,
  }
}
