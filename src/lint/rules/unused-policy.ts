/** Names that nothing uses. */
import { usedNames } from '../../config/access.ts'
import type { LintRule } from '../lint-rule.ts'

export const unusedPolicy: LintRule = {
  name: 'unused-policy',
  doc: 'A policy under `policies:` that no route uses decides nothing: it was forgotten in a route, or it can go.',
  bad: `policies:
  staff:
    allow:
      or:
        - domain: corp.test
routes:
  - policy:
      allow:
        or:
          - domain: corp.test`,
  rewrite: `policies:
  staff:
    allow:
      or:
        - domain: corp.test
routes:
  - policy:
      use: staff`,
  find: ({ settings }) => {
    const used = new Set(settings.routes.flatMap((route) => [route.policy, route.shadow_policy].flatMap(usedNames)))
    return [...settings.policies]
      .filter(([name]) => !used.has(name))
      .map(([name, owner]) => ({
        owner,
        path: [],
        message: `no route uses the policy ${name}`,
        hint: `write use: ${name} into the policy of a route, or remove it`,
      }))
  },
}
