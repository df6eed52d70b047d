/**
 * The development authority and its certificate: made once under a folder, kept while they are valid and complete, so
 * that whoever trusts the authority has to do it only once.
 */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type IssuedCertificate,
  isAddress,
  makeAuthority,
  makeCertificate,
  nameConstraints,
} from '../../crypto/issue-certificate.ts'

export interface DevelopmentCertificates {
  readonly caFile: string
  readonly certificateFile: string
  readonly keyFile: string
  /** True when the authority was made just now, so that nobody trusts it yet. */
  readonly isNewAuthority: boolean
}

const DAY_MS = 86_400_000
/** What ends within this time is replaced at once. */
const RENEW_BEFORE_MS = 7 * DAY_MS

/**
 * Reads the certificates in `folder`, and makes what is missing, damaged, too old, or lacks one of `names`
 * (host names, `*.` wildcards, IP addresses). Keys are readable by their owner only.
 */
export async function readDevelopmentCertificates(
  folder: string,
  options: { readonly names: readonly string[]; readonly now: number },
): Promise<DevelopmentCertificates> {
  const { names, now } = options
  const file = (name: string) => join(folder, name)
  await mkdir(folder, { recursive: true, mode: 0o755 })

  const kept = await readPair(file('ca.crt'), file('ca.key'))
  const authority = kept && isAuthorityFor(kept, options) ? kept : await makeAuthority({ names, now })
  const isNewAuthority = authority !== kept
  if (isNewAuthority) await writePair(file('ca.crt'), file('ca.key'), authority)

  const known = isNewAuthority ? undefined : await readPair(file('server.crt'), file('server.key'))
  if (!known || !isCompleteFor(known, { ...options, authority })) {
    await writePair(file('server.crt'), file('server.key'), await makeCertificate(authority, { names, now }))
  }
  return {
    caFile: file('ca.crt'),
    certificateFile: file('server.crt'),
    keyFile: file('server.key'),
    isNewAuthority,
  }
}

async function readPair(certificateFile: string, keyFile: string): Promise<IssuedCertificate | undefined> {
  try {
    const [certificate, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')])
    // What does not parse, or does not belong together, is as good as missing.
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)) ? { certificate, key } : undefined
  } catch {
    return undefined
  }
}

/** Each file is written beside its place and moved there, so that a reader never sees half of one. */
async function writePair(certificateFile: string, keyFile: string, pair: IssuedCertificate): Promise<void> {
  for (const [file, text, mode] of [
    [keyFile, pair.key, 0o600],
    [certificateFile, pair.certificate, 0o644],
  ] as const) {
    const draft = `${file}.${randomBytes(6).toString('hex')}.new`
    await writeFile(draft, text, { mode, flag: 'wx' })
    await rename(draft, file)
  }
}

function isAuthorityFor(pair: IssuedCertificate, options: { names: readonly string[]; now: number }): boolean {
  const certificate = new X509Certificate(pair.certificate)
  return (
    certificate.ca &&
    isInForce(certificate, options.now) &&
    // The constraint's octets as they would be made today: another list of domains needs another authority.
    certificate.raw.includes(nameConstraints(options.names))
  )
}

function isCompleteFor(
  pair: IssuedCertificate,
  options: { names: readonly string[]; now: number; authority: IssuedCertificate },
): boolean {
  const certificate = new X509Certificate(pair.certificate)
  const authority = new X509Certificate(options.authority.certificate)
  const named = new Set((certificate.subjectAltName ?? '').split(', ').map((entry) => entry.replace(/^[^:]*:/, '')))
  return (
    isInForce(certificate, options.now) &&
    certificate.verify(authority.publicKey) &&
    options.names.every((name) => named.has(name) || (isAddress(name) && certificate.checkIP(name) !== undefined))
  )
}

function isInForce(certificate: X509Certificate, now: number): boolean {
  return certificate.validFromDate.getTime() <= now && now + RENEW_BEFORE_MS < certificate.validToDate.getTime()
}
