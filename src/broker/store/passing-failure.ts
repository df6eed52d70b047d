/** Which failures of a store go away by themselves. */
import { ProxyError } from '../../errors/proxy-error.ts'

/**
 * Nobody there, no name, no way, no answer in time; and of PostgreSQL's own words: too many clients, it shuts down, it is
 * not up yet. A wrong password or another schema are none of these.
 */
const passing =
  /^(?:ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOENT|53300|57P0[123])$/

/** Whether opening the store may succeed in a while though nothing is changed. */
export function isPassingFailure(error: unknown): boolean {
  if (!(error instanceof ProxyError) || error.code !== 'BROKER_STORE_FAILED') return false
  const { cause } = error
  if (!(cause instanceof Error)) return false
  return 'code' in cause ? passing.test(String(cause.code)) : /timeout/i.test(cause.message)
}
