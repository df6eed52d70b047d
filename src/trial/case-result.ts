/** What one case of a policy test came to. */
import type { Case } from './read-cases.ts'
import type { TrialDecision } from './trial.ts'

export interface CaseResult {
  readonly case: Case
  /** With its tree. */
  readonly decision: TrialDecision
  /** What is not as expected, one clause each; none: the case holds. */
  readonly differences: readonly string[]
}
