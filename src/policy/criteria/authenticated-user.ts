import { sessionCriterion } from '../criterion.ts'
import { ignored } from './constant.ts'

export const authenticatedUser = sessionCriterion({
  name: 'authenticated_user',
  doc: 'Somebody is signed in.',
  reason: 'user',
  operand: ignored,
  see:
    () =>
    ({ session }) =>
      session?.userId || undefined,
})
