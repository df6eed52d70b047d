/** What is trusted when an application is reached over TLS. */
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'

export interface UpstreamTls {
  /** tls_skip_verify: any certificate will do. */
  readonly skipVerify?: boolean | undefined
  /** tls_custom_ca as PEM: these roots and no others. */
  readonly customCa?: string | undefined
  /** certificate_authority as PEM: these roots as well as the system's. */
  readonly extraCa?: string | undefined
  /** tls_upstream_server_name or tls_server_name: sent as SNI, and the name the certificate must carry. */
  readonly serverName?: string | undefined
}

/** Builds the trust for one set of options; throws where a PEM cannot be read. */
export function trustOf(tls: UpstreamTls): SecureContext {
  return createSecureContext({ ca: rootsOf(tls), minVersion: 'TLSv1.2' })
}

function rootsOf({ customCa, extraCa }: UpstreamTls): string[] {
  if (customCa !== undefined) return [customCa]
  // Both stores: Node's own, and the machine's, where companies put the root that signs their inner services.
  const roots = [...getCACertificates('default'), ...getCACertificates('system')]
  if (extraCa !== undefined) roots.push(extraCa)
  return [...new Set(roots)]
}
