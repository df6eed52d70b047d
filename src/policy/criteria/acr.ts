import { type Criterion, sessionCriterion } from '../criterion.ts'
import { textOperand } from '../matchers/text.ts'
import { isMap } from '../rules.ts'

const names = ['acr']

const base = sessionCriterion({
  name: 'acr',
  doc: 'How the user signed in: the authentication context class that the provider tells (OpenID Connect Core §2). A known user who lacks it is sent to sign in again with `acr_values`.',
  operand: textOperand,
  claims: () => names,
  see:
    () =>
    ({ session }) => {
      const value = session?.flatClaims.get('acr')?.[0]
      return typeof value === 'string' ? value : undefined
    },
})

export const acr: Criterion = {
  ...base,
  compile: (input) => ({ ...base.compile(input), stepUp: { acrValues: wanted(input.operand), maxAge: undefined } }),
}

/** What to ask the provider for: the values that would do. */
function wanted(operand: unknown): readonly string[] {
  const values = isMap(operand) ? Object.entries(operand).filter(([key]) => /^(is|in)$/i.test(key)) : [['is', operand]]
  return values.flatMap(([, value]) => value).filter((value) => typeof value === 'string')
}
