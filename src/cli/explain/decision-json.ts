/** A decision for machines. */
import type { ExplainedNode } from '../../policy/policy.ts'
import type { NearestChange } from '../../trial/nearest.ts'
import type { Question } from '../../trial/read-question.ts'
import type { Trial, TrialDecision } from '../../trial/trial.ts'
import type { TrialRoute } from '../../trial/trial-route.ts'
import { placeText } from '../text.ts'

interface Context {
  readonly trial: Trial
  readonly question: Question
  readonly nearest: readonly NearestChange[]
}

/** `{route, source, decision, reasons, tree, nearest}`; `route` is a name, or null where none takes the request. */
export function decisionJson(decided: TrialDecision, { trial, question, nearest }: Context): object {
  const reached = trial.reach(question.request)
  return {
    ...shortDecisionJson(decided),
    source: decided.route ? placeText(decided.route.source) : null,
    tree: reached.kind === 'route' ? (decided.tree ?? []).map((node) => nodeJson(node, reached.route)) : [],
    nearest: nearest.map(({ kind, words, place }) => ({ kind, change: words, source: placeText(place) })),
  }
}

/** `{route, decision, reasons}`. */
export function shortDecisionJson({ route, decision, reasons }: TrialDecision): object {
  return { route: route?.name ?? null, decision, reasons }
}

function nodeJson(node: ExplainedNode, route: TrialRoute): object {
  const { kind, name, value, operand, reason, saw, source, children } = node
  const more = kind === 'criterion' ? { operand, reason, saw: saw ?? null } : {}
  return {
    kind,
    name,
    value,
    ...more,
    source: placeText(route.locate(source)),
    ...(children.length === 0 ? {} : { children: children.map((child) => nodeJson(child, route)) }),
  }
}
