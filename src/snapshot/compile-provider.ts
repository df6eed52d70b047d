/** The relying party of one configuration; kept over reloads that leave the provider as it is, with what it knows of it. */
import { createHash } from 'node:crypto'
import { fetch as undiciFetch } from 'undici'
import type { Settings } from '../config/schema.ts'
import { clientAuthentication } from '../crypto/client-authentication.ts'
import { secretDigest } from '../crypto/secret-digest.ts'
import { ProxyError } from '../errors/proxy-error.ts'
import { providerProfile } from '../identity/presets.ts'
import type { Fetch } from '../identity/provider-fetch.ts'
import { openRelyingParty, type RelyingParty } from '../identity/relying-party.ts'
import type { ProxyFor } from '../outbound/environment-proxy.ts'
import { OutboundWays } from '../outbound/ways.ts'
import type { BrokerAccess } from './broker-route.ts'

/** Remembers the relying party of the configuration in force. */
export class KeptProvider {
  readonly #proxyFor: ProxyFor | undefined
  #kept: { readonly key: string; readonly relyingParty: RelyingParty } | undefined

  /** `proxyFor`: none leads to any provider where it is absent. */
  constructor(proxyFor?: ProxyFor) {
    this.#proxyFor = proxyFor
  }

  /** The same one as long as nothing that concerns it has changed. */
  for(settings: Settings, broker?: BrokerAccess): RelyingParty {
    const key = keyOf(settings)
    if (this.#kept?.key !== key) {
      const elsewhere = outwards(settings.certificate_authority, this.#proxyFor)
      this.#kept = { key, relyingParty: compile(settings, broker ? besideBroker(broker, elsewhere) : elsewhere) }
    }
    return this.#kept.relyingParty
  }
}

function compile(settings: Settings, fetch: Fetch): RelyingParty {
  const { idp_provider: provider, idp_client_id: clientId, authenticate_service_url: origin } = settings
  // Nothing published asks for a sign-in then; whoever asks all the same is told.
  if (!provider || !clientId || !origin) return noProvider
  const { idp_client_secret: secret } = settings
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
    fetch,
  })
  void relyingParty.warmUp()
  return relyingParty
}

/** The broker of this process is asked inside of it, by whatever name the public knows it. */
function besideBroker(broker: BrokerAccess, elsewhere: Fetch): Fetch {
  const { origin } = new URL(broker.issuer)
  return (url, init) => {
    const asked = new URL(url)
    if (asked.origin !== origin) return elsewhere(url, init)
    const headers = new Headers(init?.headers)
    headers.set(broker.callerHeader, broker.own)
    return globalThis.fetch(`${broker.inside}${asked.pathname}${asked.search}`, { ...init, headers })
  }
}

/** Milliseconds for an answer to begin; how long a call may take in all is said with each. */
const answerLimit = 30_000
/** Many sign in at once on a Monday morning. */
const connections = 128

/** `fetch` that trusts `authority` (PEM) besides the usual roots, and takes the proxy that leads there. */
function outwards(authority: string | undefined, proxyFor: ProxyFor | undefined): Fetch {
  const roots = authority === undefined ? [] : [authority]
  const ways = new OutboundWays({ roots, insecureSkipVerify: false, timeLimit: answerLimit, proxyFor, connections })
  return async (url, init) => {
    const { dispatcher, proxy } = ways.to(url)
    const options = { ...(init as Parameters<typeof undiciFetch>[1]), dispatcher }
    try {
      return (await undiciFetch(url, options)) as unknown as Response
    } catch (error) {
      throw proxy === undefined || error instanceof DOMException ? error : throughProxy(proxy, error)
    }
  }
}

function throughProxy(proxy: string, error: unknown): Error {
  const { cause } = error instanceof Error ? error : {}
  const reason = cause instanceof Error ? cause.message : String(error)
  return new Error(`through the proxy ${proxy}: ${reason}`)
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
