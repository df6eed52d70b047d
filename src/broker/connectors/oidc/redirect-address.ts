/** Whether the address that a source sends the browser back to leads to the broker. */
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { ConnectorTools } from '../connector.ts'

/**
 * It is the broker's callback, byte for byte, or is declared to lead there by other means.
 * @throws ProxyError CONNECTOR_MISCONFIGURED
 */
export function checkRedirectAddress(
  redirectUri: string,
  { id, callbackUrl }: Pick<ConnectorTools, 'id' | 'callbackUrl'>,
  { leadsHereOtherwise = false }: { readonly leadsHereOtherwise?: boolean } = {},
): void {
  if (redirectUri !== callbackUrl && !leadsHereOtherwise)
    throw new ProxyError(
      'CONNECTOR_MISCONFIGURED',
      `cannot use redirectURI of connector ${id}: it must be "${callbackUrl}", got "${redirectUri}"`,
    )
  // Sources compare it as text (RFC 6749 §3.1.2.3), and the token request repeats it as an address is written.
  const isPlain = URL.canParse(redirectUri) && new URL(redirectUri).href === redirectUri && !/[?#]/.test(redirectUri)
  if (!isPlain)
    throw new ProxyError(
      'CONNECTOR_MISCONFIGURED',
      `cannot use redirectURI of connector ${id}: it must be an address with a path and without query, got "${redirectUri}"`,
    )
}
