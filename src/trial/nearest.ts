/** The nearest changes that would let somebody in; each was decided again, so none is a promise that does not hold. */
import type { Place } from '../config/place.ts'
import type { ExplainedNode } from '../policy/policy.ts'
import { routePath } from '../snapshot/route-identity.ts'
import { type Change, changesFor, type State } from './changes.ts'
import type { TrialRequest } from './request.ts'
import { ruleChangesFor } from './rule-changes.ts'
import type { Subject } from './subject.ts'
import { factsOf, type Trial, type TrialDecision } from './trial.ts'

export interface NearestChange {
  readonly kind: Change['kind'] | 'rule'
  /** `the group devops`, `without the rule deny or` … */
  readonly words: string
  /** The rule that it satisfies or changes; of the route where it adds one. */
  readonly place: Place
}

/** `isTime`: one of many moments that would do. */
interface Found extends NearestChange {
  readonly isTime: boolean
}

/** More is not read. */
const most = 12
/** Pairs are looked for among so many changes. */
const mostForPairs = 40

/**
 * For a denial by policy of somebody known: every single change of the person or the request that would allow it, else
 * the pairs; then single changes of the rules. Nothing for other decisions.
 */
export function nearestChanges(
  trial: Trial,
  question: { readonly request: TrialRequest; readonly subject: Subject },
  decision: TrialDecision,
): readonly NearestChange[] {
  const { request, subject } = question
  const reached = trial.reach(request)
  if (decision.decision !== 'deny' || decision.tree === undefined || reached.kind !== 'route') return []
  if (subject === 'nobody') return []
  const { route, arrival } = reached
  const state: State = { person: subject, request }
  const opens = (next: State) => route.policy.decide(factsOf(next.request, arrival, next.person)).kind === 'allow'

  const changes = decision.tree.flatMap((action) => changesOfSide(action, state))
  const singles = changes.filter((change) => opens(change.apply(state))).map((change) => [change])
  const found = singles.length > 0 ? singles : pairs(changes).filter((pair) => opens(applyAll(pair, state)))
  const personal = found.map(
    (list): Found => ({
      kind: list[0]?.kind ?? 'rule',
      words: list.map(({ words }) => words).join(' and '),
      place: route.locate(list[0]?.source ?? []),
      isTime: list.some(({ kind }) => kind === 'time'),
    }),
  )

  const facts = factsOf(request, arrival, subject)
  const root = routePath(route.settings)
  const rules = ruleChangesFor(route.settings, { tree: decision.tree, root, person: subject })
    .filter(({ access }) => route.withAccess(access).decide(facts).kind === 'allow')
    .map(({ words, source }): Found => {
      return { kind: 'rule', words, place: source ? route.locate(source) : route.place, isTime: false }
    })
  return firstOfEach([...personal, ...rules]).slice(0, most)
}

/** Changes for each criterion that stands against the visitor. */
function changesOfSide(action: ExplainedNode, state: State): readonly Change[] {
  const isDeny = action.name === 'deny'
  return action.children
    .filter(({ value }) => value === isDeny)
    .flatMap((block) => {
      const turned = block.name === 'not' || block.name === 'nor'
      // Its value where it speaks against the visitor: false under allow, true under deny, and the other way round where it is turned.
      const against = isDeny !== turned
      return block.children
        .filter(({ value }) => value === against)
        .flatMap((node) => changesFor(node, !against, state))
    })
}

function pairs(changes: readonly Change[]): readonly (readonly Change[])[] {
  const some = changes.slice(0, mostForPairs)
  return some.flatMap((one, index) =>
    some.slice(index + 1).flatMap((other) => (other.source === one.source ? [] : [[one, other]])),
  )
}

function applyAll(changes: readonly Change[], state: State): State {
  return changes.reduce((reached, change) => change.apply(reached), state)
}

/** Each thing once; of all the moments that would do the first one for each rule. */
function firstOfEach(found: readonly Found[]): readonly NearestChange[] {
  const seen = new Set<string>()
  return found.flatMap(({ kind, words, place, isTime }) => {
    const key = isTime ? `time ${place.line}:${place.column}` : words
    if (seen.has(key)) return []
    seen.add(key)
    return [{ kind, words, place }]
  })
}
