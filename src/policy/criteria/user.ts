import { sessionCriterion } from '../criterion.ts'
import { textOperand } from '../matchers/text.ts'

export const user = sessionCriterion({
  name: 'user',
  doc: "The user's id: the provider's subject.",
  operand: textOperand,
  see:
    () =>
    ({ session }) =>
      session?.userId || undefined,
})
