/** What a directory's certificates say, for people. */
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'

const LONGEST_CHAIN = 8
const DAY_MS = 86_400_000

export interface Chain {
  /** One line a certificate: subject, issuer, end. */
  readonly lines: readonly string[]
  /** Days until the first of them ends; negative afterwards. */
  readonly daysLeft: number
}

export function readChain(socket: TLSSocket, now: number): Chain {
  const lines: string[] = []
  const seen = new Set<string>()
  let daysLeft = Number.POSITIVE_INFINITY
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  while (certificate?.fingerprint256 && !seen.has(certificate.fingerprint256) && lines.length < LONGEST_CHAIN) {
    seen.add(certificate.fingerprint256)
    const end = Date.parse(certificate.valid_to)
    daysLeft = Math.min(daysLeft, Math.floor((end - now) / DAY_MS))
    const names = certificate.subjectaltname ? ` for ${clean(certificate.subjectaltname)}` : ''
    lines.push(
      `${nameOf(certificate.subject)}${names}, issued by ${nameOf(certificate.issuer)}, until ${new Date(end).toISOString().slice(0, 10)}`,
    )
    certificate = certificate.issuerCertificate
  }
  return { lines, daysLeft }
}

function nameOf(name: DetailedPeerCertificate['subject'] | undefined): string {
  const { CN, O } = name ?? {}
  return clean(
    [CN, O]
      .flat()
      .filter((part) => part !== undefined)
      .join(', ') || 'nobody named',
  )
}

const clean = (text: string) => text.replace(/[^\P{C}]+/gu, ' ').slice(0, 300)
