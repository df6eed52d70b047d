/** TLS contexts for connections of ours that show a certificate, and for listeners that insist on seeing one. */
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Revealable } from './key-ring.ts'

export interface ContextOptions {
  /** Authorities to trust, PEM; undefined: those of the system. */
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: Revealable | undefined
}

/** @throws what OpenSSL says where a text is no PEM, or the key belongs to another certificate */
export function secureContextOf({ ca, cert, key }: ContextOptions): SecureContext {
  return createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key: key.reveal() }),
  })
}
