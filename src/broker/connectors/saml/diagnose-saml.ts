/** A walk over a `saml` connector as far as one gets without a browser (`ostiary idp test`). */
import type { SamlSettings } from '../../../config/dex/connectors/saml.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { ConnectorTools, DiagnosticStep } from '../connector.ts'
import { newRequestId, writeAuthnRequest } from './authn-request.ts'
import { isInTime, isShort, type PinnedCertificate, readPinned } from './pinned-certificates.ts'
import { checkSettings, lookAtProvider } from './sign-in-address.ts'
import { iso } from './times.ts'

const DAY_MS = 86_400_000

export async function* diagnoseSaml(
  settings: SamlSettings,
  tools: ConnectorTools,
  signal: AbortSignal,
): AsyncGenerator<DiagnosticStep> {
  const steps: (() => Promise<DiagnosticStep>)[] = [
    async () => {
      checkSettings(settings, tools)
      return { name: 'settings', outcome: 'ok', found: `answers come to ${settings.redirectURI}` }
    },
    async () => describe(await readPinned(settings, tools), tools.now()),
    async () => {
      const look = await lookAtProvider(settings.ssoURL, { ...tools, signal })
      return { name: 'sign-in address', outcome: look.isTrusted ? 'ok' : 'doubtful', found: look.found }
    },
    async () => {
      const request = await writeAuthnRequest(settings, newRequestId())
      return {
        name: 'request',
        outcome: 'ok',
        found: `an AuthnRequest goes to ${settings.ssoURL} by HTTP-POST`,
        details: [Buffer.from(request, 'base64').toString()],
      }
    },
    async () => ({
      name: 'answer',
      outcome: 'skipped',
      found: 'only a browser can sign in there: sign in once to see',
    }),
  ]
  const names = ['settings', 'certificates', 'sign-in address', 'request', 'answer']
  for (const [index, walk] of steps.entries()) {
    const step = await walk().catch((error: unknown): DiagnosticStep => {
      // Messages of ours are made for whoever runs this; others may hold anything.
      const found = error instanceof ProxyError ? error.message : 'it could not be looked at'
      return { name: names[index] ?? '', outcome: 'failed', found }
    })
    yield step
    if (step.outcome === 'failed') return
  }
}

function describe(certificates: readonly PinnedCertificate[], now: number): DiagnosticStep {
  const current = certificates.filter((certificate) => isInTime(certificate, now))
  const isSound = current.length === certificates.length && !certificates.some(isShort)
  return {
    name: 'certificates',
    outcome: current.length === 0 ? 'failed' : isSound ? 'ok' : 'doubtful',
    found:
      current.length === 0
        ? `none of ${certificates.length} is in its time, so no answer is taken`
        : `${current.length} of ${certificates.length} in their time`,
    details: certificates.map((certificate) => {
      const { subject, notBefore, notAfter, keyBits } = certificate
      const state = isInTime(certificate, now)
        ? `${Math.floor((notAfter - now) / DAY_MS)} days left`
        : notAfter < now
          ? 'expired'
          : 'not valid yet'
      const key = isShort(certificate) ? `RSA ${keyBits}, which is too short` : `RSA ${keyBits}`
      return `${subject}: ${iso(notBefore)} to ${iso(notAfter)} (${state}), ${key}`
    }),
  }
}
