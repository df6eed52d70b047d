/**
 * Paths that a route's pattern could take: every alternative, every repetition at both of its ends, a few letters of
 * every class. They are guesses, asked for like any other address; none has to fit.
 */
import { RE2JS } from 're2js'

/** More paths than this are not made of one pattern. */
const mostPaths = 60
/** Texts of one part of a pattern. */
const mostTexts = 24
/** Longer repetitions are tried to this length only. */
const longest = 40

/** The plainest path first; none where the pattern cannot be read. */
export function pathsOfPattern(pattern: string): readonly string[] {
  const reader: Reader = { text: pattern.replace(/^\(\?[a-z]+\)/i, ''), at: 0 }
  const texts = readAlternatives(reader)
  if (reader.at < reader.text.length) return []
  const paths = texts.map((text) => (text.startsWith('/') ? text : `/${text}`))
  return [...new Set(paths)].filter((path) => /^\/[\x21-\x7e]*$/.test(path)).slice(0, mostPaths)
}

interface Reader {
  readonly text: string
  at: number
}

/** Texts that a part could match; never empty. */
type Texts = readonly string[]

function readAlternatives(reader: Reader): Texts {
  const all = [...readSequence(reader)]
  while (reader.text[reader.at] === '|') {
    reader.at++
    all.push(...readSequence(reader))
  }
  return all.slice(0, mostPaths)
}

function readSequence(reader: Reader): Texts {
  const parts: Texts[] = []
  while (reader.at < reader.text.length && reader.text[reader.at] !== '|' && reader.text[reader.at] !== ')')
    parts.push(readRepetition(reader, readAtom(reader)))
  return varied(parts)
}

/** Each part in its plainest form, and then one part after the other in each of its other forms. */
function varied(parts: readonly Texts[]): Texts {
  const plain = parts.map(([first = '']) => first)
  const others = parts.flatMap((texts, index) =>
    texts.slice(1, mostTexts).map((text) => [...plain.slice(0, index), text, ...plain.slice(index + 1)].join('')),
  )
  return [plain.join(''), ...others]
}

function readAtom(reader: Reader): Texts {
  const sign = reader.text[reader.at++] ?? ''
  switch (sign) {
    case '(':
      return readGroup(reader)
    case '[':
      return readClass(reader)
    case '.':
      return ['x', '1', '-']
    case '^':
    case '$':
      return ['']
    case '\\':
      return readEscape(reader)
    default:
      return [sign]
  }
}

function readGroup(reader: Reader): Texts {
  const [head = ''] = /^\?(?:P?<[^>]*>|[a-zA-Z-]*:)/.exec(reader.text.slice(reader.at, reader.at + 80)) ?? []
  reader.at += head.length
  const texts = readAlternatives(reader)
  if (reader.text[reader.at] === ')') reader.at++
  return texts
}

const classes: Readonly<Record<string, Texts>> = {
  d: ['1', '0', '9'],
  D: ['x', '-'],
  w: ['x', '1', '_'],
  W: ['-', '~'],
  s: [''],
  S: ['x', '1'],
  b: [''],
  B: [''],
  A: [''],
  z: [''],
}

function readEscape(reader: Reader): Texts {
  const sign = reader.text[reader.at++] ?? ''
  if (sign === 'Q') {
    const end = reader.text.indexOf('\\E', reader.at)
    const text = reader.text.slice(reader.at, end === -1 ? undefined : end)
    reader.at = end === -1 ? reader.text.length : end + 2
    return [text]
  }
  const [hex = '', short, long] =
    sign === 'x' ? (/^(?:([0-9a-f]{2})|\{([0-9a-f]+)\})/i.exec(reader.text.slice(reader.at)) ?? []) : []
  reader.at += hex.length
  const code = Number.parseInt(short ?? long ?? '', 16)
  if (code <= 0x10ffff) return [String.fromCodePoint(code)]
  return classes[sign] ?? [sign]
}

/** Letters that read well, as far as the class has them, and the ends of its ranges. */
function readClass(reader: Reader): Texts {
  const [body = ''] = /^\^?\]?(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])*/s.exec(reader.text.slice(reader.at)) ?? []
  reader.at += body.length + 1
  const members = asPattern(`[${body}]`)
  if (members === undefined) return ['x']
  const edges = [...body.matchAll(/([a-z0-9])-([a-z0-9])/gi)].flatMap(([, from = '', to = '']) => [from, to])
  const signs = [...new Set(['x', '1', 'a', 'A', ...edges, ...body, '-', '_', '.', '~'])]
  const found = signs.filter((sign) => sign !== '/' && members.testExact(sign))
  return found.length === 0 ? ['x'] : found.slice(0, mostTexts)
}

function asPattern(text: string): RE2JS | undefined {
  try {
    return RE2JS.compile(text)
  } catch {
    // A class that was cut at the wrong bracket.
    return undefined
  }
}

function readRepetition(reader: Reader, texts: Texts): Texts {
  const [sign = '', least, comma, most] =
    /^(?:[*+?]|\{([0-9]{1,4})(,)?([0-9]{0,4})\})\??/.exec(reader.text.slice(reader.at, reader.at + 16)) ?? []
  if (sign === '') return texts
  reader.at += sign.length
  const plain = texts[0] ?? ''
  const times = (count: number) => plain.repeat(Math.min(count, longest))
  if (sign.startsWith('?')) return [...texts, '']
  if (sign.startsWith('+')) return [...texts, times(2), times(3)]
  if (sign.startsWith('*')) return [...texts, '', times(2)]
  const from = Number(least)
  const to = comma === undefined ? from : most === '' ? from + 2 : Number(most)
  return [
    times(Math.max(from, 1)),
    times(from),
    times(to),
    ...texts.slice(1).map((text) => text.repeat(Math.min(from, longest))),
  ]
}
