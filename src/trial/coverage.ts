/** Which rules no case exercises: routes that nobody asked for, and criteria that were never true. */
import type { Place } from '../config/place.ts'
import type { ExplainedNode } from '../policy/policy.ts'
import type { Path } from '../policy/problem.ts'
import type { CaseResult } from './case-result.ts'
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
  // A named policy is written once; whoever meets its rule at one route has exercised it.
  const rules = new Map<string, Rule>()
  for (const [route, actions] of trees) collect(rules, { route, actions })
  const unmet = Map.groupBy(
    [...rules.values()].filter(({ isTrue }) => !isTrue),
    ({ route }) => route,
  )
  return trial.routes.flatMap((route): readonly UnexercisedRule[] => {
    if (!trees.has(route)) return [{ route: route.name, place: route.place, rule: undefined }]
    return (unmet.get(route) ?? []).map(({ text, source }) => ({
      route: route.name,
      place: route.locate(source),
      rule: text,
    }))
  })
}

interface Rule {
  readonly text: string
  readonly source: Path
  /** The first that has it. */
  readonly route: TrialRoute
  readonly isTrue: boolean
}

function collect(
  rules: Map<string, Rule>,
  { route, actions }: { route: TrialRoute; actions: readonly ExplainedNode[] },
): void {
  for (const action of actions) {
    for (const block of action.children) {
      for (const node of block.children) {
        // A user of `allowed_users` stands for two criteria at one place; one of them is enough.
        const key = node.source.join('\n')
        const text = `${action.name} ${block.name} ${node.name} ${node.operand ?? ''}`.trim()
        const known = rules.get(key) ?? { text, source: node.source, route, isTrue: false }
        rules.set(key, { ...known, isTrue: known.isTrue || node.value })
      }
    }
  }
}
