/** `oidc-provider`, set up to behave towards a relying party as Dex does, with a session and a sign-out of its own. */
import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { ClientMetadata, Configuration, JWK, KoaContextWithOIDC, default as Provider } from 'oidc-provider'
import { memoryAdapter } from './memory-adapter.ts'
import { signOutFeature } from './sign-out.ts'
import type { Users } from './users.ts'
import { type BrokerPages, pageHeaders } from './views.ts'

/** An application, in the keys of Dex's `staticClients`. */
export interface BrokerClient {
  readonly id: string
  readonly secret: string
  readonly redirectURIs: readonly string[]
  readonly postLogoutRedirectURIs?: readonly string[]
}

/** The sign-in form of one attempt. */
export const signInPath = (uid: string) => `/sign-in/${uid}`

const MINUTE = 60
const HOUR = 60 * MINUTE
const SCOPES = ['openid', 'profile', 'email', 'groups', 'offline_access']

export interface ProviderOptions {
  readonly issuer: string
  readonly clients: readonly BrokerClient[]
  readonly users: Users
  readonly pages: BrokerPages
  readonly now: () => number
}

export async function makeProvider(options: ProviderOptions): Promise<Provider> {
  const { issuer, clients, users, pages, now } = options
  const signOut = signOutFeature({ users, pages, formTargets: formTargets(clients) })
  const isSecure = issuer.startsWith('https:')
  const cookie = { httpOnly: true, sameSite: 'lax', secure: isSecure } as const
  const configuration: Configuration = {
    adapter: memoryAdapter({ now }),
    clients: clients.map(clientMetadata),
    jwks: { keys: [await makeSigningKey()] },
    scopes: SCOPES,
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username'],
      groups: ['groups'],
    },
    // As Dex does: what a scope brings stands in the ID token itself, so no second request is needed.
    conformIdTokenClaims: false,
    responseTypes: ['code'],
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      dPoP: { enabled: false },
      rpInitiatedLogout: { enabled: true, ...signOut.sources },
    },
    findAccount: (_context, subject) => {
      const user = users.find(subject)
      return user && { accountId: subject, claims: async () => ({ sub: subject, ...claimsOf(user) }) }
    },
    // Applications are declared by the operator, so nobody is asked whether they may know who signed in.
    loadExistingGrant: grantEverything,
    issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
    interactions: { url: (_context, interaction) => signInPath(interaction.uid) },
    renderError: (context, error) => {
      context.set({ ...pageHeaders(pages, []) })
      const text = error.error_description ?? error.error
      context.body = pages.render({ kind: 'problem', heading: 'This sign-in cannot go on', text })
    },
    clientBasedCORS: () => false,
    cookies: { keys: [randomBytes(32)], long: cookie, short: cookie },
    ttl: {
      AccessToken: HOUR,
      AuthorizationCode: MINUTE,
      Grant: 8 * HOUR,
      IdToken: HOUR,
      Interaction: 30 * MINUTE,
      RefreshToken: 8 * HOUR,
      Session: 8 * HOUR,
    },
  }
  const { Provider: ProviderClass } = await loadLibrary()
  const provider = new ProviderClass(issuer, configuration)
  provider.use(signOut.middleware)
  // It reports with console.error where nobody listens.
  provider.on('server_error', () => undefined)
  return provider
}

/** Chromium holds every redirect after a form against form-action, so the way back to the applications is named too. */
export function formTargets(clients: readonly BrokerClient[]): string[] {
  const schemes = clients.flatMap((client) => client.redirectURIs.map((uri) => new URL(uri).protocol))
  return [...new Set(schemes)]
}

function clientMetadata(client: BrokerClient): ClientMetadata {
  return {
    client_id: client.id,
    client_secret: client.secret,
    redirect_uris: [...client.redirectURIs],
    post_logout_redirect_uris: [...(client.postLogoutRedirectURIs ?? [])],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
  }
}

function claimsOf(user: NonNullable<ReturnType<Users['find']>>): Record<string, unknown> {
  return {
    email: user.email,
    email_verified: user.emailVerified,
    name: user.name,
    preferred_username: user.preferredUsername,
    // Dex leaves the claim out where there is no group.
    ...(user.groups.length > 0 ? { groups: [...user.groups] } : {}),
  }
}

async function grantEverything(context: KoaContextWithOIDC) {
  const { session, client, provider } = context.oidc
  const accountId = session?.accountId
  if (!session || !client || !accountId) return undefined
  const grantId = session.grantIdFor(client.clientId)
  const known = grantId ? await provider.Grant.find(grantId) : undefined
  if (known) return known
  const grant = new provider.Grant({ clientId: client.clientId, accountId })
  grant.addOIDCScope(SCOPES.join(' '))
  await grant.save()
  return grant
}

/**
 * Loads oidc-provider without its notice that the runtime is unsupported: it prints that wherever the release has no
 * long-term-support name yet, as Node 26 has not. Nothing else of it writes while it loads.
 */
async function loadLibrary() {
  const { warn } = console
  console.warn = () => undefined
  try {
    return await import('oidc-provider')
  } finally {
    console.warn = warn
  }
}

async function makeSigningKey(): Promise<JWK> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const jwk = privateKey.export({ format: 'jwk' })
  return { ...jwk, kid: randomBytes(8).toString('hex'), use: 'sig', alg: 'RS256' } as JWK
}
