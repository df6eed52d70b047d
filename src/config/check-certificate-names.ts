/** Hosts that no certificate names: browsers stop people there, and nothing in the log says why. */
import { X509Certificate } from 'node:crypto'
import type { Entry } from './node.ts'
import type { Findings } from './problem.ts'
import type { OwnBroker } from './read-own-broker.ts'
import { hostRuleOf, type RouteDraft } from './route-draft.ts'
import type { SettingValues } from './schema.ts'

interface Checking {
  readonly entries: ReadonlyMap<string, Entry>
  readonly drafts: readonly RouteDraft[]
  readonly findings: Findings
  readonly broker: OwnBroker | undefined
}

export function checkCertificateNames(values: SettingValues, { entries, drafts, findings, broker }: Checking): void {
  const at = entries.get('certificates') ?? entries.get('certificate')
  const given = [...(values.certificate ? [values.certificate] : []), ...(values.certificates ?? [])]
  if (values.insecure_server !== false || at === undefined || given.length === 0) return
  const certificates = given.map(({ pem }) => new X509Certificate(pem))
  const urls = [values.authenticate_service_url, ...drafts.map(({ values: { from } }) => from), servedIssuer(broker)]
  const hosts = urls.filter((url) => url !== undefined).map((url) => hostRuleOf(url).host)
  const missing = [...new Set(hosts)].filter((host) => host !== '' && !certificates.some((one) => isNamed(one, host)))
  if (missing.length === 0) return
  findings.warn({
    kind: 'doubtful',
    path: at.key,
    message: `no certificate names ${missing.join(', ')}: browsers will not trust it there`,
    hint: `they name ${certificates.map(({ subjectAltName }) => subjectAltName ?? 'nothing').join('; ')}`,
    span: at.keySpan,
  })
}

/** The broker's own address, where the proxy serves it. */
function servedIssuer(broker: OwnBroker | undefined): string | undefined {
  if (broker === undefined) return undefined
  const { issuer, web } = broker.settings
  return web.http === undefined && web.https === undefined ? issuer : undefined
}

/** A wildcard of a route is named by the same wildcard of a certificate (RFC 9525 §6.3). */
function isNamed(certificate: X509Certificate, host: string): boolean {
  if (host.startsWith('[') || /^[\d.]+$/.test(host))
    return certificate.checkIP(host.replace(/[[\]]/g, '')) !== undefined
  return certificate.checkHost(host.replaceAll('*', 'any'), { subject: 'never' }) !== undefined
}
