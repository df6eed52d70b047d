import { headersOf } from '../../wire/headers.ts'
import { copiesCriterion } from './copies.ts'

export const userAgent = copiesCriterion({
  name: 'user_agent',
  doc: 'The User-Agent of the request. The client chooses it: good for steering programs, not for keeping people out.',
  isNamed: false,
  see:
    () =>
    ({ headers }) =>
      headersOf(headers, 'user-agent'),
})
