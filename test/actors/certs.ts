/** Certificates for tests, made as the demo makes its own: one authority and one certificate for all hosts of a test file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeAuthority, makeCertificate } from '#src/crypto/issue-certificate.ts'

export interface Certs {
  /** PEM text of the authority. */
  readonly ca: string
  readonly certificate: string
  readonly key: string
  readonly caFile: string
  readonly certificateFile: string
  readonly keyFile: string
}

export const certNames = ['corp.test', '*.corp.test', '*.apps.corp.test', 'wiki.other.test', '127.0.0.1']

let made: Promise<Certs> | undefined

/** The same pair for the whole process; its files end with the process. */
export function testCerts(): Promise<Certs> {
  made ??= makeCerts(certNames)
  return made
}

/** A pair of its own for `names`. */
export async function makeCerts(names: readonly string[]): Promise<Certs> {
  const options = { names, now: Date.now() }
  const authority = await makeAuthority(options)
  const pair = await makeCertificate(authority, options)
  const folder = mkdtempSync(join(tmpdir(), 'ostiary-certs-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  return {
    ca: authority.certificate,
    ...pair,
    caFile: write('ca.crt', authority.certificate),
    certificateFile: write('server.crt', pair.certificate),
    keyFile: write('server.key', pair.key),
  }
}
