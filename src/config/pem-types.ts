/** Types that hold PEM: certificates, private keys, authorities. Each takes PEM itself or base64 of it. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { Secret } from '../crypto/secret.ts'
import { type Fail, isMap, settingType, textOf } from './setting-type.ts'

/** A certificate with its chain, parsed once to be sure of it. */
export interface CertificateChain {
  readonly pem: string
  /** DNS names of the leaf, lower case; wildcards as written there. */
  readonly names: readonly string[]
  /** When the leaf ends, milliseconds since the epoch. */
  readonly notAfter: number
}

/** A chain with the key that fits it. */
export interface Certificate extends CertificateChain {
  readonly key: Secret
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g

/** The text as PEM: itself, or what its base64 decodes to. Undefined where neither holds a PEM block. */
function pemOf(text: string): string | undefined {
  if (text.includes('-----BEGIN ')) return text
  if (!/^[A-Za-z0-9+/=\s]+$/.test(text)) return undefined
  const decoded = Buffer.from(text, 'base64').toString('utf8')
  return decoded.includes('-----BEGIN ') ? decoded : undefined
}

function blocksOf(pem: string, label: RegExp): string[] {
  return [...pem.matchAll(BLOCK)].filter((match) => label.test(match[1] ?? '')).map((match) => match[0])
}

/** Every certificate of a PEM text; throws when one cannot be parsed. */
function parseCertificates(pem: string): X509Certificate[] {
  return blocksOf(pem, /^(X509 |TRUSTED )?CERTIFICATE$/).map((block) => new X509Certificate(block))
}

function readChain(raw: unknown, fail: Fail): CertificateChain | undefined {
  const expected = 'a certificate in PEM form, or base64 of one'
  const pem = pemOf(textOf(raw) ?? '')
  if (pem === undefined) {
    fail(expected, { found: 'text without a PEM block' })
    return undefined
  }
  try {
    const [leaf] = parseCertificates(pem)
    if (leaf === undefined) fail(expected, { found: 'PEM without a certificate' })
    else return { pem, names: namesOf(leaf), notAfter: Date.parse(leaf.validTo) }
  } catch {
    fail(expected, { found: 'a certificate that cannot be parsed' })
  }
  return undefined
}

/** DNS names of a certificate; the common name only where there are none (RFC 6125 §6.4.4). */
function namesOf(certificate: X509Certificate): readonly string[] {
  const names = (certificate.subjectAltName ?? '')
    .split(', ')
    .flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4).toLowerCase()] : []))
  if (names.length > 0) return names
  const common = /^CN=(.+)$/m.exec(certificate.subject)?.[1]
  return common === undefined ? [] : [common.toLowerCase()]
}

function readPrivateKey(raw: unknown, fail: Fail): KeyObject | undefined {
  const pem = pemOf(textOf(raw) ?? '')
  const [block] = pem === undefined ? [] : blocksOf(pem, /PRIVATE KEY$/)
  if (block === undefined) {
    fail('a private key in PEM form, or base64 of one', { found: 'text without a private key in PEM form' })
    return undefined
  }
  if (block.includes('ENCRYPTED')) {
    fail('a private key without a passphrase', { found: 'an encrypted key' })
    return undefined
  }
  try {
    return createPrivateKey(block)
  } catch {
    fail('a private key in PEM form, or base64 of one', { found: 'a key that cannot be parsed' })
    return undefined
  }
}

export const certificateChain = () => settingType('certificate (PEM, or base64 of it)', readChain)

export const privateKey = () =>
  settingType('private key (PEM, or base64 of it)', (raw, fail): Secret | undefined => {
    readPrivateKey(raw, fail)
    return new Secret(pemOf(textOf(raw) ?? '') ?? '')
  })

/** The key (or keys, the first signs) of the assertion: EC on P-256 or RSA of 2048 bits or more, all in one PEM text. */
export const signingKey = () =>
  settingType('private key (PEM, or base64 of it)', (raw, fail): Secret | undefined => {
    if (raw === '') return undefined
    const key = readPrivateKey(raw, fail)
    if (key === undefined) return undefined
    const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {}
    const good = namedCurve === 'prime256v1' || (key.asymmetricKeyType === 'rsa' && (modulusLength ?? 0) >= 2048)
    if (!good) {
      const found = namedCurve ?? (modulusLength === undefined ? key.asymmetricKeyType : `RSA of ${modulusLength} bits`)
      fail('an EC key on P-256 or an RSA key of 2048 bits or more', { found: found ?? 'another kind of key' })
    }
    return new Secret(pemOf(textOf(raw) ?? '') ?? '')
  })

/** One or more authorities to trust; the value is the PEM text. */
export const authorities = () =>
  settingType('certificates (PEM, or base64 of it)', (raw, fail): string | undefined => {
    if (raw === '') return undefined
    readChain(raw, fail)
    return pemOf(textOf(raw) ?? '')
  })

/** `certificates`: pairs of files. The loader has put the files' contents in place of the paths. */
export const certificatePairs = () =>
  settingType('list of {cert, key} (paths)', (raw, fail): readonly Certificate[] => {
    if (!Array.isArray(raw)) {
      fail('a list of {cert: PATH, key: PATH}')
      return []
    }
    return raw.flatMap((item: unknown, index) => {
      if (item === null) return []
      const at =
        (key: string): Fail =>
        (expected, more = {}) =>
          fail(expected, { ...more, path: [index, key] })
      if (!isMap(item) || item['cert'] === undefined || item['key'] === undefined) {
        fail('a map with cert: PATH and key: PATH', { path: [index] })
        return []
      }
      const unknown = Object.keys(item).find((key) => key !== 'cert' && key !== 'key')
      if (unknown !== undefined) fail('cert and key, nothing else', { path: [index, unknown] })
      const chain = readChain(item['cert'], at('cert'))
      const key = readPrivateKey(item['key'], at('key'))
      if (chain === undefined || key === undefined) return []
      const secret = new Secret(pemOf(textOf(item['key']) ?? '') ?? '')
      if (!fits(chain, secret))
        fail('a key that fits the certificate', { path: [index, 'key'], found: 'the key of another certificate' })
      return [{ ...chain, key: secret }]
    })
  })

/** True when the private key belongs to the leaf of the chain. */
export function fits(chain: CertificateChain, key: Secret): boolean {
  try {
    const [leaf] = parseCertificates(chain.pem)
    const [block] = blocksOf(key.reveal(), /PRIVATE KEY$/)
    return leaf !== undefined && block !== undefined && leaf.checkPrivateKey(createPrivateKey(block))
  } catch {
    return false
  }
}
