/** What the policy station says about a `policy:`, in the form that the configuration's reader takes. */
import type { CheckPolicy } from '../config/read-routes.ts'
import { checkPolicy as problemsOf } from '../policy/compile-policy.ts'

export const checkPolicy: CheckPolicy = (policy, scope) =>
  problemsOf(policy, scope).map(({ path, message }) => ({ severity: 'error', path, message }))
