/** Criteria whose spans are empty, and criteria that exclude one another: only what is certain from their data. */
import { addressBits, parseRange } from '../policy/matchers/ip.ts'
import { type Item, isMap } from '../policy/rules.ts'
import { parseMoment } from '../trial/moment.ts'
import { nameOf, operatorsOf } from './lint-rule.ts'

/** Why a span of addresses, dates or hours holds nothing, and the way out. */
export function emptySpan({ name, operand }: Item): readonly [why: string, hint: string] | undefined {
  if (name === 'source_ip')
    return Array.isArray(operand) && operand.length === 0
      ? ['its list is empty', 'name an address or a network, or leave the line out']
      : undefined
  if (!isMap(operand)) return undefined
  const { after, before } = operand
  if (name === 'date') {
    const [from, to] = [momentOf(after), momentOf(before)]
    if (from !== undefined && to !== undefined && from >= to)
      return ['it ends before it begins', 'swap after and before']
  }
  // A later `after` goes over midnight; only the same time twice is nothing.
  if (name === 'time_of_day' && after !== undefined && after === before)
    return ['it ends when it begins', 'leave the line out where the whole day is meant']
  return undefined
}

/** Why all of these, which an `and` joins, cannot hold of one request and one person. */
export function exclusion(items: readonly Item[]): string | undefined {
  return disjointAddresses(items) ?? disjointDates(items) ?? twoOnlyValues(items) ?? addressOfOtherDomain(items)
}

function disjointAddresses(items: readonly Item[]): string | undefined {
  const lists = items
    .filter(({ name }) => name === 'source_ip')
    .map(({ operand }) => [operand].flat().filter((range) => typeof range === 'string'))
  for (const [index, one] of lists.entries()) {
    for (const other of lists.slice(index + 1)) {
      if (one.length === 0 || other.length === 0) continue
      if (!one.some((a) => other.some((b) => overlap(a, b))))
        return `no address is in ${one.join(' or ')} and in ${other.join(' or ')}`
    }
  }
  return undefined
}

/** Networks lie one in the other, or apart. */
function overlap(a: string, b: string): boolean {
  const holds = (range: string, network: string) => {
    const bits = addressBits(network.replace(/\/.*/, ''))
    return bits === undefined || (parseRange(range)?.(bits) ?? true)
  }
  return holds(a, b) || holds(b, a)
}

function disjointDates(items: readonly Item[]): string | undefined {
  const spans = items.flatMap(({ name, operand }) => (name === 'date' && isMap(operand) ? [operand] : []))
  if (spans.length < 2) return undefined
  const from = Math.max(...spans.map(({ after }) => momentOf(after) ?? Number.NEGATIVE_INFINITY))
  const to = Math.min(...spans.map(({ before }) => momentOf(before) ?? Number.POSITIVE_INFINITY))
  return from >= to ? 'its dates have no moment in common' : undefined
}

/** `is` wants a list of exactly one value. */
function twoOnlyValues(items: readonly Item[]): string | undefined {
  const only = new Map<string, unknown>()
  const lists = items.filter(({ name }) => name === 'groups' || name === 'claim')
  const named = lists.map((item) => ({ claim: claimOf(item), operators: operatorsOf(item.operand, 'has') }))
  for (const { claim, operators } of named) {
    const value = operators.get('is')
    if (value === undefined || typeof value === 'object') continue
    if (only.has(claim) && only.get(claim) !== value)
      return `${claim} cannot be only ${String(only.get(claim))} and only ${String(value)}`
    only.set(claim, value)
  }
  for (const { claim, operators } of named) {
    const value = operators.get('has')
    if (only.has(claim) && value !== undefined && typeof value !== 'object' && only.get(claim) !== value)
      return `${claim} cannot be only ${String(only.get(claim))} and have ${String(value)}`
    const excluded = operators.get('exclude')
    if (excluded === undefined || typeof excluded === 'object') continue
    const others = named.filter((other) => other.claim === claim && other.operators !== operators)
    if (others.some((other) => other.operators.get('has') === excluded || other.operators.get('is') === excluded))
      return `${claim} cannot have ${String(excluded)} and exclude it`
  }
  return undefined
}

function claimOf(item: Item): string {
  return item.name === 'groups' ? 'claim/groups' : nameOf(item)
}

function addressOfOtherDomain(items: readonly Item[]): string | undefined {
  const textOf = (wanted: string) => {
    const item = items.find(({ name }) => name === wanted)
    const text = item && operatorsOf(item.operand, 'is').get('is')
    return typeof text === 'string' ? text : undefined
  }
  const [email, domain] = [textOf('email'), textOf('domain')]
  if (email === undefined || domain === undefined || !email.includes('@')) return undefined
  return email.endsWith(`@${domain}`) ? undefined : `${email} is no address at ${domain}`
}

function momentOf(value: unknown): number | undefined {
  return typeof value === 'string' ? parseMoment(value) : undefined
}
