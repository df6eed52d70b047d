/** The connector `gitlab`: gitlab.com, or a server of one's own. */
import { z } from 'zod'
import type { GitlabSettings } from '../../config/dex/connectors/gitlab.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import { failureOfStatus } from './code-grant/api-answer.ts'
import type { CodeGrant } from './code-grant/code-grant.ts'
import { grantConnector, type Identification } from './code-grant/grant-connector.ts'
import type { ConnectorTools, RedirectConnector, UpstreamIdentity, WantedScopes } from './connector.ts'
import { openUpstreamHttp } from './upstream-http.ts'
import { readRoots } from './upstream-roots.ts'

const text = z.string().max(1000)
const userPage = z.object({
  id: z.int().positive(),
  username: text.min(1),
  name: text.nullish(),
  email: text.nullish(),
  state: text.nullish(),
  /** When the address was verified. */
  confirmed_at: text.nullish(),
})

const paths = z.array(text).max(10_000).nullish()
/** All groups at once: this page of GitLab's has no pages. */
const userInfo = z.object({
  sub: z.union([text, z.int()]).nullish(),
  groups: paths,
  'https://gitlab.org/claims/groups/owner': paths,
  'https://gitlab.org/claims/groups/maintainer': paths,
  'https://gitlab.org/claims/groups/developer': paths,
})

const permissions = ['owner', 'maintainer', 'developer'] as const

/** @throws ProxyError CONNECTOR_MISCONFIGURED where `rootCAData` holds no certificate */
export async function openGitlabConnector(settings: GitlabSettings, tools: ConnectorTools): Promise<RedirectConnector> {
  const roots = await readRoots(settings.rootCAData === undefined ? [] : [settings.rootCAData], tools)
  const http = openUpstreamHttp({ roots, proxyFor: tools.proxyFor })
  const { baseURL } = settings
  const grant: CodeGrant = {
    service: 'GitLab',
    authorizeUrl: `${baseURL}/oauth/authorize`,
    tokenUrl: `${baseURL}/oauth/token`,
    client: { id: settings.clientID, secret: settings.clientSecret },
    redirectUri: settings.redirectURI,
    http,
    tools,
  }
  return grantConnector(grant, {
    roots,
    scopesFor: (wanted) => (needsGroupsPage(settings, wanted) ? ['read_user', 'openid'] : ['read_user']),
    identify,
  })

  async function identify(token: string, { scopes, unauthorized, signal }: Identification): Promise<UpstreamIdentity> {
    const get = async <T extends z.ZodType>(path: string, { page, what }: { page: T; what: string }) => {
      const headers = { accept: 'application/json', authorization: `Bearer ${token}` }
      const answer = await http.request(`${baseURL}${path}`, { headers, signal })
      const failure = failureOfStatus(answer, { service: 'GitLab', what, unauthorized, now: tools.now() })
      if (failure) throw failure
      return parse(page, { text: answer.text, what })
    }
    const user = await get('/api/v4/user', { page: userPage, what: 'the user' })
    if (user.state && user.state !== 'active')
      throw new ProxyError('ACCOUNT_DISABLED', `cannot sign in ${user.username}: the account is ${user.state}`)
    if (!user.email)
      throw new ProxyError('ACCOUNT_WITHOUT_EMAIL', `cannot sign in ${user.username}: expected an address, got none`)
    const needsGroups = needsGroupsPage(settings, scopes)
    const info = needsGroups ? await get('/oauth/userinfo', { page: userInfo, what: 'the groups' }) : undefined
    // OpenID Connect Core §5.3.2: another subject means another person.
    if (info?.sub !== undefined && info.sub !== null && String(info.sub) !== String(user.id))
      throw invalid('the groups', 'those of another user')
    return {
      userId: settings.useLoginAsID ? user.username : String(user.id),
      name: user.name || user.email,
      preferredUsername: user.username,
      email: user.email,
      emailVerified: Boolean(user.confirmed_at),
      groups: info ? groupsOf(info, { settings, login: user.username }) : [],
    }
  }
}

function needsGroupsPage({ groups }: GitlabSettings, scopes: WantedScopes): boolean {
  return groups.length > 0 || scopes.groups
}

/** Paths of groups, and `path:owner` and its like where that is asked for; then the list of those that may. */
function groupsOf(
  info: z.output<typeof userInfo>,
  { settings, login }: { readonly settings: GitlabSettings; readonly login: string },
): readonly string[] {
  const paths = info.groups ?? []
  const permitted = settings.getGroupsPermission ? paths.flatMap((path) => permissionOf(path, info)) : []
  const groups = [...new Set([...paths, ...permitted])]
  if (settings.groups.length === 0) return groups
  const allowed = groups.filter((group) => settings.groups.includes(group))
  if (allowed.length > 0) return allowed
  const message = `cannot let ${login} in: expected a member of ${settings.groups.join(', ')}`
  throw new ProxyError('ACCOUNT_NOT_ALLOWED', message)
}

/** The highest one; what somebody is in a group they are in all groups below it. */
function permissionOf(path: string, info: z.output<typeof userInfo>): readonly string[] {
  const highest = permissions.find((permission) =>
    info[`https://gitlab.org/claims/groups/${permission}`]?.some((held) => `${path}/`.startsWith(`${held}/`)),
  )
  return highest === undefined ? [] : [`${path}:${highest}`]
}

function parse<T extends z.ZodType>(page: T, { text, what }: { text: string; what: string }): z.output<T> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw invalid(what, 'no JSON')
  }
  const result = page.safeParse(json)
  if (result.success) return result.data
  throw invalid(what, `something else at ${result.error.issues[0]?.path.join('.') || 'the top'}`)
}

function invalid(what: string, found: string): ProxyError {
  return new ProxyError('CONNECTOR_ANSWER_INVALID', `cannot use ${what} from GitLab: got ${found}`)
}
