/** Which certificate a TLS client sees: chosen by the name it asks for, exact before wildcard; replaced while running. */
import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'

export interface CertificatePair {
  /** The certificate and its chain. */
  readonly certPem: string
  readonly keyPem: string
}

export interface Certificates {
  /** What a client gets that names no host, or one that no certificate is for. */
  readonly fallback: CertificatePair
  contextFor(serverName: string): SecureContext
}

/**
 * Compiles certificates; the first one for a name wins, and the first of all is the fallback where none is given.
 * Throws, without key material in the message, on a pair that does not fit together or an empty list.
 */
export function compileCertificates(
  certificates: readonly CertificatePair[],
  fallback: CertificatePair | undefined = certificates[0],
): Certificates {
  if (!fallback) throw new TypeError('cannot serve TLS: there is no certificate')
  const byName = new Map<string, SecureContext>()
  const last = contextOf(fallback, 'the fallback certificate')
  certificates.forEach((pair, index) => {
    const context = pair === fallback ? last : contextOf(pair, `certificate ${index + 1}`)
    for (const name of namesOf(pair.certPem)) if (!byName.has(name)) byName.set(name, context)
  })
  return {
    fallback,
    contextFor(serverName) {
      const name = serverName.toLowerCase().replace(/\.$/, '')
      const exact = byName.get(name)
      if (exact) return exact
      const dot = name.indexOf('.')
      return (dot === -1 ? undefined : byName.get(`*${name.slice(dot)}`)) ?? last
    },
  }
}

/** The DNS names of a certificate, lower case; the common name where it has no alternative names. */
export function namesOf(certPem: string): string[] {
  const { subjectAltName, subject } = new X509Certificate(certPem)
  const names =
    subjectAltName
      ?.split(', ')
      .filter((entry) => entry.startsWith('DNS:'))
      .map((entry) => entry.slice(4)) ??
    (subject ?? '')
      .split('\n')
      .filter((entry) => entry.startsWith('CN='))
      .map((entry) => entry.slice(3))
  return names.map((name) => name.toLowerCase())
}

function contextOf({ certPem, keyPem }: CertificatePair, which: string): SecureContext {
  try {
    return createSecureContext({ cert: certPem, key: keyPem, minVersion: 'TLSv1.2' })
  } catch (cause) {
    throw new Error(`cannot use ${which}: the certificate or its key is unreadable, or they do not fit`, { cause })
  }
}
