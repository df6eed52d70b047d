/** The `oidc` connector: people sign in at another OpenID provider (Auth0, Okta, Entra, Keycloak). */
import type { OidcSettings } from '../../config/dex/connectors/oidc.ts'
import { clientAuthentication } from '../../crypto/client-authentication.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { ConnectorTools, RedirectConnector, UpstreamIdentity, WantedScopes } from './connector.ts'
import { compileIdentity, type ReadIdentity, scopesOf } from './oidc/claims-identity.ts'
import { keepData, readData } from './oidc/connector-data.ts'
import { diagnoseOpenId } from './oidc/diagnose.ts'
import { forwardedParameters } from './oidc/forwarded-parameters.ts'
import { type Claims, subjectOf } from './oidc/id-token-checks.ts'
import { exampleDeparture, offlineParameters, somebodyElse } from './oidc/offline.ts'
import { checkRedirectAddress } from './oidc/redirect-address.ts'
import { UpstreamClient, type UpstreamTokens } from './oidc/upstream-client.ts'
import { UpstreamConnection } from './oidc/upstream-connection.ts'
import { UpstreamDocuments } from './oidc/upstream-documents.ts'

export function openOidcConnector(settings: OidcSettings, tools: ConnectorTools): RedirectConnector {
  const { id, now } = tools
  const connection = new UpstreamConnection(settings, tools)
  const documents = new UpstreamDocuments({
    id,
    issuer: settings.issuer,
    issuerAlias: settings.issuerAlias,
    overrides: overridesOf(settings),
    http: connection.http,
    now,
  })
  const client = new UpstreamClient({
    clientId: settings.clientID,
    redirectUri: settings.redirectURI,
    authentication: (supported) =>
      clientAuthentication(settings.clientSecret, takesNoBasic(settings) ? ['client_secret_post'] : supported),
    metadata: () => documents.metadata(),
    http: connection.http,
    pkce: settings.pkceChallenge,
    now,
    protocol: 'openid',
  })
  const scopes = scopesOf(settings.scopes)
  let hasWarned = false

  let compiled: ReadIdentity | undefined
  /** What the settings alone decide about tokens: without an id of ours one could be meant for anybody. */
  const readsTokens = (): ReadIdentity => {
    if (settings.clientID === '')
      throw new ProxyError('CONNECTOR_MISCONFIGURED', `cannot use connector ${id}: it has no clientID`)
    compiled ??= compileIdentity(settings)
    return compiled
  }

  /** The same about sign-ins: looked at before anybody is sent anywhere. */
  const usable = (): ReadIdentity => {
    checkRedirectAddress(settings.redirectURI, tools, {
      leadsHereOtherwise: settings.insecureSkipIssuerCallbackDomainCheck,
    })
    return readsTokens()
  }

  const depart = async (options: Parameters<RedirectConnector['start']>[0]) => {
    usable()
    return client.depart({
      state: options.state,
      scopes,
      signal: options.signal,
      parameters: {
        ...forwardedParameters(settings.forwardedLoginParams, options.parameters),
        ...(settings.acrValues.length > 0 && { acr_values: settings.acrValues.join(' ') }),
        ...(options.scopes.offlineAccess && offlineParameters(settings.promptType)),
      },
    })
  }

  /** Claims of the ID token, with those of userinfo over them where the settings say so. */
  const claimsOf = async (
    tokens: UpstreamTokens,
    { subject, signal }: { readonly subject: string; readonly signal: AbortSignal },
  ): Promise<Claims> => {
    if (!settings.getUserInfo && tokens.claims) return tokens.claims
    if (!settings.getUserInfo)
      throw new ProxyError(
        'CONNECTOR_ANSWER_INVALID',
        'cannot refresh: the answer holds no ID token (getUserInfo would do without)',
      )
    return { ...tokens.claims, ...(await client.userInfo(tokens.accessToken, { subject, signal })) }
  }

  const warnOfNoRefresh = (wanted: WantedScopes, refreshToken: string | undefined) => {
    if (!wanted.offlineAccess || refreshToken !== undefined || hasWarned) return
    hasWarned = true
    tools.warn(
      `connector ${id} got no refresh token, and gives none out: nobody can be asked again (scopes lack offline_access?)`,
    )
  }

  return {
    kind: 'redirect',
    freshness: 'each refresh',
    needsData: true,
    start: depart,

    async finish(options) {
      const identityOf = usable()
      const tokens = await client.redeem(options)
      const subject = subjectOf(tokens.claims ?? {})
      const claims = await claimsOf(tokens, { subject, signal: options.signal })
      warnOfNoRefresh(options.scopes, tokens.refreshToken)
      return { ...identityOf(claims), ...keepData(tokens.refreshToken, subject) }
    },

    async refresh(identity, { signal }) {
      const identityOf = usable()
      const { refreshToken, subject } = readData(identity)
      const tokens = await client.refresh(refreshToken, signal)
      if (tokens.claims && subjectOf(tokens.claims) !== subject) throw somebodyElse()
      const fresh = identityOf(await claimsOf(tokens, { subject, signal }))
      if (fresh.userId !== identity.userId) throw somebodyElse()
      return { ...fresh, ...keepData(tokens.refreshToken, subject) }
    },

    async readToken({ token, type, signal }): Promise<UpstreamIdentity> {
      const identityOf = readsTokens()
      if (type === 'id_token') return identityOf(await client.readIdToken(token, signal))
      if (!settings.getUserInfo)
        throw new ProxyError('CONNECTOR_ANSWER_INVALID', 'cannot trust the access token: getUserInfo is not set')
      const subject = await client.introspect(token, signal)
      return identityOf(await client.userInfo(token, { subject, signal }))
    },

    async check(signal) {
      usable()
      await documents.metadata({ fresh: true })
      await client.countKeys(signal)
      if ((await client.isKnown(signal)) === false)
        throw new ProxyError(
          'CONNECTOR_MISCONFIGURED',
          `cannot use connector ${id}: the source does not take clientID and clientSecret`,
        )
    },

    diagnose({ signal }) {
      return diagnoseOpenId({
        issuer: settings.issuer,
        insecureSkipVerify: settings.insecureSkipVerify,
        checkSettings: usable,
        connection,
        client,
        metadata: () => documents.metadata({ fresh: true }),
        departure: (at) => exampleDeparture(depart, at),
        scopes,
        signal,
      })
    },

    close: () => connection.close(),
  }
}

function overridesOf({ providerDiscoveryOverrides: overrides }: OidcSettings): Record<string, string> {
  return {
    authorization_endpoint: overrides.authURL,
    token_endpoint: overrides.tokenURL,
    jwks_uri: overrides.jwksURL,
    userinfo_endpoint: overrides.userInfoURL,
  }
}

/** Okta takes no HTTP Basic where its applications are set up for the form, and does not say so. */
function takesNoBasic({ basicAuthUnsupported, issuer }: OidcSettings): boolean {
  if (basicAuthUnsupported !== undefined) return basicAuthUnsupported
  const host = URL.canParse(issuer) ? new URL(issuer).hostname : ''
  return /(?:^|\.)(?:okta|oktapreview)\.com$/.test(host)
}
