/** Steps of looking at an OpenID Connect source, up to the address where somebody would sign in. */
import type { ServerMetadata } from 'openid-client'
import type { DiagnosticStep } from '../connector.ts'
import { networkSteps } from './network-steps.ts'
import type { UpstreamClient } from './upstream-client.ts'
import type { UpstreamConnection } from './upstream-connection.ts'
import { printable } from './upstream-failure.ts'

export interface DiagnoseOptions {
  readonly issuer: string
  /** Of the settings. */
  readonly insecureSkipVerify: boolean
  /** @throws ProxyError where the settings alone cannot work */
  readonly checkSettings: () => void
  readonly connection: UpstreamConnection
  readonly client: UpstreamClient
  readonly metadata: () => Promise<ServerMetadata>
  readonly departure: (signal: AbortSignal) => Promise<string>
  /** Asked for besides `openid`. */
  readonly scopes: readonly string[]
  readonly signal: AbortSignal
}

/** One step: what it finds, or its failure as a step. */
export async function step(name: string, look: () => Promise<Omit<DiagnosticStep, 'name'>>): Promise<DiagnosticStep> {
  try {
    return { name, ...(await look()) }
  } catch (error) {
    return { name, outcome: 'failed', found: error instanceof Error ? printable(error.message) : 'unknown failure' }
  }
}

/** Passes steps on up to the first failed one, and says whether there was none. */
export async function* untilFailed(
  steps: Iterable<() => AsyncIterable<DiagnosticStep> | Promise<DiagnosticStep>>,
): AsyncIterable<DiagnosticStep> {
  for (const begin of steps) {
    const found = begin()
    for await (const one of Symbol.asyncIterator in found ? found : [found]) {
      yield one
      if (one.outcome === 'failed') return
    }
  }
}

export function diagnoseOpenId(options: DiagnoseOptions): AsyncIterable<DiagnosticStep> {
  const { issuer, client, connection, signal, scopes } = options
  return untilFailed([
    () =>
      step('settings', async () => {
        options.checkSettings()
        return { outcome: 'ok', found: 'redirectURI and groups are as they must be' }
      }),
    async function* () {
      // One that is no address is told by the next step.
      if (!URL.canParse(issuer)) return
      yield* networkSteps({
        url: issuer,
        roots: await connection.roots().catch(() => []),
        insecureSkipVerify: options.insecureSkipVerify,
        proxyOf: connection.proxyOf,
        signal,
      })
    },
    () =>
      step('discovery', async () => {
        const metadata = await options.metadata()
        return { outcome: 'ok', found: `issuer ${metadata.issuer}`, details: endpointsOf(metadata) }
      }),
    () => step('keys', async () => ({ outcome: 'ok', found: `${await client.countKeys(signal)} usable` })),
    () => credentialsStep(() => client.isKnown(signal)),
    () => step('refresh', async () => refreshFinding(await options.metadata(), scopes)),
    () =>
      step('sign-in address', async () => {
        const url = await options.departure(signal)
        return { outcome: 'ok', found: `scopes ${scopes.join(' ')}`, details: [url] }
      }),
  ])
}

export function credentialsStep(isKnown: () => Promise<boolean | undefined>): Promise<DiagnosticStep> {
  return step('client credentials', async () => {
    const known = await isKnown()
    if (known === false)
      return { outcome: 'failed', found: 'the token endpoint does not take clientID and clientSecret' }
    if (known === undefined)
      return { outcome: 'doubtful', found: 'the token endpoint does not say whether it takes them' }
    return { outcome: 'ok', found: 'taken by the token endpoint' }
  })
}

function endpointsOf(metadata: ServerMetadata): string[] {
  const names = ['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint'] as const
  return names.map((name) => `${name} ${metadata[name] ?? '(none)'}`)
}

function refreshFinding(metadata: ServerMetadata, scopes: readonly string[]): Omit<DiagnosticStep, 'name'> {
  if (scopes.includes('offline_access')) return { outcome: 'ok', found: 'scope offline_access is asked for' }
  if (!metadata.scopes_supported?.includes('offline_access'))
    return { outcome: 'skipped', found: 'the source knows no scope offline_access' }
  return {
    outcome: 'doubtful',
    found: 'scopes lack offline_access, so that the source may give no refresh token, and the broker none of its own',
  }
}
