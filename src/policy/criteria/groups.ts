import { sessionCriterion } from '../criterion.ts'
import { listOperand } from '../matchers/list.ts'
import { claimValues } from './claim.ts'

const names = ['groups']

export const groups = sessionCriterion({
  name: 'groups',
  doc: "The user's groups as the provider tells them: the same as `claim/groups`.",
  operand: listOperand,
  claims: () => names,
  see: () => (facts) => claimValues(facts, names),
})
