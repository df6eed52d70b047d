/** The `oauth` connector: a source that speaks OAuth 2.0 and has a page about its user. It cannot be asked again. */
import type { OauthSettings } from '../../config/dex/connectors/oauth.ts'
import { clientAuthentication } from '../../crypto/client-authentication.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import type { ConnectorTools, RedirectConnector } from './connector.ts'
import { identityOfPage, readUserPage } from './oauth/user-page.ts'
import { diagnoseOauth } from './oidc/diagnose-oauth.ts'
import { exampleDeparture } from './oidc/offline.ts'
import { checkRedirectAddress } from './oidc/redirect-address.ts'
import { UpstreamClient } from './oidc/upstream-client.ts'
import { UpstreamConnection } from './oidc/upstream-connection.ts'

const methods = ['client_secret_basic', 'client_secret_post'] as const

export function openOauthConnector(settings: OauthSettings, tools: ConnectorTools): RedirectConnector {
  const { id } = tools
  const connection = new UpstreamConnection(settings, tools)
  const [basic, post] = methods.map((method) => clientBy(method, { settings, tools, connection })) as [
    UpstreamClient,
    UpstreamClient,
  ]
  let chosen: UpstreamClient | undefined
  let isSure = false
  let hasWarned = false

  const checkSettings = () => {
    checkRedirectAddress(settings.redirectURI, tools)
    for (const name of ['authorizationURL', 'tokenURL', 'userInfoURL'] as const)
      if (!isAddress(settings[name]))
        throw new ProxyError(
          'CONNECTOR_MISCONFIGURED',
          `cannot use ${name} of connector ${id}: it is no http(s) address`,
        )
  }

  /**
   * A source does not say how it wants the secret, so that it is found out, once, with a code that is none.
   * Undefined where it takes neither.
   */
  const knownClient = async (signal: AbortSignal): Promise<UpstreamClient | undefined> => {
    for (const client of chosen ? [] : [basic, post]) {
      const known = await client.isKnown(signal)
      if (known === false) continue
      chosen = client
      isSure = known === true
      break
    }
    return chosen
  }

  const start: RedirectConnector['start'] = async ({ state, signal }) => {
    checkSettings()
    return basic.depart({ state, scopes: settings.scopes, parameters: {}, signal })
  }

  return {
    kind: 'redirect',
    freshness: 'sign-in',
    start,

    async finish(options) {
      checkSettings()
      // Where it seems to take neither, the exchange itself will tell.
      const client = (await knownClient(options.signal).catch(() => undefined)) ?? basic
      const { accessToken } = await client.redeem(options)
      const http = await connection.http()
      const page = await readUserPage(settings.userInfoURL, { http, accessToken, signal: options.signal })
      const identity = identityOfPage(page, settings)
      // Dex reads groups out of the token itself, whose signature nobody here can check: we say so, and do not.
      const isJwt = /^[\w-]+\.[\w-]+\.[\w-]*$/.test(accessToken)
      if (options.scopes.groups && isJwt && page[settings.claimMapping.groupsKey] === undefined && !hasWarned) {
        hasWarned = true
        tools.warn(`connector ${id} has no groups on its userInfoURL; those of its access tokens are not believed`)
      }
      return identity
    },

    async check(signal) {
      checkSettings()
      chosen = undefined
      if ((await knownClient(signal)) === undefined)
        throw new ProxyError(
          'CONNECTOR_MISCONFIGURED',
          `cannot use connector ${id}: the source does not take clientID and clientSecret`,
        )
    },

    diagnose({ signal }) {
      return diagnoseOauth({
        addresses: [settings.authorizationURL, settings.tokenURL, settings.userInfoURL],
        insecureSkipVerify: settings.insecureSkipVerify,
        checkSettings,
        connection,
        isKnown: async () => (await knownClient(signal)) !== undefined && (isSure || undefined),
        departure: (at) => exampleDeparture(start, at),
        signal,
      })
    },

    close: () => connection.close(),
  }
}

interface ClientParts {
  readonly settings: OauthSettings
  readonly tools: ConnectorTools
  readonly connection: UpstreamConnection
}

function clientBy(method: (typeof methods)[number], { settings, tools, connection }: ClientParts): UpstreamClient {
  return new UpstreamClient({
    clientId: settings.clientID,
    redirectUri: settings.redirectURI,
    authentication: () => clientAuthentication(settings.clientSecret, [method]),
    metadata: async () => ({
      issuer: new URL(settings.authorizationURL).origin,
      authorization_endpoint: settings.authorizationURL,
      token_endpoint: settings.tokenURL,
    }),
    http: connection.http,
    pkce: 'S256',
    now: tools.now,
    protocol: 'oauth',
  })
}

function isAddress(text: string): boolean {
  return URL.canParse(text) && ['https:', 'http:'].includes(new URL(text).protocol) && !text.includes('#')
}
