/**
 * The development authority and its certificate: made once under a folder, kept while they are valid and complete, so
 * that whoever trusts the authority has to do it only once.
 */
import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isIPv4 } from 'node:net'
import { join } from 'node:path'

/** An authority and one certificate under it, as PEM text. */
export interface CertificatePair {
  readonly certificate: string
  readonly key: string
}

export interface DevelopmentCertificates {
  readonly caFile: string
  readonly certificateFile: string
  readonly keyFile: string
  /** True when the authority was made just now, so that nobody trusts it yet. */
  readonly isNewAuthority: boolean
}

const DAY_MS = 86_400_000
const AUTHORITY_DAYS = 3650
/** Apple refuses server certificates that live longer than 825 days, and Chromium those of public authorities above 398. */
const CERTIFICATE_DAYS = 397
/** Clocks differ: valid from a little before now. */
const BACKDATE_MS = DAY_MS
/** What ends within this time is replaced at once. */
const RENEW_BEFORE_MS = 7 * DAY_MS

const KEY = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

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

/**
 * Makes an authority that can vouch for the domains of `names` and for no others (RFC 5280 §4.2.1.10), so that its
 * key, should it be stolen, opens nothing on the Internet to whoever trusts it.
 */
export async function makeAuthority(options: {
  readonly names: readonly string[]
  readonly now: number
}): Promise<CertificatePair> {
  const x509 = await loadX509()
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify'])
  const serial = randomBytes(4).toString('hex')
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ O: ['Ostiary'] }, { CN: [`Ostiary development authority ${serial}`] }],
    serialNumber: serialNumber(),
    notBefore: new Date(options.now - BACKDATE_MS),
    notAfter: new Date(options.now + AUTHORITY_DAYS * DAY_MS),
    signingAlgorithm: KEY,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new x509.Extension('2.5.29.30', true, nameConstraints(options.names)),
    ],
  })
  return { certificate: pem(certificate.toString('pem')), key: await privateKeyPem(keys.privateKey) }
}

/** Makes a server certificate for `names` under `authority`. */
export async function makeCertificate(
  authority: CertificatePair,
  options: { readonly names: readonly string[]; readonly now: number },
): Promise<CertificatePair> {
  const x509 = await loadX509()
  const issuer = new x509.X509Certificate(authority.certificate)
  const issuerKey = createPrivateKey(authority.key).export({ type: 'pkcs8', format: 'der' })
  const signingKey = await webcrypto.subtle.importKey('pkcs8', issuerKey, KEY, false, ['sign'])
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ O: ['Ostiary'] }, { CN: ['Ostiary development'] }],
    issuer: issuer.subjectName,
    serialNumber: serialNumber(),
    notBefore: new Date(options.now - BACKDATE_MS),
    notAfter: new Date(options.now + CERTIFICATE_DAYS * DAY_MS),
    signingAlgorithm: KEY,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(
        options.names.map((value) => ({ type: isAddress(value) ? 'ip' : 'dns', value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return { certificate: pem(certificate.toString('pem')), key: await privateKeyPem(keys.privateKey) }
}

/** Loaded on first use: only the demo and the tests make certificates. Its container wants the polyfill first. */
async function loadX509() {
  await import('reflect-metadata')
  return import('@peculiar/x509')
}

async function readPair(certificateFile: string, keyFile: string): Promise<CertificatePair | undefined> {
  try {
    const [certificate, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')])
    // What does not parse, or does not belong together, is as good as missing.
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)) ? { certificate, key } : undefined
  } catch {
    return undefined
  }
}

/** Each file is written beside its place and moved there, so that a reader never sees half of one. */
async function writePair(certificateFile: string, keyFile: string, pair: CertificatePair): Promise<void> {
  for (const [file, text, mode] of [
    [keyFile, pair.key, 0o600],
    [certificateFile, pair.certificate, 0o644],
  ] as const) {
    const draft = `${file}.${randomBytes(6).toString('hex')}.new`
    await writeFile(draft, text, { mode, flag: 'wx' })
    await rename(draft, file)
  }
}

function isAuthorityFor(pair: CertificatePair, options: { names: readonly string[]; now: number }): boolean {
  const certificate = new X509Certificate(pair.certificate)
  return (
    certificate.ca &&
    isInForce(certificate, options.now) &&
    // The constraint's octets as they would be made today: another list of domains needs another authority.
    certificate.raw.includes(nameConstraints(options.names))
  )
}

function isCompleteFor(
  pair: CertificatePair,
  options: { names: readonly string[]; now: number; authority: CertificatePair },
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

const isAddress = (name: string) => isIPv4(name) || name.includes(':')

/** DER of NameConstraints with the permitted subtrees of `names`: last labels of hosts, single IPv4 and IPv6 addresses. */
function nameConstraints(names: readonly string[]): Buffer {
  const domains = new Set<string>()
  for (const name of names) if (!isAddress(name)) domains.add(name.replace(/^\*\./, '').split('.').slice(-2).join('.'))
  // `hello.localhost` lies under `localhost`: the shorter one is enough.
  if ([...domains].some((domain) => domain === 'localhost' || domain.endsWith('.localhost'))) {
    for (const domain of domains) if (domain.endsWith('.localhost')) domains.delete(domain)
    domains.add('localhost')
  }
  const trees = [...domains].sort().map((domain) => der(0x30, der(0x82, Buffer.from(domain, 'ascii'))))
  // An authority that names no address may vouch for any, so both kinds are always constrained to loopback.
  trees.push(der(0x30, der(0x87, Buffer.from('7f000000ff000000', 'hex'))))
  trees.push(der(0x30, der(0x87, Buffer.from(`${'0'.repeat(31)}1${'f'.repeat(32)}`, 'hex'))))
  return der(0x30, der(0xa0, Buffer.concat(trees)))
}

/** One DER element (X.690 §8.1) of less than 64 KiB. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

/** Positive, 127 random bits (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  const octets = randomBytes(16)
  octets[0] = ((octets[0] ?? 0) & 0x7f) | 0x40
  return octets.toString('hex')
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString()
}

const pem = (text: string) => `${text.trim()}\n`
