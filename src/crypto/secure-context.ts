/** TLS for connections of ours that show a certificate, and for listeners that insist on seeing one. */
import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { Revealable } from './key-ring.ts'

export interface ContextOptions {
  /** Authorities to trust, PEM; undefined: those of the system. */
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: Revealable | undefined
}

/** @throws what OpenSSL says where a text is no PEM, or the key belongs to another certificate */
export function secureContextOf(options: ContextOptions): SecureContext {
  return createSecureContext(contextOptions(options))
}

/** For a listener, which makes its context itself. @throws where an authority is no PEM */
export function contextOptions({ ca, cert, key }: ContextOptions): SecureContextOptions {
  // TLS skips a text without certificates, and would then trust nobody, without a word.
  if (ca !== undefined) new X509Certificate(ca)
  return {
    minVersion: 'TLSv1.2',
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key: key.reveal() }),
  }
}
