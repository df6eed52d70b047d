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
  if (path) return (asked) => plainEscapes(asked) === path
  const prefix = plainEscapes(fields.prefix ?? '')
  return prefix === '' || prefix === '/' ? () => true : (asked) => plainEscapes(asked).startsWith(prefix)
}

function compileRegex(pattern: string): (path: string) => boolean {
  try {
    const compiled = RE2JS.compile(pattern)
    return (path) => compiled.testExact(path)
  } catch (cause) {
    throw new TypeError(`cannot compile regex: not an RE2 pattern, got ${pattern}`, { cause })
  }
}

/**
 * The digits of an escape are compared in any case (RFC 3986 §6.2.2.1): servers read `%c3` and `%C3` as one, so a
 * route that takes only one of them would leave the other to a later, perhaps more open, route.
 */
function plainEscapes(text: string): string {
  return text.includes('%') ? text.replace(/%[0-9a-f]{2}/gi, (octet) => octet.toUpperCase()) : text
}
