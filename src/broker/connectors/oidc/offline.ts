/** Small things that connectors to OpenID providers share: asking for a refresh token, and what may not come of one. */
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { RedirectConnector } from '../connector.ts'

/** OpenID Connect Core §11; `access_type` is Google's word for the same. */
export function offlineParameters(promptType: string): Record<string, string> {
  return { access_type: 'offline', ...(promptType !== '' && { prompt: promptType }) }
}

export function somebodyElse(): ProxyError {
  return new ProxyError('CONNECTOR_ANSWER_INVALID', 'cannot refresh: the answer is about somebody else')
}

/** Where a user's browser would be sent, with a state that nobody waits for. */
export async function exampleDeparture(start: RedirectConnector['start'], signal: AbortSignal): Promise<string> {
  const scopes = { groups: true, offlineAccess: true }
  const { send } = await start({ state: 'example', scopes, parameters: new URLSearchParams(), signal })
  return send.by === 'redirect' ? send.url : send.action
}
