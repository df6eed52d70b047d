/** The certificate matcher: the presented leaf by fingerprint, key or alternative name; all keys given must hold. */
import type { Operand } from '../criterion.ts'
import type { ClientCertificate } from '../facts.ts'
import { type Report, shown } from '../problem.ts'
import { isMap } from '../rules.ts'
import { textTests } from './text.ts'

type CertificateTest = (certificate: ClientCertificate) => boolean

export const certificateOperand: Operand<ClientCertificate> = {
  doc: 'a map of `fingerprint` (SHA-256: 64 lower-case hexadecimal digits, or 32 upper-case pairs joined by `:`), `spki_hash` (SHA-256 of the public key, base64), each a text or a list; `san_dns`, `san_email`, `san_uri` (string matcher, met by any entry)',
  compile(operand, report) {
    if (!isMap(operand)) {
      report([], `cannot read certificate matcher: expected a map, got ${shown(operand)}`)
      return () => false
    }
    const tests = Object.entries(operand).map(([key, value]): CertificateTest => {
      const make = keys.get(key.toLowerCase())
      if (make) return make(value, (path, message) => report([key, ...path], message))
      report([key], `cannot match certificate: expected one of ${[...keys.keys()].join(', ')}, got ${shown(key)}`)
      return () => false
    })
    return (certificate) => tests.every((test) => test(certificate))
  },
}

function oneOf(read: (text: unknown) => string | undefined, see: (certificate: ClientCertificate) => string) {
  return (value: unknown, report: Report): CertificateTest => {
    const isList = Array.isArray(value)
    const wanted = (isList ? value : [value]).map((text: unknown, index) => {
      const hash = read(text)
      if (hash === undefined)
        report(isList ? [index] : [], `cannot read hash: not a SHA-256 in the expected form, got ${shown(text)}`)
      return hash
    })
    const hashes = new Set(wanted)
    return (certificate) => hashes.has(see(certificate))
  }
}

/** Each operator may be met by another entry. */
function alternativeName(see: (certificate: ClientCertificate) => readonly string[]) {
  return (value: unknown, report: Report): CertificateTest => {
    const tests = textTests(value, report)
    return (certificate) => tests.every((test) => see(certificate).some(test))
  }
}

function fingerprint(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined
  if (/^[0-9a-f]{64}$/.test(text)) return text
  return /^[0-9A-F]{2}(:[0-9A-F]{2}){31}$/.test(text) ? text.replaceAll(':', '').toLowerCase() : undefined
}

function spkiHash(text: unknown): string | undefined {
  return typeof text === 'string' && /^[A-Za-z0-9+/]{43}=$/.test(text) ? text : undefined
}

const keys: ReadonlyMap<string, (value: unknown, report: Report) => CertificateTest> = new Map([
  ['fingerprint', oneOf(fingerprint, (certificate) => certificate.fingerprint)],
  ['spki_hash', oneOf(spkiHash, (certificate) => certificate.spkiHash)],
  ['san_dns', alternativeName((certificate) => certificate.sanDns)],
  ['san_email', alternativeName((certificate) => certificate.sanEmail)],
  ['san_uri', alternativeName((certificate) => certificate.sanUri)],
])
