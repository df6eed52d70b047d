import { copiesCriterion } from './copies.ts'

export const urlQuery = copiesCriterion({
  name: 'url_query',
  doc: 'A parameter of the query, named after the slash: `url_query/version`; decoded as HTML forms encode it. An absent parameter matches nothing.',
  isNamed: true,
  see:
    (subpath) =>
    ({ query }) =>
      query.length > 1 ? new URLSearchParams(query).getAll(subpath) : [],
})
