/** Values of `set_request_headers`: literal text with `${pomerium.…}` references, in Pomerium's grammar. */

/** What a template may refer to. */
export interface TemplateFacts {
  /** Value of a header of the request as it is forwarded, repeated ones joined by a comma; '' where it is absent. */
  header(name: string): string
  /** The signed assertion of the visitor. */
  readonly assertion: string
}

export interface Template {
  /** Every reference, as its path: `['pomerium', 'jwt']`. */
  readonly references: readonly (readonly string[])[]
  render(facts: TemplateFacts): string
}

type Part = string | readonly string[]

/**
 * Parses `text`. `$$` is a `$`; `${a.b["c"]}` and `$a.b` are references; anything malformed stays as it is written.
 * A reference that is not known here yields '' (see `knownReference`).
 */
export function parseTemplate(text: string): Template {
  const parts: Part[] = []
  let literal = ''
  let at = 0
  while (at < text.length) {
    const char = text[at]
    if (char !== '$') {
      literal += char
      at++
      continue
    }
    if (text[at + 1] === '$') {
      literal += '$'
      at += 2
      continue
    }
    const found = text[at + 1] === '{' ? readBraced(text, at + 2) : readBare(text, at + 1)
    if (!found) {
      literal += '$'
      at++
      continue
    }
    if (literal !== '') parts.push(literal)
    literal = ''
    parts.push(found.path)
    at = found.end
  }
  if (literal !== '') parts.push(literal)

  const references = parts.filter((part) => typeof part !== 'string')
  if (references.length === 0) {
    const value = parts.join('')
    return { references, render: () => value }
  }
  return {
    references,
    render: (facts) => parts.map((part) => (typeof part === 'string' ? part : resolve(part, facts))).join(''),
  }
}

/** How a reference is met: from the request, not in this version, or not at all (it yields ''). */
export function knownReference(path: readonly string[]): 'known' | 'unsupported' | 'unknown' {
  if (path[0] !== 'pomerium') return 'unknown'
  switch (path[1]) {
    case 'jwt':
      return 'known'
    case 'request':
      return path[2] === 'headers' && path[3] !== undefined ? 'known' : 'unknown'
    case 'access_token':
    case 'id_token':
    case 'client_cert_fingerprint':
    case 'client_cert_san_dns':
    case 'client_cert_san_email':
      return 'unsupported'
    default:
      return 'unknown'
  }
}

function resolve(path: readonly string[], facts: TemplateFacts): string {
  if (knownReference(path) !== 'known') return ''
  return path[1] === 'jwt' ? facts.assertion : facts.header((path[3] ?? '').toLowerCase())
}

interface Found {
  readonly path: readonly string[]
  readonly end: number
}

const name = /[A-Za-z0-9_-]+/y
const quoted = /\s*"((?:[^"\\]|\\.)*)"\s*\]/y

/** `a.b["c"]` and what may follow; blanks are allowed between the pieces where `spaced`. */
function readPath(text: string, start: number, spaced: boolean): Found | undefined {
  const skip = (at: number) => {
    let next = at
    while (spaced && text[next] === ' ') next++
    return next
  }
  const first = match(name, text, skip(start))
  if (!first) return undefined
  const path = [first.text]
  let at = first.end
  for (;;) {
    const next = skip(at)
    if (text[next] === '.') {
      const piece = match(name, text, skip(next + 1))
      if (!piece) break
      path.push(piece.text)
      at = piece.end
    } else if (text[next] === '[') {
      const piece = match(quoted, text, next + 1)
      if (!piece) break
      path.push(piece.text.replace(/\\(.)/g, '$1'))
      at = piece.end
    } else break
  }
  return { path, end: at }
}

function readBare(text: string, start: number): Found | undefined {
  return readPath(text, start, false)
}

function readBraced(text: string, start: number): Found | undefined {
  const found = readPath(text, start, true)
  if (!found) return undefined
  let end = found.end
  while (text[end] === ' ') end++
  return text[end] === '}' ? { path: found.path, end: end + 1 } : undefined
}

function match(pattern: RegExp, text: string, at: number): { readonly text: string; readonly end: number } | undefined {
  pattern.lastIndex = at
  const found = pattern.exec(text)
  return found ? { text: found[1] ?? found[0], end: pattern.lastIndex } : undefined
}
