/** A route's access fields compiled to a policy, or all that is wrong with them. */
import { nearest } from '../wire/nearest.ts'
import { criterionByName, refusedCriteria } from './criteria.ts'
import type { Leaf, RecordSets } from './criterion.ts'
import { decideSides, type Sides, withStepUp } from './decide.ts'
import type { CompiledBlock } from './evaluate.ts'
import { explainSides } from './explain.ts'
import { needsOf } from './needs.ts'
import type { Policy } from './policy.ts'
import { type Path, type Problem, type Report, shown } from './problem.ts'
import { type Block, type Item, type NamedPolicies, readRules } from './rules.ts'
import { type AccessFields, policyFromRoute } from './short-hands.ts'

/** Compiled criteria by name and data. One for each configuration; routes that say the same share the work and the memory. */
export type SharedCriteria = Map<string, Leaf>

export interface PolicyOptions {
  /** Where the route stands in the configuration, such as `['routes', 3]`; sources and problems begin with it. */
  readonly source?: Path
  /** Policies defined once under `policies:`, used by `use: NAME`. */
  readonly named?: NamedPolicies
  readonly records?: RecordSets
  /** Client certificates are demanded of everybody (`downstream_mtls`, unless its enforcement is `policy`). */
  readonly denyInvalidCertificate?: boolean
  /** Some authority for client certificates is configured, for all or for this route (the default); without one no certificate is invalid. */
  readonly clientAuthority?: boolean
  readonly shared?: SharedCriteria
}

/**
 * Compiles the access fields of one route. Nothing that allows: everybody is denied.
 * Throws a TypeError with the first problem; `checkAccess` tells all of them beforehand.
 */
export function compilePolicy(access: AccessFields, options: PolicyOptions = {}): Policy {
  const report: Report = (path, message) => {
    throw new TypeError(`${message} (at ${path.join('.')})`)
  }
  const blocks = compileBlocks(blocksOf(access, options, report), { ...options, report })
  return policyOf({
    allow: blocks.filter(({ action }) => action === 'allow'),
    deny: blocks.filter(({ action }) => action === 'deny'),
  })
}

/** Everything wrong with the access fields of one route, with the path to each. */
export function checkAccess(access: AccessFields, options: PolicyOptions = {}): readonly Problem[] {
  return problemsOf((report) => {
    compileBlocks(blocksOf(access, options, report), { ...options, report })
    checkCombinations(access, options.source ?? [], report)
  })
}

/** Everything wrong with a policy document (the value of `policy:`, or of one entry of `policies:`). */
export function checkPolicy(value: unknown, options: PolicyOptions = {}): readonly Problem[] {
  return problemsOf((report) => {
    const blocks = readRules(value, { source: options.source ?? [], report, named: options.named })
    compileBlocks(blocks, { ...options, report })
  })
}

function blocksOf(access: AccessFields, options: PolicyOptions, report: Report): readonly Block[] {
  const { source = [], named, denyInvalidCertificate } = options
  return policyFromRoute(access, { source, report, named, denyInvalidCertificate })
}

function problemsOf(run: (report: Report) => void): readonly Problem[] {
  const problems: Problem[] = []
  run((path, message) => problems.push({ path, message }))
  return problems
}

function policyOf(sides: Sides): Policy {
  const hasStepUp = [...sides.allow, ...sides.deny].some(({ items }) => items.some(({ leaf }) => leaf.stepUp))
  const decide: Policy['decide'] = hasStepUp
    ? (facts) => withStepUp(decideSides(sides, facts), sides, facts)
    : (facts) => decideSides(sides, facts)
  const leaves = [...sides.allow, ...sides.deny].flatMap(({ items }) => items.map(({ leaf }) => leaf))
  return {
    needs: needsOf(sides),
    decide,
    explain: (facts) => ({ decision: decide(facts), tree: explainSides(sides, facts) }),
    truths: (facts) => leaves.map((leaf) => leaf.check(facts).value),
  }
}

interface Compiling extends PolicyOptions {
  readonly report: Report
}

function compileBlocks(blocks: readonly Block[], options: Compiling): readonly CompiledBlock[] {
  return blocks.map((block) => {
    const helps = (block.action === 'allow') === (block.kind === 'and' || block.kind === 'or')
    return {
      action: block.action,
      kind: block.kind,
      source: block.source,
      items: block.items.map((item) => ({
        name: item.subpath === '' ? item.name : `${item.name}/${item.subpath}`,
        operand: item.operand,
        source: item.source,
        leaf: compileItem(item, helps, options),
      })),
    }
  })
}

function compileItem({ name, subpath, operand, source }: Item, helps: boolean, options: Compiling): Leaf {
  const criterion = criterionByName.get(name)
  if (!criterion) {
    const near = nearest(name, criterionByName.keys())
    const why = refusedCriteria.get(name) ?? `no such criterion${near === undefined ? '' : `, did you mean "${near}"?`}`
    options.report(source, `cannot use criterion ${name}: ${why}`)
    return neverLeaf
  }
  const data = keyOf(operand)
  const variant = { helps, clientAuthority: options.clientAuthority ?? true }
  const key = `${criterion.variesBy ? variant[criterion.variesBy] : ''} ${name}/${subpath} ${data}`
  const known = data === undefined ? undefined : options.shared?.get(key)
  if (known) return known
  let isGood = true
  const report: Report = (path, message) => {
    isGood = false
    options.report([...source, ...path], message)
  }
  checkNumbers(operand, report)
  const leaf = criterion.compile({ subpath, operand, ...variant, records: options.records ?? new Map(), report })
  if (isGood && data !== undefined) options.shared?.set(key, leaf)
  return leaf
}

/** `.nan` and `.inf` equal no claim, and no log or JSON document can show them. */
function checkNumbers(operand: unknown, report: Report): void {
  if (typeof operand === 'number' && !Number.isFinite(operand))
    report([], `cannot compare with number: not finite, got ${operand}`)
  if (typeof operand !== 'object' || operand === null) return
  for (const [key, value] of Object.entries(operand)) {
    checkNumbers(value, (path, message) => report([Array.isArray(operand) ? Number(key) : key, ...path], message))
  }
}

/** Stands for what could not be compiled while problems are gathered; never part of a policy that decides. */
const neverLeaf: Leaf = {
  needsSession: true,
  claims: [],
  always: false,
  check: () => ({ value: false, reason: 'not-compiled' }),
  saw: () => undefined,
}

/** Text that tells any two operands apart; undefined for what JSON cannot write exactly, which is then not shared. */
function keyOf(operand: unknown): string | undefined {
  let isExact = true
  const text = JSON.stringify(operand, (_, value: unknown) => {
    if (typeof value !== 'bigint' && (typeof value !== 'number' || Number.isFinite(value))) return value
    isExact = false
    return null
  })
  return isExact ? text : undefined
}

const flags = ['allow_public_unauthenticated_access', 'allow_any_authenticated_user', 'cors_allow_preflight'] as const

function checkCombinations(access: AccessFields, source: Path, report: Report): void {
  for (const flag of flags) {
    const value = access[flag] ?? false
    if (typeof value !== 'boolean')
      report([...source, flag], `cannot read ${flag}: expected true or false, got ${shown(value)}`)
  }
  const exclude = (first: keyof AccessFields, others: readonly (keyof AccessFields)[]) => {
    if (access[first] !== true) return
    for (const other of others) {
      if (access[other] === undefined || access[other] === null || access[other] === false) continue
      report(
        [...source, other],
        `cannot combine ${other} with ${first}: the second lets in everybody that the first would`,
      )
    }
  }
  exclude('allow_public_unauthenticated_access', ['allow_any_authenticated_user', 'allowed_domains', 'allowed_users'])
  exclude('allow_any_authenticated_user', ['allowed_domains', 'allowed_users'])
}
