/** The `microsoft` connector: work, school and private accounts of Microsoft, with groups of Entra ID by Graph. */
import type { ClientAuth } from 'openid-client'
import type { MicrosoftSettings } from '../../config/dex/connectors/microsoft.ts'
import { clientAuthentication } from '../../crypto/client-authentication.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { ConnectorTools, RedirectConnector, UpstreamIdentity, WantedScopes } from './connector.ts'
import { type GraphUser, readGroupIds, readGroupNames, readUser } from './microsoft/graph.ts'
import { keepData, readData } from './oidc/connector-data.ts'
import { diagnoseOauth } from './oidc/diagnose-oauth.ts'
import { exampleDeparture, somebodyElse } from './oidc/offline.ts'
import { checkRedirectAddress } from './oidc/redirect-address.ts'
import { UpstreamClient, type UpstreamTokens } from './oidc/upstream-client.ts'
import { UpstreamConnection } from './oidc/upstream-connection.ts'

/** Letters. Tokens of workloads have a few thousand. */
const longestAssertion = 16 * 1024

/** Anybody with an account of that kind, so that no tenant's groups can be meant. */
const everybody: ReadonlySet<string> = new Set(['common', 'organizations', 'consumers'])

export function openMicrosoftConnector(settings: MicrosoftSettings, tools: ConnectorTools): RedirectConnector {
  const { id } = tools
  const apiUrl = settings.apiURL.replace(/\/$/, '')
  const graphUrl = settings.graphURL.replace(/\/$/, '')
  const authority = `${apiUrl}/${settings.tenant}/oauth2/v2.0`
  const connection = new UpstreamConnection({ rootCAs: [], insecureSkipVerify: false }, tools)
  const client = new UpstreamClient({
    clientId: settings.clientID,
    redirectUri: settings.redirectURI,
    authentication: () => authenticationOf(settings, tools),
    metadata: async () => ({
      issuer: apiUrl,
      authorization_endpoint: `${authority}/authorize`,
      token_endpoint: `${authority}/token`,
    }),
    http: connection.http,
    pkce: 'S256',
    now: tools.now,
    protocol: 'oauth',
  })
  const hasTenant = !everybody.has(settings.tenant)

  const checkSettings = () => {
    const misconfigured = (found: string) =>
      new ProxyError('CONNECTOR_MISCONFIGURED', `cannot use connector ${id}: ${found}`)
    checkRedirectAddress(settings.redirectURI, tools)
    for (const url of [apiUrl, graphUrl])
      if (!/^https?:\/\/[^?#]+$/.test(url) || !URL.canParse(url))
        throw misconfigured('apiURL and graphURL must be addresses, got something else')
    if (!/^[\w.-]{1,255}$/.test(settings.tenant))
      throw misconfigured('tenant must be an id or a domain, got something else')
    if (settings.groups.length > 0 && !hasTenant)
      throw misconfigured(`groups are those of one tenant, got tenant ${settings.tenant}`)
  }

  const asksForGroups = (wanted: WantedScopes) => hasTenant && (wanted.groups || settings.groups.length > 0)

  const scopesOf = (wanted: WantedScopes) => [
    ...(settings.scopes.length > 0 ? settings.scopes : ['user.read']),
    ...(asksForGroups(wanted) ? ['directory.read.all'] : []),
    ...(wanted.offlineAccess ? ['offline_access'] : []),
  ]

  const start: RedirectConnector['start'] = async (options) => {
    checkSettings()
    return client.depart({
      state: options.state,
      scopes: [...new Set(scopesOf(options.scopes))],
      signal: options.signal,
      parameters: {
        ...(settings.promptType !== '' && { prompt: settings.promptType }),
        ...(settings.domainHint !== '' && { domain_hint: settings.domainHint }),
      },
    })
  }

  const identityOf = async (
    { accessToken, refreshToken }: UpstreamTokens,
    { scopes: wanted, signal }: { readonly scopes: WantedScopes; readonly signal: AbortSignal },
  ): Promise<UpstreamIdentity> => {
    const graph = { base: graphUrl, http: await connection.http(), accessToken, signal }
    const user = await readUser(fieldsOf(settings), graph)
    const email = emailOf(user, settings)
    const groups = asksForGroups(wanted) ? await groupsOf() : []
    return {
      userId: user.id,
      name: textOf(user, 'displayName'),
      preferredUsername: preferredUsernameOf(user, settings),
      email,
      // A user principal name lies in a domain that its tenant has proved to hold.
      emailVerified: true,
      groups,
      ...keepData(refreshToken, user.id),
    }

    async function groupsOf(): Promise<readonly string[]> {
      const ids = await readGroupIds(settings, graph)
      const all = settings.groupNameFormat === 'id' ? ids : await readGroupNames(ids, graph)
      if (settings.groups.length === 0) return all
      const listed = all.filter((group) => settings.groups.includes(group))
      if (listed.length === 0)
        throw new ProxyError('ACCOUNT_NOT_ALLOWED', 'cannot sign in: in none of the groups of the connector')
      return settings.useGroupsAsWhitelist ? listed : all
    }
  }

  return {
    kind: 'redirect',
    freshness: 'each refresh',
    needsData: true,
    start,

    async finish(options) {
      checkSettings()
      return identityOf(await client.redeem(options), options)
    },

    async refresh(identity, options) {
      checkSettings()
      const { refreshToken, subject } = readData(identity)
      const fresh = await identityOf(await client.refresh(refreshToken, options.signal), options)
      if (fresh.userId !== subject || fresh.userId !== identity.userId) throw somebodyElse()
      return fresh
    },

    async check(signal) {
      checkSettings()
      if ((await client.isKnown(signal)) === false)
        throw new ProxyError(
          'CONNECTOR_MISCONFIGURED',
          `cannot use connector ${id}: Microsoft does not take our secret`,
        )
    },

    diagnose({ signal }) {
      return diagnoseOauth({
        addresses: [apiUrl, graphUrl],
        insecureSkipVerify: false,
        checkSettings,
        connection,
        isKnown: () => client.isKnown(signal),
        departure: (at) => exampleDeparture(start, at),
        signal,
      })
    },

    close: () => connection.close(),
  }
}

function fieldsOf({ preferredUsernameField }: MicrosoftSettings): readonly string[] {
  const isExtra = preferredUsernameField === 'mailNickname' || preferredUsernameField === 'onPremisesSamAccountName'
  return ['id', 'displayName', 'userPrincipalName', ...(isExtra ? [preferredUsernameField] : [])]
}

function emailOf(user: GraphUser, { emailToLowercase }: MicrosoftSettings): string {
  const name = textOf(user, 'userPrincipalName')
  if (name === '') throw new ProxyError('ACCOUNT_WITHOUT_EMAIL', 'cannot sign in: userPrincipalName is missing')
  return emailToLowercase ? name.toLowerCase() : name
}

function preferredUsernameOf(user: GraphUser, settings: MicrosoftSettings): string {
  const { preferredUsernameField: field } = settings
  switch (field) {
    case '':
      return ''
    case 'name':
      return textOf(user, 'displayName')
    case 'email':
      return emailOf(user, settings)
    case 'mailNickname':
    case 'onPremisesSamAccountName':
      return textOf(user, field)
  }
}

function textOf(user: GraphUser, field: string): string {
  const value = user[field]
  return typeof value === 'string' ? value : ''
}

/** Microsoft takes the secret in the form; a workload's assertion (RFC 7523 §2.2) is written anew by others, so that it is read each time. */
function authenticationOf(settings: MicrosoftSettings, tools: ConnectorTools): ClientAuth {
  if (settings.clientAssertion === '') return clientAuthentication(settings.clientSecret, ['client_secret_post'])
  return async (_server, client, body) => {
    const assertion = await tools.readFile(settings.clientAssertion).catch((cause: unknown) => {
      throw new ProxyError('CONNECTOR_MISCONFIGURED', `cannot read clientAssertion of connector ${tools.id}`, { cause })
    })
    // It goes to an address of the settings: whoever may write those reads no other file by it.
    if (!/^[\w-]+\.[\w-]+\.[\w-]+\s*$/.test(assertion) || assertion.length > longestAssertion)
      throw new ProxyError(
        'CONNECTOR_MISCONFIGURED',
        `cannot use clientAssertion of connector ${tools.id}: expected a signed token, got something else`,
      )
    body.set('client_id', client.client_id)
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', assertion.trim())
  }
}
