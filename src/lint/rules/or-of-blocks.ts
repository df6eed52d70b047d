/** Several blocks of one action, which read as if all were needed. */
import type { Block } from '../../policy/rules.ts'
import type { LintRule } from '../lint-rule.ts'

export const orOfBlocks: LintRule = {
  name: 'or-of-blocks',
  doc: 'The blocks of one action are OR-ed: one of them is enough. `allow` with `and` and `not` lets in whoever meets the one or none of the other, and by `not` alone people who are not signed in, too.',
  bad: `policy:
  - allow:
      and:
        - domain: corp.test
      not:
        - http_method: DELETE`,
  rewrite: `policy:
  - allow:
      and:
        - domain: corp.test
    deny:
      or:
        - http_method: DELETE`,
  find: ({ rules }) =>
    rules.flatMap(({ owner, blocks }) => {
      const byAction = Map.groupBy(blocks, ({ source }) => source.slice(0, -1).join('\n'))
      return [...byAction.values()].flatMap((together) => {
        const [first, second] = together
        if (!first || !second) return []
        const kinds = together.map(({ kind }) => kind).join(', ')
        return {
          owner,
          path: second.source,
          message: `the blocks ${kinds} of one ${first.action} are OR-ed: one of them is enough`,
          hint: rewriteFor(together),
        }
      })
    }),
}

function rewriteFor(blocks: readonly Block[]): string {
  const [first] = blocks
  const isTurned = blocks.some(({ kind }) => kind === 'not' || kind === 'nor')
  if (first?.action === 'deny') return 'write each as a rule of its own, so that it reads as it works'
  return isTurned
    ? 'write what is forbidden under deny: {or: […]}'
    : 'write all under one and:, or each as a rule of its own, so that it reads as it works'
}
