/** A throw-away certificate authority and one certificate under it, made with openssl for a test. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { handOver, runProgram } from './program.ts'

export interface Certificate {
  /** PEM text of the authority that a client has to trust. */
  readonly ca: string
  readonly certificateFile: string
  readonly keyFile: string
  readonly certificate: string
  readonly key: string
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** Makes a certificate in `folder` for `names` (wildcards allowed), signed by an authority made for it alone. */
export function makeCertificate(folder: string, names: readonly string[]): Certificate {
  const at = (name: string) => join(folder, name)
  const subject = names[0] ?? 'localhost'
  writeFileSync(at('names.txt'), `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}\n`)
  runProgram('openssl', [
    ...['req', '-x509', ...CURVE, '-days', '2', '-subj', '/CN=test authority'],
    ...['-keyout', at('ca.key'), '-out', at('ca.crt')],
  ])
  runProgram('openssl', ['req', ...CURVE, '-subj', `/CN=${subject}`, '-keyout', at('tls.key'), '-out', at('tls.csr')])
  runProgram('openssl', [
    ...['x509', '-req', '-in', at('tls.csr'), '-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial'],
    ...['-days', '2', '-extfile', at('names.txt'), '-out', at('tls.crt')],
  ])
  handOver(at('tls.key'))
  return {
    ca: readFileSync(at('ca.crt'), 'utf8'),
    certificateFile: at('tls.crt'),
    keyFile: at('tls.key'),
    certificate: readFileSync(at('tls.crt'), 'utf8'),
    key: readFileSync(at('tls.key'), 'utf8'),
  }
}
