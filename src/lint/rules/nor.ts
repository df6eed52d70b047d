/** `nor`, whose name misleads. */
import type { LintRule } from '../lint-rule.ts'

export const nor: LintRule = {
  name: 'nor',
  doc: '`nor` is true where any of its criteria is false, not where all are: `allow` with `nor` lets in nearly everybody.',
  bad: `policy:
  - allow:
      nor:
        - http_method: DELETE
        - http_path: /admin`,
  rewrite: `policy:
  - allow:
      not:
        - http_method: DELETE
        - http_path: /admin`,
  find: ({ rules }) =>
    rules.flatMap(({ owner, blocks }) =>
      blocks
        .filter(({ kind }) => kind === 'nor')
        .map(({ action, source }) => ({
          owner,
          path: source,
          message: `nor is true where any of its criteria is false, so ${action === 'allow' ? 'it lets in nearly everybody' : 'it keeps out nearly everybody'}`,
          hint: 'write not: for "none of these"',
        })),
    ),
}
