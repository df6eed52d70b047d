/** Runs cases against a configuration: what came out otherwise, and which rules nobody asked about. */
import type { Settings } from '../config/schema.ts'
import type { CaseResult } from './case-result.ts'
import { type UnexercisedRule, unexercisedRules } from './coverage.ts'
import type { Case } from './read-cases.ts'
import { openTrial, type Trial, type TrialDecision } from './trial.ts'

export interface CasesResult {
  readonly results: readonly CaseResult[]
  /** Those with differences. */
  readonly failures: readonly CaseResult[]
  readonly unexercised: readonly UnexercisedRule[]
  readonly trial: Trial
}

/** Decides every case. Never throws for settings that were read without problems. */
export function runCases(settings: Settings, cases: readonly Case[]): CasesResult {
  const trial = openTrial(settings)
  const results = cases.map((one): CaseResult => {
    const decision = trial.explain(one.request, one.subject)
    return { case: one, decision, differences: differencesOf(one, decision) }
  })
  return {
    results,
    failures: results.filter(({ differences }) => differences.length > 0),
    unexercised: unexercisedRules(trial, results),
    trial,
  }
}

function differencesOf({ expect, route, reasons }: Case, decided: TrialDecision): readonly string[] {
  const differences: string[] = []
  if (decided.decision !== expect) differences.push(`expected ${expect}, got ${decided.decision}`)
  if (route !== undefined && decided.route?.name !== route)
    differences.push(`expected route ${route}, got ${decided.route?.name ?? 'none'}`)
  const missing = reasons.filter((reason) => !decided.reasons.includes(reason))
  if (missing.length > 0)
    differences.push(`expected reason ${missing.join(', ')}, got ${decided.reasons.join(', ') || 'none'}`)
  return differences
}
