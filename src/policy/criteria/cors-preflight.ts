import { headerOf } from '../../wire/headers.ts'
import type { Criterion, Leaf } from '../criterion.ts'
import type { Facts } from '../facts.ts'

const preflight = { value: true, reason: 'cors-request' }
const other = { value: false, reason: 'non-cors-request' }

const leaf: Leaf = {
  needsSession: false,
  claims: [],
  check: (facts) => (isPreflight(facts) ? preflight : other),
  saw: ({ method }) => method,
}

export const corsPreflight: Criterion = {
  name: 'cors_preflight',
  doc: 'A browser asks whether another origin may call (Fetch standard, CORS-preflight): method OPTIONS with Origin and Access-Control-Request-Method.',
  accepts: 'anything; it is ignored',
  needsSession: false,
  reasons: [preflight.reason, other.reason],
  compile: () => leaf,
}

function isPreflight({ method, headers }: Facts): boolean {
  return method === 'OPTIONS' && !!headerOf(headers, 'origin') && !!headerOf(headers, 'access-control-request-method')
}
