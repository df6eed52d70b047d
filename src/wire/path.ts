/** The canonical path: computed once from the request target, and the same bytes serve route, policy, log and upstream. */

export interface PathOptions {
  /** Resolve `.` and `..`, decode what needs no escape and escape what no path may hold (RFC 3986 §6.2.2). */
  readonly normalizePath: boolean
  /** `//` becomes `/`. */
  readonly mergeSlashes: boolean
  readonly escapedSlashes: 'reject_request' | 'keep_unchanged' | 'unescape_and_redirect' | 'unescape_and_forward'
}

export type CanonicalPath =
  | { readonly kind: 'path'; readonly path: string; readonly query: string }
  /** Send the client to this path: it asked with an escaped slash, and the option says so. */
  | { readonly kind: 'redirect'; readonly path: string; readonly query: string }
  | { readonly kind: 'escaped-slash' }
  | { readonly kind: 'malformed'; readonly detail: string }

/**
 * Makes the canonical path of an origin-form target (`/path?query`). A fixed point: the canonical path of a canonical
 * path is itself. The query is kept byte for byte.
 *
 * Refused as malformed: what does not start with `/`; bytes outside of visible ASCII; `#` anywhere; in the path, `\`,
 * a `%` without two hexadecimal digits, an escaped NUL, escapes that are no UTF-8 (overlong ones among them), and dot
 * segments with parameters (`/..;x/`), which some servers resolve and others do not.
 */
export function canonicalPath(target: string, options: PathOptions): CanonicalPath {
  if (target.charCodeAt(0) !== slash) return malformed('it does not start with /')
  let end = target.length
  let flags = 0
  let before = 0
  for (let at = 0; at < target.length; at++) {
    const code = target.charCodeAt(at)
    if (code <= 0x20 || code >= 0x7f) return malformed('it holds a byte outside of visible ASCII')
    if (code === hash) return malformed('it holds a #')
    if (end !== target.length) continue
    if (code === question) end = at
    else if (code === percent) flags |= hasEscape
    else if (code === backslash) return malformed('it holds a \\')
    else if (isUnsafe(code)) flags |= hasUnsafe
    else if (before === slash && code === slash) flags |= hasDoubleSlash
    else if (before === slash && code === dot) flags |= hasDotAfterSlash
    before = code
  }
  const query = target.slice(end)
  const path = target.slice(0, end)
  if (flags === 0) return { kind: 'path', path, query }
  return cleanPath(path, { query, flags, options })
}

const slash = 0x2f
const backslash = 0x5c
const percent = 0x25
const hash = 0x23
const question = 0x3f
const dot = 0x2e

const hasEscape = 1
const hasDoubleSlash = 2
const hasDotAfterSlash = 4
const hasUnsafe = 8

/** `"`, `<`, `>`, `^`, `` ` ``, `{`, `|` and `}`: no part of a path by RFC 3986 §3.3, and sent all the same. */
function isUnsafe(code: number): boolean {
  return (
    (code >= 0x7b && code <= 0x7d) || code === 0x22 || code === 0x3c || code === 0x3e || code === 0x5e || code === 0x60
  )
}

interface Rest {
  readonly query: string
  readonly flags: number
  readonly options: PathOptions
}

function cleanPath(sent: string, { query, flags, options }: Rest): CanonicalPath {
  let path = sent
  let unescaped = false
  if (flags & hasEscape) {
    const problem = problemOfEscapes(path)
    if (problem !== undefined) return malformed(problem)
    if (escapedSlash.test(path)) {
      if (options.escapedSlashes === 'reject_request') return { kind: 'escaped-slash' }
      if (options.escapedSlashes !== 'keep_unchanged') {
        path = path.replace(escapedSlashes, '/')
        unescaped = true
      }
    }
    if (options.normalizePath) path = path.replace(escapedUnreserved, decodeOne)
  }
  if (dotsWithParameters.test(path)) return malformed('a dot segment has parameters')
  if (options.normalizePath)
    path = withoutDotSegments(flags & hasUnsafe ? path.replace(unsafe, encodeURIComponent) : path)
  if (options.mergeSlashes) path = path.replace(slashes, '/')
  if (!unescaped || options.escapedSlashes !== 'unescape_and_redirect') return { kind: 'path', path, query }
  // A Location that starts with `//` names another host (RFC 3986 §4.2).
  return { kind: 'redirect', path: path.replace(leadingSlashes, '/'), query }
}

const escapedSlash = /%(?:2f|5c)/i
const escapedSlashes = /%(?:2f|5c)/gi
/** Escapes of letters, digits, `-`, `.`, `_` and `~` (RFC 3986 §2.3). */
const escapedUnreserved = /%(?:2[de]|3[0-9]|4[1-9a-f]|5[0-9a]|5f|6[1-9a-f]|7[0-9a]|7e)/gi
const unsafe = /["<>^`{|}]/g
const slashes = /\/{2,}/g
const leadingSlashes = /^\/{2,}/
const dotsWithParameters = /\/(?:\.|%2e){1,2};/i

function decodeOne(escaped: string): string {
  return String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
}

function problemOfEscapes(path: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return 'a % is not followed by two hexadecimal digits'
  if (path.includes('%00')) return 'it holds an escaped NUL'
  try {
    decodeURIComponent(path)
  } catch {
    return 'its escapes are no UTF-8'
  }
  return undefined
}

/** RFC 3986 §5.2.4; `..` above the root stays at the root, empty segments are segments. */
function withoutDotSegments(path: string): string {
  if (!path.includes('/.')) return path
  const kept: string[] = []
  const segments = path.split('/')
  const last = segments.length - 1
  for (let at = 1; at <= last; at++) {
    const segment = segments[at] ?? ''
    const isDots = segment === '.' || segment === '..'
    if (segment === '..') kept.pop()
    if (!isDots) kept.push(segment)
    else if (at === last) kept.push('')
  }
  return `/${kept.join('/')}`
}

function malformed(detail: string): CanonicalPath {
  return { kind: 'malformed', detail }
}
