/** A throw-away certificate authority and one certificate under it, as files that other programs can read. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeAuthority, makeCertificate as sign } from '#src/crypto/issue-certificate.ts'
import { handOver } from './program.ts'

export interface Certificate {
  /** PEM text of the authority that a client has to trust. */
  readonly ca: string
  readonly certificateFile: string
  readonly keyFile: string
  readonly certificate: string
  readonly key: string
}

/** Makes a certificate in `folder` for `names` (wildcards allowed), signed by an authority made for it alone. */
export async function makeCertificate(folder: string, names: readonly string[]): Promise<Certificate> {
  const options = { names, now: Date.now() }
  const authority = await makeAuthority(options)
  const { certificate, key } = await sign(authority, options)
  const [certificateFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
  writeFileSync(certificateFile, certificate)
  writeFileSync(keyFile, key, { mode: 0o600 })
  handOver(keyFile)
  return { ca: authority.certificate, certificateFile, keyFile, certificate, key }
}
