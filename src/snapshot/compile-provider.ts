/** The relying party of one configuration; kept over reloads that leave the provider as it is, with what it knows of it. */
import { createHash } from 'node:crypto'
import { getCACertificates } from 'node:tls'
import { Agent, fetch as undiciFetch } from 'undici'
import type { Settings } from '../config/schema.ts'
import { clientAuthentication } from '../crypto/client-authentication.ts'
import { secretDigest } from '../crypto/secret-digest.ts'
import { ProxyError } from '../errors/proxy-error.ts'
import { providerProfile } from '../identity/presets.ts'
import type { Fetch } from '../identity/provider-fetch.ts'
import { openRelyingParty, type RelyingParty } from '../identity/relying-party.ts'
import type { BrokerAccess } from './broker-route.ts'

/** Remembers the relying party of the configuration in force. */
export class KeptProvider {
  #kept: { readonly key: string; readonly relyingParty: RelyingParty } | undefined

  /** The same one as long as nothing that concerns it has changed. */
  for(settings: Settings, broker?: BrokerAccess): RelyingParty {
    const key = keyOf(settings)
    if (this.#kept?.key !== key) this.#kept = { key, relyingParty: compile(settings, broker) }
    return this.#kept.relyingParty
  }
}

function compile(settings: Settings, broker: BrokerAccess | undefined): RelyingParty {
  const { idp_provider: provider, idp_client_id: clientId, authenticate_service_url: origin } = settings
  // Nothing published asks for a sign-in then; whoever asks all the same is told.
  if (!provider || !clientId || !origin) return noProvider
  const { idp_client_secret: secret, certificate_authority: authority } = settings
  const relyingParty = openRelyingParty({
    profile: providerProfile({
      provider,
      url: settings.idp_provider_url,
      scopes: settings.idp_scopes,
      requestParams: settings.idp_request_params,
    }),
    clientId,
    authentication: (supported) => clientAuthentication(secret, supported),
    redirectUri: `${origin}/oauth2/callback`,
    ...fetchOf(authority, broker),
  })
  void relyingParty.warmUp()
  return relyingParty
}

/** The broker of this process is asked inside of it, by whatever name the public knows it. */
function fetchOf(authority: string | undefined, broker: BrokerAccess | undefined): { fetch?: Fetch } {
  const outside = authority === undefined ? undefined : fetchTrusting(authority)
  if (!broker) return outside ? { fetch: outside } : {}
  const { origin } = new URL(broker.issuer)
  const elsewhere: Fetch = outside ?? ((url, init) => globalThis.fetch(url, init))
  return {
    fetch(url, init) {
      const asked = new URL(url)
      if (asked.origin !== origin) return elsewhere(url, init)
      const headers = new Headers(init?.headers)
      headers.set(broker.callerHeader, broker.own)
      return globalThis.fetch(`${broker.inside}${asked.pathname}${asked.search}`, { ...init, headers })
    },
  }
}

/** `fetch` that trusts `authority` (PEM) besides the usual roots. */
function fetchTrusting(authority: string): Fetch {
  const dispatcher = new Agent({ connect: { ca: [...getCACertificates('default'), authority] } })
  return (url, init) =>
    undiciFetch(url, { ...(init as Parameters<typeof undiciFetch>[1]), dispatcher }) as unknown as Promise<Response>
}

function keyOf(settings: Settings): string {
  const { idp_client_secret: secret, certificate_authority: authority = '' } = settings
  return JSON.stringify([
    settings.idp_provider,
    settings.idp_provider_url,
    settings.idp_client_id,
    secret && secretDigest(secret),
    settings.idp_scopes,
    settings.idp_request_params,
    settings.authenticate_service_url,
    createHash('sha256').update(authority).digest('hex'),
  ])
}

const noneConfigured = () => new ProxyError('PROVIDER_INVALID', 'cannot sign in: no provider is configured')
const missing = (): Promise<never> => Promise.reject(noneConfigured())

const noProvider: RelyingParty = {
  id: '',
  answersByPost: false,
  signOutOrigin: () => undefined,
  signInUrl: missing,
  redeem: missing,
  refresh: async ({ refreshToken }) => ({ kind: 'failed', error: noneConfigured(), refreshToken, isAway: false }),
  revoke: () => Promise.resolve(),
  signOutUrl: () => Promise.resolve(undefined),
  warmUp: () => Promise.resolve(),
}
