/** Data where none is looked at. */
import { itemsOf, type LintRule, nameOf } from '../lint-rule.ts'

const ignoring = new Set(['accept', 'reject', 'authenticated_user', 'cors_preflight', 'invalid_client_certificate'])

export const ignoredData: LintRule = {
  name: 'ignored-data',
  doc: '`authenticated_user`, `accept`, `reject`, `cors_preflight` and `invalid_client_certificate` ignore their data: `authenticated_user: false` is the same as `true`.',
  bad: `policy:
  - allow:
      or:
        - authenticated_user: false`,
  rewrite: `policy:
  - allow:
      or:
        - accept: true`,
  find: (subject) =>
    itemsOf(subject)
      .filter(({ item }) => ignoring.has(item.name) && !saysNothing(item.operand))
      .map(({ owner, item }) => ({
        owner,
        path: item.source,
        message: `the data of ${nameOf(item)} is ignored: it means the same as true`,
        hint:
          item.name === 'authenticated_user'
            ? 'write accept: true for everybody, or put authenticated_user: true under not:'
            : `write ${nameOf(item)}: true, or leave it out`,
      })),
}

/** What everybody writes where data means nothing. */
function saysNothing(operand: unknown): boolean {
  return operand === true || operand === null || operand === '' || operand === 1 || operand === 'true'
}
