/** Makes certificates: a development authority, what it signs, and the self-signed one of a door without any. */
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto'

/** A certificate and its key, as PEM text. */
export interface IssuedCertificate {
  readonly certificate: string
  readonly key: string
}

const DAY_MS = 86_400_000
const AUTHORITY_DAYS = 3650
/** Apple refuses server certificates that live longer than 825 days, and Chromium those of public authorities above 398. */
const CERTIFICATE_DAYS = 397
/** Clocks differ: valid from a little before now. */
const BACKDATE_MS = DAY_MS

const KEY = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/**
 * Makes an authority that can vouch for the domains of `names` and for no others (RFC 5280 §4.2.1.10), so that its
 * key, should it be stolen, opens nothing on the Internet to whoever trusts it.
 */
export async function makeAuthority(options: {
  readonly names: readonly string[]
  readonly now: number
}): Promise<IssuedCertificate> {
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
  authority: IssuedCertificate,
  options: { readonly names: readonly string[]; readonly now: number },
): Promise<IssuedCertificate> {
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
      alternativeNames(x509, options.names),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return { certificate: pem(certificate.toString('pem')), key: await privateKeyPem(keys.privateKey) }
}

/**
 * Makes a certificate that vouches for itself, for a door that was given none: whoever meets it has to decide to trust
 * it, and the traffic is encrypted all the same.
 */
export async function makeSelfSigned(options: {
  readonly names: readonly string[]
  readonly now: number
}): Promise<IssuedCertificate> {
  const x509 = await loadX509()
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ O: ['Ostiary'] }, { CN: ['Ostiary self-signed'] }],
    serialNumber: serialNumber(),
    notBefore: new Date(options.now - BACKDATE_MS),
    notAfter: new Date(options.now + AUTHORITY_DAYS * DAY_MS),
    signingAlgorithm: KEY,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      alternativeNames(x509, options.names),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: pem(certificate.toString('pem')), key: await privateKeyPem(keys.privateKey) }
}

function alternativeNames(x509: X509, names: readonly string[]) {
  return new x509.SubjectAlternativeNameExtension(
    names.map((value) => ({ type: isAddress(value) ? 'ip' : 'dns', value })),
  )
}

type X509 = Awaited<ReturnType<typeof loadX509>>

/** Loaded on first use: few processes make certificates. Its container wants the polyfill first. */
async function loadX509() {
  await import('reflect-metadata')
  return import('@peculiar/x509')
}

/** Whether a certificate's name is an IP address: no host name ends in a label of digits. */
export function isAddress(name: string): boolean {
  return name.includes(':') || /^[\d.]+$/.test(name)
}

/** DER of NameConstraints with the permitted subtrees of `names`: last labels of hosts, single IPv4 and IPv6 addresses. */
export function nameConstraints(names: readonly string[]): Buffer {
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
