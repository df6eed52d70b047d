/** A second evaluator, written from the text of the language and not from the compiled one: no sharing, no closures, sets of reasons. */
import type { Facts } from '#src/policy/facts.ts'

type Judged = readonly [value: boolean, reasons: ReadonlySet<string>]
type Data = string | number | boolean | null | readonly Data[] | { readonly [key: string]: Data }
export type NaiveRule = Readonly<Record<string, Readonly<Record<string, readonly Readonly<Record<string, Data>>[]>>>>

export function naiveDecision(rules: readonly NaiveRule[], facts: Facts) {
  const side = (action: string) => {
    const blocks = rules.flatMap((rule) => Object.entries(rule[action] ?? {}).filter(([, list]) => list.length > 0))
    return merge(
      blocks.map(([kind, list]) => block(kind, list, facts)),
      (values) => values.some(Boolean),
    )
  }
  const [allow, allowReasons] = side('allow')
  const [deny, denyReasons] = side('deny')
  const asks = allowReasons.has('user-unauthenticated') || denyReasons.has('user-unauthenticated')
  const kind = asks ? 'sign-in' : allow && !deny ? 'allow' : 'deny'
  return { kind, allow, allowReasons: [...allowReasons].sort(), deny, denyReasons: [...denyReasons].sort() }
}

function merge(parts: readonly Judged[], value: (values: readonly boolean[]) => boolean): Judged {
  const merged = value(parts.map(([own]) => own))
  return [merged, new Set(parts.filter(([own]) => own === merged).flatMap(([, reasons]) => [...reasons]))]
}

function block(kind: string, list: readonly Readonly<Record<string, Data>>[], facts: Facts): Judged {
  const parts = list.map((item) => {
    const [[name = '', data = null] = []] = Object.entries(item)
    return criterion(name, data, facts)
  })
  const inverted = parts.map(([value, reasons]): Judged => [!value, reasons])
  switch (kind) {
    case 'and':
      return merge(parts, (values) => values.every(Boolean))
    case 'or':
      return merge(parts, (values) => values.some(Boolean))
    case 'not':
      return merge(inverted, (values) => values.every(Boolean))
    default:
      return merge(inverted, (values) => values.some(Boolean))
  }
}

function criterion(name: string, data: Data, facts: Facts): Judged {
  const is = (value: boolean, word: string): Judged => [value, new Set([`${word}-${value ? 'ok' : 'unauthorized'}`])]
  const { session } = facts
  if (name === 'accept' || name === 'reject') return [name === 'accept', new Set([name])]
  if (name === 'http_method') return is(text(data, facts.method), 'http-method')
  if (name === 'http_path') return is(text(data, decodeURIComponent(facts.path)), 'http-path')
  if (name === 'source_ip')
    return is(
      [data].flat().some((range) => inRange(String(range), facts.clientAddress)),
      'source-ip',
    )
  if (session === undefined) return [false, new Set(['user-unauthenticated'])]
  if (name === 'authenticated_user') return is(true, 'user')
  if (name === 'user') return is(text(data, session.userId), 'user')
  if (name === 'email') return is(text(data, session.email), 'email')
  if (name === 'domain')
    return is(session.email.includes('@') && text(data, session.email.split('@')[1] ?? ''), 'domain')
  const claim = name.slice('claim/'.length)
  const values = session.flatClaims.get(claim) ?? session.flatClaims.get(claim.replaceAll('/', '.')) ?? []
  return is(listed(data, values), 'claim')
}

function isMap(data: Data): data is { readonly [key: string]: Data } {
  return typeof data === 'object' && data !== null && !Array.isArray(data)
}

function text(data: Data, seen: string): boolean {
  if (!isMap(data)) return data === seen
  return Object.entries(data).every(([operator, value]) => {
    switch (operator) {
      case 'is':
        return value === seen
      case 'not':
        return value !== seen
      case 'contains':
        return seen.includes(String(value))
      case 'starts_with':
        return seen.startsWith(String(value))
      case 'ends_with':
        return seen.endsWith(String(value))
      case 'in':
        return [value].flat().includes(seen)
      default:
        return ![value].flat().includes(seen)
    }
  })
}

function listed(data: Data, values: readonly unknown[]): boolean {
  const has = (wanted: Data) => values.some((value) => JSON.stringify(value) === JSON.stringify(wanted))
  if (!isMap(data)) return has(data)
  return Object.entries(data).every(([operator, wanted]) => {
    if (operator === 'has') return has(wanted)
    if (operator === 'exclude') return !has(wanted)
    return values.length === 1 && has(wanted)
  })
}

/** IPv4 only: compares bit strings. */
function inRange(range: string, address: string): boolean {
  const [base = '', length = '32'] = range.split('/')
  const bits = (text_: string) =>
    text_
      .split('.')
      .map((octet) => Number(octet).toString(2).padStart(8, '0'))
      .join('')
  return bits(base).slice(0, Number(length)) === bits(address).slice(0, Number(length))
}
