/** `reject` under `deny`. */
import { itemsOf, type LintRule } from '../lint-rule.ts'

export const rejectNeverDenies: LintRule = {
  name: 'reject-never-denies',
  doc: '`reject` is always false, so under `deny` it keeps nobody out.',
  bad: `policy:
  - deny:
      or:
        - reject: true`,
  rewrite: `policy:
  - deny:
      or:
        - accept: true`,
  find: (subject) =>
    itemsOf(subject)
      .filter(({ item, block }) => item.name === 'reject' && block.action === 'deny' && !isTurned(block.kind))
      .map(({ owner, item }) => ({
        owner,
        path: item.source,
        message: 'reject is always false, so under deny it keeps nobody out',
        hint: 'write accept: true under deny to keep everybody out',
      })),
}

const isTurned = (kind: string) => kind === 'not' || kind === 'nor'
