/** A connector of a service that speaks the code grant: people come and are asked for again; the service says who they are. */
import type { ErrorCode } from '../../../errors/catalog.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { RedirectConnector, UpstreamIdentity, WantedScopes } from '../connector.ts'
import { type CodeGrant, requireOwnCallback } from './code-grant.ts'
import { diagnoseGrant } from './diagnose.ts'
import { KeptTokens, printTokens } from './kept-tokens.ts'
import { departure, redeem } from './sign-in.ts'
import { probeClient, type Tokens } from './token-endpoint.ts'

/** All that is asked at one sign-in or refresh, milliseconds. */
const timeLimit = 30_000

export interface Identification {
  readonly scopes: WantedScopes
  /** What it means where the service does not take the token. */
  readonly unauthorized: ErrorCode
  readonly signal: AbortSignal
}

/** What the service is like. */
export interface GrantService {
  /** PEM texts that are trusted besides the machine's own. */
  readonly roots: readonly string[]
  scopesFor(wanted: WantedScopes): readonly string[]
  /** @throws ProxyError where people gave less than was asked for */
  checkGranted?(tokens: Tokens, asked: readonly string[]): void
  /** Who the token belongs to, without what is kept of the tokens. */
  identify(accessToken: string, options: Identification): Promise<UpstreamIdentity>
}

export function grantConnector(grant: CodeGrant, service: GrantService): RedirectConnector {
  const kept = new KeptTokens(grant)
  return {
    kind: 'redirect',
    freshness: 'each refresh',
    needsData: true,

    start: async ({ state, scopes }) => departure(grant, { state, scopes: service.scopesFor(scopes) }),

    async finish({ scopes, ...arrival }) {
      const signal = within(arrival.signal)
      const tokens = await redeem(grant, { ...arrival, signal })
      service.checkGranted?.(tokens, service.scopesFor(scopes))
      const unauthorized = 'CONNECTOR_MISCONFIGURED'
      const identity = await service.identify(tokens.accessToken, { scopes, unauthorized, signal })
      return { ...identity, ...(scopes.offlineAccess && { connectorData: printTokens(tokens) }) }
    },

    async refresh(identity, { scopes, signal: outer }) {
      const signal = within(outer)
      const tokens = await kept.usable(identity.connectorData, signal)
      const fresh = await service.identify(tokens.accessToken, { scopes, unauthorized: 'ACCOUNT_GONE', signal })
      if (fresh.userId === identity.userId) return { ...fresh, connectorData: printTokens(tokens) }
      throw new ProxyError('ACCOUNT_GONE', `cannot refresh ${identity.userId}: got the token of ${fresh.userId}`)
    },

    async check(signal) {
      requireOwnCallback(grant)
      await probeClient(grant, signal)
    },

    diagnose: ({ signal }) =>
      diagnoseGrant(grant, {
        scopes: service.scopesFor({ groups: true, offlineAccess: false }),
        roots: service.roots,
        signal,
      }),

    close: () => grant.http.close(),
  }
}

function within(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(timeLimit)])
}
