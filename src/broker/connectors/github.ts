/** The connector `github`: github.com, or an Enterprise server. */
import type { GithubSettings } from '../../config/dex/connectors/github.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { CodeGrant } from './code-grant/code-grant.ts'
import { grantConnector } from './code-grant/grant-connector.ts'
import type { Tokens } from './code-grant/token-endpoint.ts'
import type { ConnectorTools, RedirectConnector } from './connector.ts'
import { githubApi } from './github/github-api.ts'
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
  return grantConnector(grant, {
    roots,
    scopesFor: (wanted) => (needsOrganizations(settings, wanted) ? ['user:email', 'read:org'] : ['user:email']),
    checkGranted,
    async identify(token, { scopes, ...options }) {
      const api = githubApi({ http, base: endpoints.api, token, now: tools.now(), ...options })
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
      }
    },
  })
}

function endpointsOf({ hostName }: GithubSettings): GithubEndpoints {
  return hostName === '' ? publicGithub : { web: `https://${hostName}`, api: `https://${hostName}/api/v3` }
}

/** GitHub lets people give less than was asked for, and would then call a member none. Apps of its newer kind have no scopes. */
function checkGranted({ scopes: granted }: Tokens, wanted: readonly string[]): void {
  if (granted === undefined) return
  const missing = wanted.filter((scope) => ![scope, ...(wider[scope] ?? [])].some((held) => granted.includes(held)))
  if (missing.length === 0) return
  throw new ProxyError('CONNECTOR_REFUSED', `cannot ask GitHub: expected the scopes ${wanted.join(' ')}, got too few`)
}
