/** Answers of sources, looked at or trimmed before the library reads them. */
import type { ServerMetadata } from 'openid-client'
import { ProxyError } from '../../../errors/proxy-error.ts'

/**
 * Where no issuer is configured, a source that names itself (RFC 9207) must at least be of the origin that the browser
 * was sent to: an answer that another source gave is not redeemed here.
 */
export function withoutIssuer(
  answer: URLSearchParams,
  { authorization_endpoint: endpoint }: ServerMetadata,
): URLSearchParams {
  const [issuer, ...more] = answer.getAll('iss')
  const isOurs =
    issuer === undefined || (URL.canParse(issuer) && new URL(issuer).origin === new URL(endpoint ?? '').origin)
  if (!isOurs || more.length > 0)
    throw new ProxyError('CONNECTOR_ANSWER_INVALID', 'cannot complete the sign-in: another source answered')
  const rest = new URLSearchParams(answer)
  rest.delete('iss')
  return rest
}

/** What is not read must not be able to end the sign-in; a missing type is Bearer, as Go's library takes it. */
export async function withoutIdToken(response: Response): Promise<Response> {
  const { status, headers } = response
  const text = await response.text()
  try {
    const { id_token: _, ...rest } = JSON.parse(text) as Record<string, unknown>
    const whole = typeof rest['access_token'] === 'string' ? { token_type: 'bearer', ...rest } : rest
    return new Response(JSON.stringify(whole), { status, headers })
  } catch {
    return new Response(text, { status, headers })
  }
}

/** Key id in the head of the token that an answer is or holds; what is wrong with it is found by others. */
export async function keyIdOf(response: Response): Promise<string | undefined> {
  try {
    const text = await response.text()
    const token = text.startsWith('{') ? String((JSON.parse(text) as Record<string, unknown>)['id_token']) : text
    const { kid } = JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString()) as { kid?: unknown }
    return typeof kid === 'string' ? kid : undefined
  } catch {
    return undefined
  }
}
