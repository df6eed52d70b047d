/** Which rules no case exercises: routes that nobody asked for, and criteria that were never true. */
import type { Place } from '../config/place.ts'
import type { ExplainedNode } from '../policy/policy.ts'
import type { CaseResult } from './run-cases.ts'
import type { Trial } from './trial.ts'
import type { TrialRoute } from './trial-route.ts'

export interface UnexercisedRule {
  readonly route: string
  readonly place: Place
  /** `allow or domain {"is":"corp.test"}`; undefined where no case asks for the route at all. */
  readonly rule: string | undefined
}

/**
 * A rule is exercised by a case in which it is true. What is false for everybody who asks could as well not be there,
 * under `not` and `nor`, too.
 */
export function unexercisedRules(trial: Trial, results: readonly CaseResult[]): readonly UnexercisedRule[] {
  const trees = new Map<TrialRoute, ExplainedNode[]>()
  for (const { case: one, decision } of results) {
    const found = trial.reach(one.request)
    if (found.kind !== 'route') continue
    const known = trees.get(found.route)
    if (known) known.push(...(decision.tree ?? []))
    else trees.set(found.route, [...(decision.tree ?? [])])
  }
  return trial.routes.flatMap((route): readonly UnexercisedRule[] => {
    const actions = trees.get(route)
    return actions ? neverTrue(route, actions) : [{ route: route.name, place: route.place, rule: undefined }]
  })
}

function neverTrue(route: TrialRoute, actions: readonly ExplainedNode[]): readonly UnexercisedRule[] {
  const rules = new Map<string, { text: string; node: ExplainedNode; isTrue: boolean }>()
  for (const action of actions) {
    for (const block of action.children) {
      for (const node of block.children) {
        // A user of `allowed_users` stands for two criteria at one place; one of them is enough.
        const key = node.source.join('\n')
        const text = `${action.name} ${block.name} ${node.name} ${node.operand ?? ''}`.trim()
        rules.set(key, {
          text: rules.get(key)?.text ?? text,
          node,
          isTrue: node.value || rules.get(key)?.isTrue === true,
        })
      }
    }
  }
  return [...rules.values()]
    .filter(({ isTrue }) => !isTrue)
    .map(({ text, node }) => ({ route: route.name, place: route.locate(node.source), rule: text }))
}
