/** From criteria to the verdict of one side: what a block means, and which reasons survive. */
import type { Leaf, Outcome } from './criterion.ts'
import type { Verdict } from './decision.ts'
import type { Facts } from './facts.ts'
import type { Path } from './problem.ts'
import type { Action, BlockKind } from './rules.ts'

/** One criterion at its place: the compiled form may be shared with many other places. */
export interface CompiledItem {
  /** As written, sub-path included. */
  readonly name: string
  readonly operand: unknown
  readonly source: Path
  readonly leaf: Leaf
}

export interface CompiledBlock {
  readonly action: Action
  readonly kind: BlockKind
  readonly items: readonly CompiledItem[]
  readonly source: Path
}

/** How an outcome is obtained; `decide` asks the leaf, a second look may assume something else. */
export type Ask = (leaf: Leaf, facts: Facts) => Outcome

export const ask: Ask = (leaf, facts) => leaf.check(facts)

/** The blocks of one action are OR-ed; nothing written is false. */
export function judge(blocks: readonly CompiledBlock[], facts: Facts, asked: Ask = ask): Verdict {
  let value = false
  let reasons: string[] = []
  for (const block of blocks) {
    const verdict = judgeBlock(block, facts, asked)
    if (verdict.value && !value) {
      value = true
      reasons = []
    }
    if (verdict.value === value) for (const reason of verdict.reasons) addReason(reasons, reason)
  }
  return { value, reasons }
}

/**
 * `and` and `not` are true until some item speaks against it, `or` and `nor` false until some item speaks for it;
 * `not` and `nor` turn each item round. Kept are the reasons of the items whose (turned) value is that of the block.
 */
export function judgeBlock({ kind, items }: CompiledBlock, facts: Facts, asked: Ask = ask): Verdict {
  const turned = kind === 'not' || kind === 'nor'
  const start = kind === 'and' || kind === 'not'
  let value = start
  let reasons: string[] = []
  for (const { leaf } of items) {
    const outcome = asked(leaf, facts)
    const own = outcome.value !== turned
    if (own !== start && value === start) {
      value = own
      reasons = []
    }
    if (own === value) addReason(reasons, outcome.reason)
  }
  return { value, reasons }
}

function addReason(reasons: string[], reason: string): void {
  if (!reasons.includes(reason)) reasons.push(reason)
}
