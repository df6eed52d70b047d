/** Which rules a decision rests on, in words and with where they were written. */
import type { Place } from '../../config/place.ts'
import { demandInWords } from '../../policy/in-words.ts'
import type { ExplainedNode } from '../../policy/policy.ts'
import type { Path } from '../../policy/problem.ts'

export interface DecidingRule {
  readonly action: 'allow' | 'deny'
  /** What it asks for: `the group devops`, `an address at corp.test and the method GET`. */
  readonly words: string
  readonly place: Place
}

/**
 * For what is allowed: every rule that lets in; for what is denied: every rule that keeps out, or none where no rule
 * lets in.
 */
export function decidingRules(
  tree: readonly ExplainedNode[],
  { isAllowed, locate }: { isAllowed: boolean; locate: (source: Path) => Place },
): readonly DecidingRule[] {
  const action = isAllowed ? 'allow' : 'deny'
  const blocks = tree.filter(({ name }) => name === action).flatMap(({ children }) => children)
  const rules = blocks.filter(({ value }) => value).flatMap((block) => rulesOf(block))
  return onePlaceEach(rules.map(({ words, source }) => ({ action, words, place: locate(source) })))
}

interface BlockRule {
  readonly words: string
  readonly source: Path
}

/** Of a block that is true. */
function rulesOf({ name, children }: ExplainedNode): readonly BlockRule[] {
  const [first] = children
  if (!first) return []
  switch (name) {
    case 'or':
      return children.filter(({ value }) => value).map((node) => ({ words: inWords(node), source: node.source }))
    case 'and':
      return [{ words: children.map((node) => inWords(node)).join(' and '), source: first.source }]
    case 'not':
      return [{ words: `anything but ${children.map((node) => inWords(node)).join(' or ')}`, source: first.source }]
    default:
      return children
        .filter(({ value }) => !value)
        .map((node) => ({ words: `not ${inWords(node)}`, source: node.source }))
  }
}

/** A rule that looks at nothing is for everybody. */
function inWords(node: ExplainedNode): string {
  return node.name === 'accept' ? 'a rule for everybody' : demandInWords(node)
}

/** An entry of `allowed_users` is two criteria at one place, and one rule to whoever reads it. */
function onePlaceEach(rules: readonly DecidingRule[]): readonly DecidingRule[] {
  const seen = new Set<string>()
  return rules.filter(({ place, words }) => {
    const key = `${place.file}:${place.line}:${place.column} ${place.line === 0 ? words : ''}`
    return !seen.has(key) && seen.add(key)
  })
}
