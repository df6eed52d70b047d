/** The identity provider's certificates that the settings pin: their keys are trusted as they are, without any chain. */
import { X509Certificate } from 'node:crypto'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { ConnectorTools } from '../connector.ts'

export interface PinnedCertificate {
  readonly pem: string
  /** On one line. */
  readonly subject: string
  readonly notBefore: number
  readonly notAfter: number
  readonly keyBits: number
}

/** Each may cost a check of the whole signature: enough for any change of keys. */
const MOST = 8
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

/**
 * All of `ca` or `caData`, in and out of their time. Read anew each time, so that a file that was replaced is in force.
 * @throws ProxyError CONNECTOR_MISCONFIGURED
 */
export async function readPinned(
  { ca, caData }: { readonly ca?: string | undefined; readonly caData?: string | undefined },
  { id, readFile }: Pick<ConnectorTools, 'id' | 'readFile'>,
): Promise<readonly PinnedCertificate[]> {
  const refuse = (reason: string, cause?: unknown) =>
    new ProxyError(
      'CONNECTOR_MISCONFIGURED',
      `cannot use ${caData === undefined ? 'ca' : 'caData'} of connector ${id}: ${reason}`,
      { cause },
    )
  const text =
    caData ??
    (await readFile(ca ?? '').catch((cause: unknown) => {
      throw refuse(cause instanceof Error && 'code' in cause ? String(cause.code) : 'it cannot be read', cause)
    }))
  const blocks = text.match(BLOCK) ?? []
  if (blocks.length === 0) throw refuse('PEM certificates are needed, got none')
  if (blocks.length > MOST) throw refuse(`at most ${MOST} certificates are taken, got ${blocks.length}`)
  return blocks.map((block, index) => {
    const certificate = parse(block)
    if (certificate === undefined) throw refuse(`certificate ${index + 1} cannot be parsed`)
    const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey
    if (asymmetricKeyType !== 'rsa')
      throw refuse(
        `certificate ${index + 1} needs an RSA key, as that is what signatures can be checked with, got ${asymmetricKeyType}`,
      )
    return {
      pem: certificate.toString(),
      subject: certificate.subject.replaceAll('\n', ', '),
      notBefore: certificate.validFromDate.getTime(),
      notAfter: certificate.validToDate.getTime(),
      keyBits: asymmetricKeyDetails?.modulusLength ?? 0,
    }
  })
}

export function isInTime({ notBefore, notAfter }: PinnedCertificate, now: number): boolean {
  return notBefore <= now && now <= notAfter
}

/** NIST SP 800-131A: shorter RSA keys are not to be trusted any more. They are told, and taken, as Dex takes them. */
export function isShort({ keyBits }: PinnedCertificate): boolean {
  return keyBits < 2048
}

/** Those in their time. @throws ProxyError CONNECTOR_MISCONFIGURED where there is none */
export function inForce(
  certificates: readonly PinnedCertificate[],
  { id, now }: { readonly id: string; readonly now: number },
): readonly PinnedCertificate[] {
  const current = certificates.filter((certificate) => isInTime(certificate, now))
  if (current.length > 0) return current
  const ends = certificates.map(({ subject, notAfter }) => `${subject} until ${new Date(notAfter).toISOString()}`)
  throw new ProxyError(
    'CONNECTOR_MISCONFIGURED',
    `cannot use a certificate of connector ${id}: none is in its time, got ${ends.join('; ')}`,
  )
}

function parse(block: string): X509Certificate | undefined {
  try {
    return new X509Certificate(block)
  } catch {
    return undefined
  }
}
