/** Certificates with their keys as TLS takes them; the one place where a TLS key is revealed. */
import type { Revealable } from './key-ring.ts'

export interface SealedCertificate {
  /** The certificate and its chain. */
  readonly pem: string
  readonly key: Revealable
}

export function tlsPairs(certificates: readonly SealedCertificate[]): { certPem: string; keyPem: string }[] {
  return certificates.map(({ pem, key }) => ({ certPem: pem, keyPem: key.reveal() }))
}
