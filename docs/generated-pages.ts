/** The pages that are printed and never written by hand. */
import { brokerReference } from './generate-broker.ts'
import { configReference } from './generate-config.ts'
import { differenceList } from './generate-differences.ts'
import { errorReference } from './generate-errors.ts'
import { lintReference } from './generate-lint.ts'
import { policyReference } from './generate-policy.ts'

export interface GeneratedPage {
  /** From the root of the repository. */
  readonly path: string
  readonly text: string
}

export function generatedPages(): GeneratedPage[] {
  return [
    { path: 'docs/broker-reference.md', text: brokerReference() },
    { path: 'docs/config.md', text: configReference() },
    { path: 'docs/differences.md', text: differenceList() },
    { path: 'docs/errors.md', text: errorReference() },
    { path: 'docs/policy-lint.md', text: lintReference() },
    { path: 'docs/policy-reference.md', text: policyReference() },
  ]
}
