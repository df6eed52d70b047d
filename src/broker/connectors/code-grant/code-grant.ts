/** One service that speaks the authorization code grant (RFC 6749 §4.1), and what we are there. */
import type { Secret } from '../../../crypto/secret.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { ConnectorTools } from '../connector.ts'
import type { UpstreamHttp } from '../upstream-http.ts'

export interface CodeGrant {
  /** For messages: "GitHub". */
  readonly service: string
  readonly authorizeUrl: string
  readonly tokenUrl: string
  readonly client: { readonly id: string; readonly secret: Secret }
  readonly redirectUri: string
  readonly http: UpstreamHttp
  readonly tools: ConnectorTools
}

/** Longest text of somebody else's in a message. */
const shown = 120

/** Somebody else's text for a log line. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, shown)
}

/** @throws ProxyError CONNECTOR_MISCONFIGURED where the source would send the user to an address that is not ours */
export function requireOwnCallback({ redirectUri, tools, service }: CodeGrant): void {
  if (redirectUri === tools.callbackUrl) return
  const message = `cannot sign in at ${service}: expected redirectURI ${tools.callbackUrl}, got ${redirectUri}`
  throw new ProxyError('CONNECTOR_MISCONFIGURED', message)
}
