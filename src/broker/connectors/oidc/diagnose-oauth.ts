/** Steps of looking at a source that speaks OAuth 2.0 without discovery, up to the address where somebody would sign in. */
import type { DiagnosticStep } from '../connector.ts'
import { credentialsStep, step, untilFailed } from './diagnose.ts'
import { networkSteps } from './network-steps.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

export interface DiagnoseOauthOptions {
  /** Addresses of the source, each of whose hosts is looked at once. */
  readonly addresses: readonly string[]
  readonly insecureSkipVerify: boolean
  /** @throws ProxyError where the settings alone cannot work */
  readonly checkSettings: () => void
  readonly connection: UpstreamConnection
  /** Whether our credentials are taken; undefined: it cannot be told. */
  readonly isKnown: () => Promise<boolean | undefined>
  readonly departure: (signal: AbortSignal) => Promise<string>
  readonly signal: AbortSignal
}

export function diagnoseOauth(options: DiagnoseOauthOptions): AsyncIterable<DiagnosticStep> {
  const { connection, isKnown, signal, insecureSkipVerify } = options
  const origins = new Map(
    options.addresses.filter((url) => URL.canParse(url)).map((url) => [new URL(url).origin, url] as const),
  )
  return untilFailed([
    () =>
      step('settings', async () => {
        options.checkSettings()
        return { outcome: 'ok', found: 'redirectURI and addresses are as they must be' }
      }),
    ...[...origins.values()].map(
      (url) =>
        async function* () {
          const roots = await connection.roots().catch(() => [])
          yield* networkSteps({ url, roots, insecureSkipVerify, proxyOf: connection.proxyOf, signal })
        },
    ),
    () => credentialsStep(isKnown),
    () =>
      step('sign-in address', async () => {
        const url = await options.departure(signal)
        return { outcome: 'ok', found: `scopes ${new URL(url).searchParams.get('scope') ?? '(none)'}`, details: [url] }
      }),
  ])
}
