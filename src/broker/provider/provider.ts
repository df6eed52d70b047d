/** `oidc-provider`, set up to behave towards applications as Dex does, with a session and a sign-out of its own. */
import type {
  Adapter,
  AdapterConstructor,
  Configuration,
  JWK,
  KoaContextWithOIDC,
  default as Provider,
} from 'oidc-provider'
import type { BrokerSettings } from '../../config/dex/broker-settings.ts'
import { jwtKey } from '../../crypto/sign-jwt.ts'
import type { Audit } from '../audit.ts'
import type { OpenConnectors } from '../connectors/borrowed-connector.ts'
import type { UserCodeGuesses } from '../guesses/user-code-guesses.ts'
import { cookiePathOf, hostPrefixOf } from '../issuer.ts'
import { hasBrokenOff } from '../sign-in/send.ts'
import { longestAttempt } from '../sign-in/sign-in.ts'
import type { Store } from '../store/store.ts'
import { type BrokerPages, pageHeaders } from '../views.ts'
import type { Accounts } from './accounts.ts'
import { providerWithOurPages } from './answer-pages.ts'
import { discoveryEntries, shapeAnswers } from './answers.ts'
import { keepAuditTrail } from './audit-trail.ts'
import { checkAuthorization } from './authorization-rules.ts'
import type { BoundedRecords } from './bounded-records.ts'
import { claimsOfScopes } from './claims.ts'
import { type ClientBook, metadataOf, outOfBand, rulesOf } from './client-book.ts'
import { deviceFeature } from './device.ts'
import { errorView } from './error-view.ts'
import { Grants } from './grants.ts'
import type { Identities } from './identities.ts'
import type { ProviderLibrary } from './oidc-library.ts'
import { brokerPaths } from './paths.ts'
import { refreshGrace } from './refresh-grace.ts'
import { signOutFeature } from './sign-out.ts'
import { SignOutHints } from './sign-out-hints.ts'
import { answerStoreAway, storeAwayView } from './store-away.ts'
import { addTokenExchange } from './token-exchange.ts'
import { isFor, shapeTokens } from './tokens.ts'

export interface ProviderOptions {
  readonly library: ProviderLibrary
  readonly settings: BrokerSettings
  /** Private keys, newest first. */
  readonly jwks: readonly (JWK & { readonly kid: string })[]
  readonly cookieKeys: readonly Buffer[]
  readonly adapter: AdapterConstructor
  readonly store: Store
  readonly clients: ClientBook
  readonly connectors: OpenConnectors
  readonly identities: Identities
  readonly accounts: Accounts
  readonly pages: BrokerPages
  readonly now: () => number
  /** Where somebody signs in, and the cookie that binds the attempt to the browser, set on the way there. */
  interactionUrl(
    context: KoaContextWithOIDC,
    interaction: { readonly uid: string; readonly prompt: { name: string } },
  ): Promise<string>
  readonly audit: Audit
  readonly userCodes: UserCodeGuesses
  readonly records: BoundedRecords
  /** A request that failed in a way that nobody foresaw. */
  report(message: string, error: unknown): void
}

/** Seconds. RFC 6749 §4.1.2 recommends at most ten minutes; Dex has thirty. */
const codeLife = 60
/** Seconds, where a person carries the code over by hand. */
const shownCodeLife = 600

export const grantTypesKnown = [
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:ietf:params:oauth:grant-type:token-exchange',
] as const

export interface MadeProvider {
  readonly provider: Provider
  /** An access token as the endpoints for introspection and revocation take it. */
  unwrap(token: string): string
}

export function makeProvider(options: ProviderOptions): MadeProvider {
  const { library, settings, clients, accounts, pages, report } = options
  const { issuer, expiry, oauth2, signer } = settings
  const isSecure = issuer.startsWith('https:')
  const cookie = { httpOnly: true, sameSite: 'lax', secure: isSecure, path: cookiePathOf(issuer) } as const
  const grants = new Grants(options)
  const keys = options.jwks.map((jwk) => jwtKey(jwk, signer.algorithm))
  const hints = new SignOutHints({ issuer, keys })
  const signOut = signOutFeature({ ...options, hints })
  const grantTypes = grantTypesKnown.filter(
    (type) => oauth2.grantTypes.length === 0 || oauth2.grantTypes.includes(type),
  )
  const seconds = (span: number) => Math.max(1, Math.round(span / 1000))

  const configuration: Configuration = {
    adapter: withClients(options.adapter, {
      clients,
      grantTypes,
      algorithm: signer.algorithm,
      pkceEnforce: oauth2.pkceEnforce,
    }),
    jwks: { keys: [...options.jwks] },
    routes: { ...brokerPaths },
    scopes: [...Object.keys(claimsOfScopes), 'offline_access'],
    claims: {
      ...Object.fromEntries(Object.entries(claimsOfScopes).map(([scope, names]) => [scope, [...names]])),
      // An application cannot know how old a sign-in is otherwise.
      openid: ['sub', 'auth_time'],
    },
    discovery: discoveryEntries,
    // As Dex does: what a scope brings stands in the ID token itself, so no second request is needed.
    conformIdTokenClaims: false,
    responseTypes: ['code'],
    // Core §3.1.2.1 requires it, and the one that the library knows of is a placeholder.
    allowOmittingSingleRegisteredRedirectUri: false,
    subjectTypes: ['public'],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    enabledJWA: { idTokenSigningAlgValues: [signer.algorithm] },
    clientDefaults: { id_token_signed_response_alg: signer.algorithm },
    extraClientMetadata: { properties: ['ostiary'] },
    extraParams: { connector_id: checkAuthorization(options), approval_prompt: null },
    pkce: { required: (_context, client) => rulesOf(client).needsPkce },
    features: {
      devInteractions: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      dPoP: { enabled: false },
      rpInitiatedLogout: { enabled: true, ...signOut.sources },
      backchannelLogout: { enabled: true },
      revocation: { enabled: true, allowedPolicy: (_context, client, token) => token.clientId === client.clientId },
      introspection: {
        enabled: true,
        // Only with client authentication, and only of tokens that are for the client (RFC 7662 §2.1).
        allowedPolicy: async (_context, client, token) =>
          client.tokenEndpointAuthMethod !== 'none' && (await isFor(token, { clientId: client.clientId, clients })),
      },
      deviceFlow: deviceFeature(options),
    },
    findAccount: accounts.find,
    loadExistingGrant: (context) => grants.load(context),
    issueRefreshToken: (_context, client, source) => grants.mayRefresh(client, source),
    expiresWithSession: (context) => context.oidc.client !== undefined && rulesOf(context.oidc.client).endsWithSession,
    rotateRefreshToken: () => !expiry.refreshTokens.disableRotation,
    interactions: {
      url: (context, interaction) => options.interactionUrl(context, interaction),
      policy: signInPolicy(library),
    },
    renderError(context, out, error) {
      context.set({ ...pageHeaders(pages, []) })
      const view = storeAwayView(error, pages) ?? errorView(error, { out, route: context.oidc?.route })
      context.body = pages.render(view)
    },
    // Decided at the front.
    clientBasedCORS: () => true,
    cookies: {
      keys: options.cookieKeys.map((key) => key),
      names: {
        session: `${hostPrefixOf(issuer)}ostiary_broker_session`,
        interaction: 'ostiary_broker_interaction',
        resume: 'ostiary_broker_resume',
      },
      long: cookie,
      short: cookie,
    },
    ttl: {
      AccessToken: seconds(expiry.idTokens),
      IdToken: seconds(expiry.idTokens),
      AuthorizationCode: (_context, code) => (code.redirectUri === outOfBand ? shownCodeLife : codeLife),
      DeviceCode: seconds(expiry.deviceRequests),
      Interaction: seconds(Math.min(expiry.authRequests, longestAttempt)),
      // Nobody's: kept for the secret of a form.
      Session: (_context, session) =>
        session.accountId === undefined ? seconds(longestAttempt) : grants.sessionLife(session.loginTs),
      Grant: (_context, grant) => grants.grantLife(grant),
      RefreshToken: (_context, token) => grants.refreshLife(token),
    },
    fetch: callApplication,
  }
  const OurProvider = providerWithOurPages(library, pages)
  const provider = new OurProvider(issuer, configuration)
  provider.proxy = true
  const unwrap = shapeTokens({ provider, clients, identities: options.identities, keys })
  if (grantTypes.includes('urn:ietf:params:oauth:grant-type:token-exchange')) addTokenExchange(provider, options)
  const use = (middleware: (context: KoaContextWithOIDC, next: () => Promise<unknown>) => Promise<unknown>) =>
    provider.use((context, next) => middleware(context as KoaContextWithOIDC, next))
  answerStoreAway(provider, options)
  use(shapeAnswers(options))
  use(hints.middleware)
  use(signOut.middleware)
  provider.use(refreshGrace({ ...options, interval: expiry.refreshTokens.reuseInterval }))
  provider.use((context, next) => grants.afterToken(context as KoaContextWithOIDC, next))
  keepAuditTrail(provider, options.audit)
  options.records.watch(provider)
  provider.use((context, next) =>
    context.method === 'POST' && context.path === brokerPaths.code_verification
      ? options.userCodes.around(context as KoaContextWithOIDC, next)
      : next(),
  )
  // Without a listener the framework prints to standard error.
  const framework: NodeJS.EventEmitter = provider
  framework.on('error', (error: unknown, context?: KoaContextWithOIDC) => {
    if (!context || !hasBrokenOff(context.req)) report('the broker failed at a request', error)
  })
  provider.on('server_error', (_context, error) => report('the broker failed at a request', error))
  provider.on('backchannel.error', (_context, error) => report('an application was not told of a sign-out', error))
  return { provider, unwrap }
}

/**
 * For back-channel logout alone. The library gives a dispatcher along that refuses private addresses, for providers where
 * anybody may register; here the operator names the applications, and most of them stand on private addresses.
 */
function callApplication(url: string | URL | Request, asked?: RequestInit): Promise<Response> {
  const { method, headers, body } = asked ?? {}
  const signal = AbortSignal.timeout(5_000)
  return fetch(url, { ...{ method, headers, body, signal }, redirect: 'manual' } as RequestInit)
}

/** The library's own policy, and: a session whose person is out is no session; the chooser can be asked for. */
function signInPolicy({ interactionPolicy }: ProviderLibrary) {
  const { base, Check, Prompt } = interactionPolicy
  const policy = base()
  const isGone = (context: KoaContextWithOIDC) => context.oidc.session?.accountId !== undefined && !context.oidc.account
  policy
    .get('login')
    ?.checks.add(new Check('account_gone', 'the account has to sign in again', 'login_required', isGone))
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0)
  return policy
}

/** Clients come from their book; everything else from the store. */
function withClients(
  Stored: AdapterConstructor,
  options: { readonly clients: ClientBook } & Parameters<typeof metadataOf>[1],
): (name: string) => Adapter {
  return (name) => {
    const stored = new Stored(name)
    if (name !== 'Client') return stored
    const find = async (id: string) => {
      const client = await options.clients.find(id)
      return client && { ...metadataOf(client, options) }
    }
    const never = async () => undefined
    return Object.assign(Object.create(stored), { find, upsert: never, destroy: never }) as Adapter
  }
}
