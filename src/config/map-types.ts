/** Types of maps: header fields, claims, request parameters. Names keep their case. */
import { type Fail, isMap, settingType, textOf } from './setting-type.ts'

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** RFC 9110 §5.5: no line breaks, no NUL; text above ASCII would be sent as Latin-1 and is refused. */
const FIELD_VALUE = /^[\t\u0020-\u007e]*$/

export type TextMap = Readonly<Record<string, string>>

/** A map from a file, or the JSON text of one (as variables hold them). Undefined after a complaint. */
function readMap(raw: unknown, fail: Fail, expected: string): Readonly<Record<string, unknown>> | undefined {
  if (isMap(raw)) return raw
  if (typeof raw === 'string' && raw.trimStart().startsWith('{')) {
    const parsed = parseJson(raw)
    if (isMap(parsed) && !Object.hasOwn(parsed, '__proto__')) return parsed
  }
  fail(expected)
  return undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Names to values, all text. */
export const textMap = () =>
  settingType('map of text', (raw, fail): TextMap => {
    const map = readMap(raw, fail, 'a map of names to values, or the JSON text of one') ?? {}
    return mapValues(map, (value, key) => {
      const result = textOf(value)
      if (result === undefined) fail('text', { path: [key] })
      return result ?? ''
    })
  })

/** Header names to values. `reserved`: names that the proxy itself must write, with the reason. */
export const headerMap = (reserved: ReadonlyMap<string, string> = new Map()) =>
  settingType('map of header names to values', (raw, fail): TextMap => {
    const map = readMap(raw, fail, 'a map of header names to values') ?? {}
    const seen = new Set<string>()
    return mapValues(map, (value, key) => {
      const name = key.toLowerCase()
      const why = reserved.get(name)
      const result = textOf(value) ?? ''
      if (!TOKEN.test(key)) fail('a header name (letters, digits, -)', { path: [key] })
      else if (seen.has(name)) fail('each header once', { path: [key], found: 'the same name twice' })
      else if (why !== undefined) fail('a header that a route may set', { path: [key], found: why })
      if (textOf(value) === undefined) fail('text', { path: [key] })
      else if (!FIELD_VALUE.test(result))
        fail('a header value of printable ASCII', {
          path: [key],
          found: 'a line break, a control character or a letter outside ASCII',
        })
      seen.add(name)
      return result
    })
  })

export const headerNames = () =>
  settingType('list of header names', (raw, fail): readonly string[] => {
    const single = textOf(raw)
    const items: readonly unknown[] | undefined =
      single === undefined ? (Array.isArray(raw) ? raw : undefined) : single.split(/[\s,]+/).filter(Boolean)
    if (items === undefined) fail('a list of header names')
    return (items ?? []).map((item, index) => {
      const name = textOf(item) ?? ''
      if (!TOKEN.test(name)) fail('a header name (letters, digits, -)', { path: [index] })
      return name
    })
  })

/** Which claims go upstream in which header: a list of claims (`X-Pomerium-Claim-NAME`), or a map of header to claim. */
export const claimHeaders = () =>
  settingType('list of claims, or map of header names to claims', (raw, fail): TextMap => {
    const map = typeof raw === 'string' && raw.trimStart().startsWith('{') ? parseJson(raw) : raw
    if (isMap(map)) return readClaimMap(map, fail)
    const single = textOf(raw)
    const claims: readonly unknown[] | undefined =
      single === undefined ? (Array.isArray(raw) ? raw : undefined) : single.split(/[\s,]+/).filter(Boolean)
    if (claims === undefined) fail('a list of claims, or a map of header names to claims')
    const pairs = (claims ?? []).map((item, index): [string, string] => {
      const claim = textOf(item)?.trim() ?? ''
      if (!TOKEN.test(claim))
        fail('a claim whose name can stand in a header name', {
          path: [index],
          hint: 'give the header a name of its own: {X-My-Header: the/claim}',
        })
      return [`X-Pomerium-Claim-${capital(claim)}`, claim]
    })
    return Object.fromEntries(pairs)
  })

function readClaimMap(map: Readonly<Record<string, unknown>>, fail: Fail): TextMap {
  return mapValues(map, (value, header) => {
    const claim = textOf(value) ?? ''
    if (!TOKEN.test(header)) fail('a header name (letters, digits, -)', { path: [header] })
    if (claim === '') fail('the name of a claim', { path: [header] })
    return claim
  })
}

/** `given-name` → `Given-Name`, as Go writes header names. */
function capital(name: string): string {
  return name
    .toLowerCase()
    .replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => `${dash}${letter.toUpperCase()}`)
}

/** A value that a claim can have: claims are compared exactly and typed. */
export type ClaimValue = string | number | boolean

/** Claim → the values that open the route. Nested maps are flattened with dots, as the claims themselves are. */
export const claimMap = () =>
  settingType('map of claims to lists of values', (raw, fail): Readonly<Record<string, readonly ClaimValue[]>> => {
    const map = readMap(raw, fail, 'a map of claims to lists of values')
    return Object.fromEntries(map === undefined ? [] : flattenClaims(map, fail, []))
  })

function flattenClaims(
  map: Readonly<Record<string, unknown>>,
  fail: Fail,
  path: readonly string[],
): [string, readonly ClaimValue[]][] {
  return Object.entries(map).flatMap(([key, value]) => {
    const here = [...path, key]
    if (isMap(value)) return flattenClaims(value, fail, here)
    const items: readonly unknown[] = Array.isArray(value) ? value : [value]
    const values = items.map((item, index): ClaimValue => {
      const at = Array.isArray(value) ? [...here, index] : here
      if (item === null || typeof item === 'object' || typeof item === 'undefined')
        fail('a value: text, a number, true or false', { path: at })
      else if (typeof item === 'string' && item.trim() === '') fail('a value that is not blank', { path: at })
      return item as ClaimValue
    })
    return [[here.join('.'), values]]
  })
}

function mapValues(map: Readonly<Record<string, unknown>>, each: (value: unknown, key: string) => string): TextMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, each(value, key)]))
}
