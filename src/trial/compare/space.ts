/**
 * The space that two policies span: every way in which their criteria tell people and requests apart, and combinations
 * of those, small ones first.
 */
import { addressBits, parseRange } from '../../policy/matchers/ip.ts'
import type { ExplainedNode } from '../../policy/policy.ts'
import type { State } from '../changes.ts'
import { requestOf, somewhere } from '../request.ts'
import { textsOf } from './mentioned.ts'
import type { Records } from './records.ts'
import { mentionedValues, pathValue, type Value } from './values.ts'

/** Values that no criterion of either policy tells apart. */
export interface ValueClass extends Omit<Value, 'words'> {
  readonly words: readonly [string, ...string[]]
}

export interface Space {
  readonly neutral: State
  /** What only one of the policies says comes first. */
  readonly classes: readonly ValueClass[]
  /** One for each block that wants several things at once: all of them. */
  readonly whole: readonly (readonly ValueClass[])[]
}

export interface SpaceOptions {
  readonly url: string
  /** More addresses that the same routes take. */
  readonly urls: readonly string[]
  readonly now: number
  readonly records: readonly Records[]
  /** The tree of each policy for one state. */
  trees(state: State): readonly (readonly ExplainedNode[])[]
  /** Whether each criterion of those trees holds, in their order. */
  truths(state: State): readonly boolean[]
}

export function openSpace({ url, urls, now, records, trees, truths }: SpaceOptions): Space {
  const start: State = { person: nobodyKnown, request: requestOf(url, now) }
  const nodes = trees(start).flatMap(leavesOf)
  const neutral = { ...start, request: { ...start.request, method: freeMethod(nodes), address: freeAddress(nodes) } }
  const paths = nodes.some(({ name }) => name === 'http_path') ? urls.map((one) => pathValue(pathOf(one))) : []
  const values = [...mentionedValues(nodes, { now, records }), ...paths]
  const usual = truths(neutral)
  const isShared = sharedLeaves(trees(start))

  const classes = new Map<string, { value: Value; words: Set<string>; isOwn: boolean; flips: readonly number[] }>()
  for (const value of values) {
    const truth = truths(value.apply(neutral))
    const flips = truth.flatMap((holds, index) => (holds === usual[index] ? [] : [index]))
    if (flips.length === 0) continue
    const key = `${value.slot}\n${flips.join()}`
    const known = classes.get(key)
    if (known) known.words.add(value.words)
    else classes.set(key, { value, words: new Set([value.words]), isOwn: flips.some((at) => !isShared[at]), flips })
  }
  const made = [...classes.values()]
    .sort((a, b) => Number(b.isOwn) - Number(a.isOwn))
    .map(({ value, words: [first = '', ...more], flips }) => ({
      flips,
      made: { ...value, words: [first, ...more] as const },
    }))
  return { neutral, classes: made.map(({ made: one }) => one), whole: wholeBlocks(trees(neutral), made) }
}

/** Somebody of whom no policy knows. */
const nobodyKnown = { email: 'somebody@elsewhere.example', groups: [], claims: {}, emailVerified: true } as const

function leavesOf(tree: readonly ExplainedNode[]): readonly ExplainedNode[] {
  return tree.flatMap((action) => action.children.flatMap((block) => block.children))
}

/** For each criterion of both trees: whether it stands in the other one as well, at the same kind of place. */
function sharedLeaves(trees: readonly (readonly ExplainedNode[])[]): readonly boolean[] {
  const keys = trees.map((tree) =>
    tree.flatMap((action) =>
      action.children.flatMap((block) =>
        block.children.map(({ name, data }) => `${action.name} ${block.name} ${name} ${JSON.stringify(data)}`),
      ),
    ),
  )
  const sets = keys.map((list) => new Set(list))
  return keys.flatMap((list) => list.map((key) => sets.every((set) => set.has(key))))
}

interface MadeClass {
  readonly made: ValueClass
  /** Places of the criteria that it turns round, counted over all trees. */
  readonly flips: readonly number[]
}

function wholeBlocks(trees: readonly (readonly ExplainedNode[])[], classes: readonly MadeClass[]) {
  let at = 0
  return trees.flat().flatMap((action) =>
    action.children.flatMap((block): readonly (readonly ValueClass[])[] => {
      const from = at
      at += block.children.length
      if (block.name !== 'and' && block.name !== 'nor') return []
      const wanted = block.children.flatMap(({ value }, index) => (value ? [] : [from + index]))
      const chosen = wanted.flatMap((leaf) => classes.find(({ flips }) => flips.includes(leaf))?.made ?? [])
      const apart = new Map(chosen.map((one) => [one.slot, one]))
      return apart.size > 1 ? [[...apart.values()]] : []
    }),
  )
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']

function freeMethod(nodes: readonly ExplainedNode[]): string {
  const taken = new Set(nodes.filter(({ name }) => name === 'http_method').flatMap(({ data }) => textsOf(data)))
  return methods.find((method) => !taken.has(method)) ?? 'GET'
}

function freeAddress(nodes: readonly ExplainedNode[]): string {
  const ranges = nodes
    .filter(({ name }) => name === 'source_ip')
    .flatMap(({ data }) => (Array.isArray(data) ? data : [data]))
    .flatMap((range) => (typeof range === 'string' ? (parseRange(range) ?? []) : []))
  const isFree = (address: string) => {
    const bits = addressBits(address)
    return bits !== undefined && !ranges.some((holds) => holds(bits))
  }
  return [somewhere, '198.51.100.1', '203.0.113.1', '2001:db8::1'].find(isFree) ?? somewhere
}

function pathOf(url: string): string {
  return /^https:\/\/[^/?]*([^?]*)/.exec(url)?.[1] ?? '/'
}

/** All ways to take at most one class of each slot, by size; at most `limit` of them. */
export function* combinations(classes: readonly ValueClass[], limit: number): Generator<readonly ValueClass[]> {
  let left = limit
  const slots = [...Map.groupBy(classes, ({ slot }) => slot).values()]
  function* choose(size: number, from: number, taken: readonly ValueClass[]): Generator<readonly ValueClass[]> {
    if (size === 0) {
      left--
      yield taken
      return
    }
    for (let slot = from; slot <= slots.length - size; slot++) {
      for (const one of slots[slot] ?? []) {
        if (left <= 0) return
        yield* choose(size - 1, slot + 1, [...taken, one])
      }
    }
  }
  for (let size = 0; size <= slots.length && left > 0; size++) yield* choose(size, 0, [])
}

/** How many combinations there are; Infinity is only large. */
export function countCombinations(classes: readonly ValueClass[]): number {
  return [...Map.groupBy(classes, ({ slot }) => slot).values()].reduce(
    (product, slot) => product * (slot.length + 1),
    1,
  )
}

/** The state that has all of these; the moment first, since ages are counted from it. */
export function applyAll(classes: readonly ValueClass[], neutral: State): State {
  const ordered = [...classes].sort((a, b) => Number(b.slot === 'time') - Number(a.slot === 'time'))
  return ordered.reduce((state, one) => one.apply(state), neutral)
}
