/** Sends a head for which no octet of a body has come yet. */
import type { ServerResponse } from 'node:http'
import type { Visit } from '../listener/visit.ts'

/** Octet for octet as the application wrote it: `flushHeaders` of node:http would encode what is not ASCII anew, as UTF-8. */
export function flushHead(response: ServerResponse, { httpVersion, method }: Visit): void {
  const { statusCode } = response
  const takesBody = method !== 'HEAD' && statusCode !== 204 && statusCode !== 304
  if (takesBody && httpVersion !== '2.0') response.write('', 'latin1')
  else response.flushHeaders()
}
