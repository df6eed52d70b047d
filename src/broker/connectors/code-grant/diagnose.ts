/** What can be found out about a code grant without a person: everything up to the address that the browser opens. */
import type { DiagnosticStep } from '../connector.ts'
import { networkSteps } from '../oidc/network-steps.ts'
import { type CodeGrant, requireOwnCallback } from './code-grant.ts'
import { departure } from './sign-in.ts'
import { probeClient } from './token-endpoint.ts'

interface DiagnoseGrantOptions {
  readonly scopes: readonly string[]
  /** PEM texts that are trusted besides the machine's own. */
  readonly roots: readonly string[]
  readonly signal: AbortSignal
}

export async function* diagnoseGrant(
  grant: CodeGrant,
  { scopes, roots, signal }: DiagnoseGrantOptions,
): AsyncGenerator<DiagnosticStep> {
  const callback = await outcomeOf('callback address', () => {
    requireOwnCallback(grant)
    return `${grant.redirectUri}, which is ours`
  })
  yield callback
  if (callback.outcome === 'failed') return
  for await (const step of networkSteps({
    ...{ url: grant.tokenUrl, roots, insecureSkipVerify: false, signal },
    proxyOf: (url) => grant.tools.proxyFor?.(new URL(url))?.origin,
  })) {
    yield step
    if (step.outcome === 'failed') return
  }
  const answer = await outcomeOf('token endpoint', async () => {
    await probeClient(grant, signal)
    return `${new URL(grant.tokenUrl).origin} answers, and takes our client id and secret`
  })
  yield answer
  if (answer.outcome === 'failed') return
  const { send } = departure(grant, { state: 'STATE', scopes })
  yield {
    name: 'authorization address',
    outcome: 'ok',
    found: `${grant.service} is asked for ${scopes.join(' ')}`,
    ...(send.by === 'redirect' && { details: [send.url] }),
  }
  yield { name: 'user', outcome: 'skipped', found: `only ${grant.service} knows who signs in, in a browser` }
}

async function outcomeOf(name: string, look: () => Promise<string> | string): Promise<DiagnosticStep> {
  try {
    return { name, outcome: 'ok', found: await look() }
  } catch (error) {
    return { name, outcome: 'failed', found: error instanceof Error ? error.message : 'unknown reason' }
  }
}
