/** Which paths a route takes: one rule of regex, path and prefix, in that order of rank. */
import { RE2JS } from 're2js'

export interface PathFields {
  readonly prefix?: string | undefined
  readonly path?: string | undefined
  readonly regex?: string | undefined
}

/**
 * Compiles to a predicate over canonical paths (percent-encoded, no query).
 * Only the first of regex, path and prefix that is set and not empty counts; none of them takes every path.
 * A regex must match the whole path; it runs in a linear-time engine, since it comes from configuration and the path from anybody.
 * Throws a TypeError for a pattern that is not RE2.
 */
export function compilePathRule(fields: PathFields): (path: string) => boolean {
  if (fields.regex) return compileRegex(fields.regex)
  const path = plainEscapes(fields.path ?? '')
  if (path) return (asked) => asked === path
  const prefix = plainEscapes(fields.prefix ?? '')
  return prefix === '' || prefix === '/' ? () => true : (asked) => asked.startsWith(prefix)
}

function compileRegex(pattern: string): (path: string) => boolean {
  try {
    const compiled = RE2JS.compile(pattern)
    return (path) => compiled.testExact(path)
  } catch (cause) {
    throw new TypeError(`cannot compile regex: not an RE2 pattern, got ${pattern}`, { cause })
  }
}

/** Canonical paths write the digits of an escape in capitals (RFC 3986 §6.2.2.1); so must what they are compared with. */
function plainEscapes(text: string): string {
  return text.replace(/%[0-9a-f]{2}/gi, (escape) => escape.toUpperCase())
}
