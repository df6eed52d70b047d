/** A policy as rules: the grammar of the language, before any criterion is looked at. */
import { nearest } from '../wire/nearest.ts'
import { type Path, type Report, shown } from './problem.ts'

export type Action = 'allow' | 'deny'

/** `and`: all true. `or`: any true. `not`: none true. `nor`: any false (the name misleads). */
export type BlockKind = 'and' | 'or' | 'not' | 'nor'

/** One criterion as written. */
export interface Item {
  /** Lower case. */
  readonly name: string
  /** What stands after the first `/` of the name, or ''. */
  readonly subpath: string
  readonly operand: unknown
  /** Where it stands, from the root of the configuration, its own key included. */
  readonly source: Path
}

export interface Block {
  readonly action: Action
  readonly kind: BlockKind
  readonly items: readonly Item[]
  readonly source: Path
}

export interface RuleReading {
  readonly source: Path
  readonly report: Report
  /** Policies that may be used by name (`use: NAME`), with where each stands; none inside of one. */
  readonly named?: NamedPolicies | undefined
}

export type NamedPolicies = ReadonlyMap<string, { readonly value: unknown; readonly source: Path }>

/**
 * Reads `{allow, deny}` or a list of such objects. Keys are read in any case.
 * Blocks of one action are OR-ed wherever they stand, so the answer is one flat list; empty blocks count as absent.
 */
export function readRules(value: unknown, reading: RuleReading): readonly Block[] {
  if (Array.isArray(value)) {
    return value.flatMap((rule, index) => readRule(rule, { ...reading, source: [...reading.source, index] }))
  }
  if (isMap(value)) return readRule(value, reading)
  reading.report(reading.source, `cannot read policy: expected a map or a list of maps, got ${shown(value)}`)
  return []
}

function readRule(value: unknown, reading: RuleReading): readonly Block[] {
  const { source, report } = reading
  if (!isMap(value)) {
    report(source, `cannot read rule: expected a map with allow or deny, got ${shown(value)}`)
    return []
  }
  const seen = new Set<string>()
  return Object.entries(value).flatMap(([key, body]) => {
    const at = [...source, key]
    const action = key.toLowerCase()
    if (isRepeated(action, seen)) report(at, `cannot read rule: ${action} stands twice`)
    if (action === 'use') return readUse(body, { ...reading, source: at })
    if (action === 'allow' || action === 'deny') return readBody(action, body, { ...reading, source: at })
    report(at, `cannot read rule: expected allow or deny, got ${shown(key)}`)
    return []
  })
}

/** A named policy uses no other: what a route allows stays readable in two steps, and there are no circles. */
function readUse(names: unknown, { source, report, named }: RuleReading): readonly Block[] {
  if (!named) {
    report(source, 'cannot use a policy here: a named policy uses no other, so that none can use itself')
    return []
  }
  return [names].flat().flatMap((name: unknown, index) => {
    const policy = typeof name === 'string' ? named.get(name) : undefined
    if (policy) return readRules(policy.value, { source: policy.source, report })
    const near = typeof name === 'string' ? nearest(name, named.keys()) : undefined
    report(
      Array.isArray(names) ? [...source, index] : source,
      `cannot use policy: no policy of that name, ${near === undefined ? `got ${shown(name)}` : `did you mean "${near}"?`}`,
    )
    return []
  })
}

function readBody(action: Action, body: unknown, { source, report }: RuleReading): readonly Block[] {
  if (!isMap(body)) {
    report(source, `cannot read ${action}: expected a map of and, or, not, nor, got ${shown(body)}`)
    return []
  }
  const seen = new Set<string>()
  return Object.entries(body).flatMap(([key, list]) => {
    const at = [...source, key]
    const kind = key.toLowerCase()
    if (kind === 'action') return []
    if (isRepeated(kind, seen)) report(at, `cannot read ${action}: ${kind} stands twice`)
    if (kind !== 'and' && kind !== 'or' && kind !== 'not' && kind !== 'nor') {
      report(at, `cannot read ${action}: expected and, or, not or nor, got ${shown(key)}`)
      return []
    }
    if (!Array.isArray(list)) {
      report(at, `cannot read ${kind}: expected a list of criteria, got ${shown(list)}`)
      return []
    }
    const items = list.flatMap((item, index) => readItem(item, [...at, index], report))
    return items.length === 0 ? [] : [{ action, kind, items, source: at }]
  })
}

function readItem(value: unknown, source: Path, report: Report): readonly Item[] {
  const entries = isMap(value) ? Object.entries(value) : []
  const [entry, second] = entries
  if (!entry || second) {
    report(source, `cannot read criterion: expected a map with exactly one key, got ${shown(value)}`)
    return []
  }
  const [key, operand] = entry
  return [itemOf(key, operand, [...source, key])]
}

/** Name and sub-path part at the first `/`. The name is read in any case, the sub-path keeps its case. */
export function itemOf(key: string, operand: unknown, source: Path): Item {
  const slash = key.indexOf('/')
  const name = slash === -1 ? key : key.slice(0, slash)
  return { name: name.toLowerCase(), subpath: slash === -1 ? '' : key.slice(slash + 1), operand, source }
}

/** True for a map as YAML or JSON writes one. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isRepeated(key: string, seen: Set<string>): boolean {
  if (seen.has(key)) return true
  seen.add(key)
  return false
}
