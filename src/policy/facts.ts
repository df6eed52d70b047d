/** All that a policy may look at: one request, who sent it, and when. */
import type { Session } from '../session/session.ts'

/** The leaf certificate that the client presented, and whether it was found valid. */
export interface ClientCertificate {
  /** Issued by a configured authority, not revoked, names and depth as demanded; true where no authority is configured. */
  readonly valid: boolean
  /** SHA-256 of the certificate, 64 lower-case hexadecimal digits. */
  readonly fingerprint: string
  /** SHA-256 of the public key (SubjectPublicKeyInfo), base64. */
  readonly spkiHash: string
  readonly sanDns: readonly string[]
  readonly sanEmail: readonly string[]
  readonly sanUri: readonly string[]
}

export interface Facts {
  readonly method: string
  /** The canonical path, percent-encoded, without query. */
  readonly path: string
  readonly host: string
  /** Flat list: name (lower case), value, … */
  readonly headers: readonly string[]
  /** `?` and the query as sent, or ''. */
  readonly query: string
  readonly clientAddress: string
  readonly session: Session | undefined
  readonly clientCertificate: ClientCertificate | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}
