import { requestCriterion } from '../criterion.ts'
import { textOperand } from '../matchers/text.ts'

export const httpMethod = requestCriterion({
  name: 'http_method',
  doc: 'The request method; upper and lower case differ (RFC 9110 §9.1).',
  operand: textOperand,
  see:
    () =>
    ({ method }) =>
      method,
})
