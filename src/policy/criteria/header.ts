import { headersOf } from '../../wire/headers.ts'
import { copiesCriterion } from './copies.ts'

export const header = copiesCriterion({
  name: 'header',
  doc: 'A header field of the request, named after the slash: `header/x-api-version`. An absent field matches nothing. The client chooses what it sends: never take a header for proof of who somebody is.',
  isNamed: true,
  see(subpath) {
    const name = subpath.toLowerCase()
    return ({ headers }) => headersOf(headers, name)
  },
})
