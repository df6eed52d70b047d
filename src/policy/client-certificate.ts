/** The parts of a client certificate that policies look at. */
import { createHash, type X509Certificate } from 'node:crypto'
import type { ClientCertificate } from './facts.ts'

/** Reads the leaf that the client presented; whether it is `valid` was found by the listener. */
export function clientCertificateOf(certificate: X509Certificate, valid: boolean): ClientCertificate {
  const names = parseAlternativeNames(certificate.subjectAltName ?? '')
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return {
    valid,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    spkiHash: createHash('sha256').update(spki).digest('base64'),
    sanDns: names.filter(({ kind }) => kind === 'DNS').map(({ name }) => name),
    sanEmail: names.filter(({ kind }) => kind === 'email').map(({ name }) => name),
    sanUri: names.filter(({ kind }) => kind === 'URI').map(({ name }) => name),
  }
}

/**
 * Takes Node's one-line form apart: `DNS:a.test, email:a@b.test, URI:"quoted, where needed"`.
 * A name with a comma or a quote in it is printed as a JSON string (CVE-2021-44532), so it can not pose as two names.
 */
function parseAlternativeNames(text: string): readonly { kind: string; name: string }[] {
  const names: { kind: string; name: string }[] = []
  for (const [, kind = '', quoted, plain = ''] of text.matchAll(
    /([^:,\s][^:,]*):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/g,
  )) {
    names.push({ kind, name: quoted === undefined ? plain : String(JSON.parse(quoted)) })
  }
  return names
}
