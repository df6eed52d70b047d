/** The tree of a decision: every criterion with what it saw and where it was written. */
import type { Sides } from './decide.ts'
import { type CompiledBlock, judgeBlock } from './evaluate.ts'
import type { Facts } from './facts.ts'
import type { ExplainedNode } from './policy.ts'
import { shown } from './problem.ts'

export function explainSides({ allow, deny }: Sides, facts: Facts): readonly ExplainedNode[] {
  return [...explainAction('allow', allow, facts), ...explainAction('deny', deny, facts)]
}

function explainAction(name: string, blocks: readonly CompiledBlock[], facts: Facts): readonly ExplainedNode[] {
  const [first] = blocks
  if (!first) return []
  const children = blocks.map((block) => explainBlock(block, facts))
  const source = first.source.slice(0, -1)
  return [{ kind: 'action', name, value: children.some(({ value }) => value), source, children }]
}

function explainBlock(block: CompiledBlock, facts: Facts): ExplainedNode {
  const children = block.items.map(({ name, operand, source, leaf }): ExplainedNode => {
    const { value, reason } = leaf.check(facts)
    return {
      kind: 'criterion',
      name,
      value,
      source,
      operand: shown(operand),
      data: operand,
      reason,
      saw: leaf.saw(facts),
      children: [],
    }
  })
  return { kind: 'block', name: block.kind, value: judgeBlock(block, facts).value, source: block.source, children }
}
