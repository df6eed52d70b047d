/** The connector `github`: github.com, or an Enterprise server. */
import type { GithubSettings } from '../../config/dex/connectors/github.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { CodeGrant } from './code-grant/code-grant.ts'
import { requireOwnCallback } from './code-grant/code-grant.ts'
import { diagnoseGrant } from './code-grant/diagnose.ts'
import { KeptTokens, printTokens } from './code-grant/kept-tokens.ts'
import { departure, redeem } from './code-grant/sign-in.ts'
import { probeClient, type Tokens } from './code-grant/token-endpoint.ts'
import type { ConnectorTools, RedirectConnector, UpstreamIdentity, WantedScopes } from './connector.ts'
import { type GithubApiOptions, githubApi } from './github/github-api.ts'
import { chooseEmail, needsOrganizations, readGroups } from './github/github-person.ts'
import { openUpstreamHttp } from './upstream-http.ts'
import { readRoots } from './upstream-roots.ts'

/** Where GitHub is. */
export interface GithubEndpoints {
  /** `https://github.com`: where people sign in. */
  readonly web: string
  /** `https://api.github.com`. */
  readonly api: string
}

const publicGithub: GithubEndpoints = { web: 'https://github.com', api: 'https://api.github.com' }

/** All that is asked at one sign-in or refresh, milliseconds. */
const timeLimit = 30_000

/** Scopes that hold another one. */
const wider: Readonly<Record<string, readonly string[]>> = {
  'user:email': ['user'],
  'read:org': ['write:org', 'admin:org'],
}

/** @throws ProxyError CONNECTOR_MISCONFIGURED where `rootCA` cannot be read */
export async function openGithubConnector(
  settings: GithubSettings,
  tools: ConnectorTools,
  { endpoints = endpointsOf(settings) }: { readonly endpoints?: GithubEndpoints } = {},
): Promise<RedirectConnector> {
  const roots = await readRoots(settings.rootCA === '' ? [] : [settings.rootCA], tools)
  const http = openUpstreamHttp({ roots, sizeLimit: 2 * 1024 * 1024, proxyFor: tools.proxyFor })
  const grant: CodeGrant = {
    service: 'GitHub',
    authorizeUrl: `${endpoints.web}/login/oauth/authorize`,
    tokenUrl: `${endpoints.web}/login/oauth/access_token`,
    client: { id: settings.clientID, secret: settings.clientSecret },
    redirectUri: settings.redirectURI,
    http,
    tools,
  }
  const kept = new KeptTokens(grant)

  const identify = async (
    tokens: Tokens,
    { scopes, ...options }: Pick<GithubApiOptions, 'unauthorized' | 'signal'> & { readonly scopes: WantedScopes },
  ): Promise<UpstreamIdentity> => {
    const api = githubApi({ http, base: endpoints.api, token: tokens.accessToken, now: tools.now(), ...options })
    const user = await api.user()
    const { email, isVerified } = chooseEmail(await api.emails(), { user, settings })
    const needsGroups = needsOrganizations(settings, scopes)
    return {
      userId: settings.useLoginAsID ? user.login : String(user.id),
      name: user.name || user.login,
      preferredUsername: user.login,
      email,
      emailVerified: isVerified,
      groups: needsGroups ? await readGroups(api, { login: user.login, settings, scopes }) : [],
      ...(scopes.offlineAccess && { connectorData: printTokens(tokens) }),
    }
  }

  return {
    kind: 'redirect',
    freshness: 'each refresh',
    needsData: true,

    start: async ({ state, scopes }) => departure(grant, { state, scopes: wantedScopes(settings, scopes) }),

    async finish({ scopes, ...arrival }) {
      const signal = within(arrival.signal)
      const tokens = await redeem(grant, { ...arrival, signal })
      requireGranted(tokens, wantedScopes(settings, scopes))
      return identify(tokens, { scopes, unauthorized: 'CONNECTOR_MISCONFIGURED', signal })
    },

    async refresh(identity, { scopes, signal: outer }) {
      const signal = within(outer)
      const tokens = await kept.usable(identity.connectorData, signal)
      const fresh = await identify(tokens, { scopes, unauthorized: 'ACCOUNT_GONE', signal })
      if (fresh.userId === identity.userId) return { ...fresh, connectorData: printTokens(tokens) }
      throw new ProxyError('ACCOUNT_GONE', `cannot refresh ${identity.userId}: got the token of ${fresh.userId}`)
    },

    async check(signal) {
      requireOwnCallback(grant)
      await probeClient(grant, signal)
    },

    diagnose: ({ signal }) =>
      diagnoseGrant(grant, { scopes: wantedScopes(settings, { groups: true, offlineAccess: false }), roots, signal }),

    close: () => http.close(),
  }
}

function endpointsOf({ hostName }: GithubSettings): GithubEndpoints {
  return hostName === '' ? publicGithub : { web: `https://${hostName}`, api: `https://${hostName}/api/v3` }
}

function wantedScopes(settings: GithubSettings, scopes: WantedScopes): readonly string[] {
  return needsOrganizations(settings, scopes) ? ['user:email', 'read:org'] : ['user:email']
}

/** GitHub lets people give less than was asked for, and would then call a member none. Apps of its newer kind have no scopes. */
function requireGranted({ scopes: granted }: Tokens, wanted: readonly string[]): void {
  if (granted === undefined) return
  const missing = wanted.filter((scope) => ![scope, ...(wider[scope] ?? [])].some((held) => granted.includes(held)))
  if (missing.length === 0) return
  throw new ProxyError('CONNECTOR_REFUSED', `cannot ask GitHub: expected the scopes ${wanted.join(' ')}, got too few`)
}

function within(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(timeLimit)])
}
