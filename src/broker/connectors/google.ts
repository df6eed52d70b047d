/** The `google` connector: Google accounts, with the groups of a Workspace by its Directory API. */
import type { GoogleSettings } from '../../config/dex/connectors/google.ts'
import { clientAuthentication } from '../../crypto/client-authentication.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { ConnectorTools, RedirectConnector, UpstreamIdentity, WantedScopes } from './connector.ts'
import { Directory } from './google/directory.ts'
import { ServiceAccount } from './google/service-account.ts'
import { scopesOf } from './oidc/claims-identity.ts'
import { keepData, readData } from './oidc/connector-data.ts'
import { diagnoseOpenId, step, untilFailed } from './oidc/diagnose.ts'
import { type Claims, subjectOf } from './oidc/id-token-checks.ts'
import { exampleDeparture, offlineParameters, somebodyElse } from './oidc/offline.ts'
import { checkRedirectAddress } from './oidc/redirect-address.ts'
import { UpstreamClient, type UpstreamTokens } from './oidc/upstream-client.ts'
import { UpstreamConnection } from './oidc/upstream-connection.ts'
import { UpstreamDocuments } from './oidc/upstream-documents.ts'

/** Where Google is; another place in tests. */
export interface GoogleEndpoints {
  readonly issuer: string
  readonly directory: string
}

const google: GoogleEndpoints = { issuer: 'https://accounts.google.com', directory: 'https://admin.googleapis.com' }

export function openGoogleConnector(
  settings: GoogleSettings,
  tools: ConnectorTools,
  { endpoints = google }: { readonly endpoints?: GoogleEndpoints } = {},
): RedirectConnector {
  const { id, now } = tools
  const { issuer } = endpoints
  const connection = new UpstreamConnection({ rootCAs: [], insecureSkipVerify: false }, tools)
  const documents = new UpstreamDocuments({ id, issuer, issuerAlias: '', overrides: {}, http: connection.http, now })
  const client = new UpstreamClient({
    clientId: settings.clientID,
    redirectUri: settings.redirectURI,
    authentication: (supported) => clientAuthentication(settings.clientSecret, supported),
    metadata: () => documents.metadata(),
    http: connection.http,
    pkce: undefined,
    now,
    protocol: 'openid',
  })
  const scopes = scopesOf(settings.scopes)
  const admins = adminsOf(settings)
  const account = new ServiceAccount({ path: settings.serviceAccountFilePath, tools, http: connection.http })
  const directory = new Directory({
    base: endpoints.directory,
    account,
    admins,
    transitive: settings.fetchTransitiveGroupMembership,
    http: connection.http,
  })
  const readsGroups = Object.keys(admins).length > 0

  const checkSettings = () => {
    checkRedirectAddress(settings.redirectURI, tools)
    const misconfigured = (found: string) =>
      new ProxyError('CONNECTOR_MISCONFIGURED', `cannot read groups of connector ${id}: ${found}`)
    if (readsGroups !== (settings.serviceAccountFilePath !== ''))
      throw misconfigured('serviceAccountFilePath and domainToAdminEmail belong together, got one without the other')
    if (settings.groups.length > 0 && !readsGroups)
      throw misconfigured('groups needs serviceAccountFilePath and domainToAdminEmail, got neither')
  }

  const start: RedirectConnector['start'] = async (options) => {
    checkSettings()
    const [domain = '', ...more] = settings.hostedDomains
    return client.depart({
      state: options.state,
      scopes,
      signal: options.signal,
      parameters: {
        // What the account chooser offers; it keeps nobody out.
        ...(domain !== '' && { hd: more.length === 0 ? domain : '*' }),
        ...(options.scopes.offlineAccess && offlineParameters(settings.promptType)),
      },
    })
  }

  const identityOf = async (
    tokens: UpstreamTokens,
    { scopes: wanted, signal }: { readonly scopes: WantedScopes; readonly signal: AbortSignal },
  ): Promise<UpstreamIdentity> => {
    if (!tokens.claims) throw new ProxyError('CONNECTOR_ANSWER_INVALID', 'cannot tell who it is: got no ID token')
    const person = personOf(tokens.claims, { asksForEmail: scopes.includes('email') })
    checkDomain(tokens.claims, settings.hostedDomains)
    const isAsked = (wanted.groups || settings.groups.length > 0) && readsGroups
    const all = isAsked && mayHaveGroups(person, tokens.claims) ? await directory.groupsOf(person.email, signal) : []
    const groups = settings.groups.length === 0 ? all : all.filter((group) => settings.groups.includes(group))
    if (settings.groups.length > 0 && groups.length === 0)
      throw new ProxyError('ACCOUNT_NOT_ALLOWED', 'cannot sign in: in none of the groups of the connector')
    return { ...person, groups, ...keepData(tokens.refreshToken, person.userId) }
  }

  /**
   * Groups hang on the address, so that it has to be proved; an account that is of no Workspace and yet has an address
   * of one is a private account, of somebody who may have left.
   */
  const mayHaveGroups = ({ email, emailVerified }: { email: string; emailVerified: boolean }, claims: Claims) =>
    email !== '' && emailVerified && (typeof claims['hd'] === 'string' || !directory.isNamed(email))

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
      const tokens = await client.refresh(refreshToken, options.signal)
      const fresh = await identityOf(tokens, options)
      if (fresh.userId !== subject || fresh.userId !== identity.userId) throw somebodyElse()
      return fresh
    },

    async check(signal) {
      checkSettings()
      await documents.metadata({ fresh: true })
      await client.countKeys(signal)
      if ((await client.isKnown(signal)) === false)
        throw new ProxyError('CONNECTOR_MISCONFIGURED', `cannot use connector ${id}: Google does not take clientSecret`)
      for (const admin of new Set(Object.values(admins))) await account.tokenFor(admin, signal)
    },

    diagnose({ user, signal }) {
      return untilFailed([
        () =>
          diagnoseOpenId({
            issuer,
            insecureSkipVerify: false,
            checkSettings,
            connection,
            client,
            metadata: () => documents.metadata({ fresh: true }),
            departure: (at) => exampleDeparture(start, at),
            scopes,
            signal,
          }),
        () => groupsStep(user, signal),
      ])
    },

    close: () => connection.close(),
  }

  function groupsStep(user: string | undefined, signal: AbortSignal) {
    return step('groups', async () => {
      if (!readsGroups) return { outcome: 'skipped', found: 'no service account: groups are not read' }
      for (const admin of new Set(Object.values(admins))) await account.tokenFor(admin, signal)
      if (user === undefined) return { outcome: 'ok', found: 'the service account may act for each administrator' }
      const groups = await directory.groupsOf(user, signal)
      return { outcome: 'ok', found: `${user} is in ${groups.length}`, details: groups }
    })
  }
}

function personOf(claims: Claims, { asksForEmail }: { readonly asksForEmail: boolean }) {
  const text = (name: string) => (typeof claims[name] === 'string' ? claims[name] : '')
  const email = text('email')
  if (asksForEmail && email === '')
    throw new ProxyError('ACCOUNT_WITHOUT_EMAIL', 'cannot sign in: claim email is missing')
  return {
    userId: subjectOf(claims),
    name: text('name'),
    preferredUsername: '',
    email,
    emailVerified: claims['email_verified'] === true,
  }
}

/** The claim says which Workspace keeps the account; the domain of the address says nothing about that. */
function checkDomain(claims: Claims, domains: readonly string[]): void {
  const domain = claims['hd']
  if (domains.length === 0 || (typeof domain === 'string' && domains.includes(domain))) return
  throw new ProxyError('ACCOUNT_NOT_ALLOWED', 'cannot sign in: the account is of none of hostedDomains')
}

function adminsOf({ adminEmail, domainToAdminEmail }: GoogleSettings): Readonly<Record<string, string>> {
  const named = Object.entries(domainToAdminEmail).map(([domain, admin]) => [domain.toLowerCase(), admin] as const)
  return Object.fromEntries([...(adminEmail === '' ? [] : [['*', adminEmail] as const]), ...named])
}
