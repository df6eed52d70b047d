/** How two configurations differ, as data for whoever prints it. */
import type { Place } from '../../config/place.ts'
import type { TrialOutcome } from '../trial.ts'
import type { DecidingRule } from './rules.ts'

export type DifferenceKind = 'loss' | 'gain' | 'other'

export interface Difference {
  readonly kind: DifferenceKind
  /** `the group devops`, `alice@corp.test`, `anybody without signing in`. */
  readonly who: string
  /** The rest of what is asked for: `the method POST`, or ''. */
  readonly request: string
  readonly before: TrialOutcome
  readonly after: TrialOutcome
  /** The rule that it turns on, and in which of the configurations it stands. */
  readonly rule: DecidingRule | undefined
  readonly side: 'before' | 'after'
  /** From the rules themselves, or for somebody from the cases or the log. */
  readonly from: 'values' | 'cases' | 'log'
  /** Of the log: how many requests, and one of them. */
  readonly seen?: { readonly count: number; readonly requestId: string }
}

export interface RouteDifference {
  /** Undefined where it is no route (any more). */
  readonly before: RouteName | undefined
  readonly after: RouteName | undefined
  readonly url: string
  readonly differences: readonly Difference[]
}

export interface RouteName {
  readonly name: string
  readonly place: Place
}

export interface Comparison {
  readonly routes: readonly RouteDifference[]
  /** How many pairs of routes were looked at, and how many combinations of values and people. */
  readonly pairs: number
  readonly decided: number
  /** What could not be compared in full, a sentence each. */
  readonly notes: readonly string[]
}

/** Whoever could use it and no longer can has lost; whoever now can has gained. */
export function kindOf(before: TrialOutcome, after: TrialOutcome): DifferenceKind {
  if (before === 'allow') return 'loss'
  return after === 'allow' ? 'gain' : 'other'
}
