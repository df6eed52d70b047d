/** Criteria that look at nothing. */
import type { Criterion, Leaf } from '../criterion.ts'

export function constantCriterion(definition: { name: string; doc: string; value: boolean }): Criterion {
  const { name, doc, value } = definition
  const outcome = { value, reason: name }
  const leaf: Leaf = { needsSession: false, claims: [], always: value, check: () => outcome, saw: () => undefined }
  return { name, doc, accepts: 'anything; it is ignored', needsSession: false, reasons: [name], compile: () => leaf }
}

/** Data that is accepted and ignored, `false` included. */
export const ignored = {
  doc: 'anything; it is ignored, `false` too',
  compile: () => () => true,
}
