/** Applications that may send people here: declared in the file, or made by management and kept in the store. */
import type { ClientMetadata } from 'oidc-provider'
import type { ClientSettings } from '../../config/dex/broker-settings.ts'
import { compileGroupRules, type RenameGroups } from '../group-rules.ts'
import { proofOfSecret } from './client-credentials.ts'

/** A client as the broker serves it. */
export interface BrokerClient extends ClientSettings {
  readonly renameGroups: RenameGroups
}

/** Reads a client that management made, or undefined. */
export type FindStoredClient = (id: string) => Promise<ClientSettings | undefined>

export class ClientBook {
  readonly #stored: FindStoredClient
  #declared = new Map<string, BrokerClient>()

  constructor(declared: readonly ClientSettings[], stored: FindStoredClient) {
    this.#stored = stored
    this.declare(declared)
  }

  /** Replaces the clients of the file. */
  declare(clients: readonly ClientSettings[]): void {
    this.#declared = new Map(clients.map((client) => [client.id, compile(client)]))
  }

  /** Those of the file win: they are what the operator reads. */
  async find(id: string): Promise<BrokerClient | undefined> {
    const declared = this.#declared.get(id)
    if (declared) return declared
    const stored = await this.#stored(id)
    return stored && compile(stored)
  }

  /** What stands for the client's secret where the library compares. */
  async proofOf(id: string): Promise<string | undefined> {
    const secret = (await this.find(id))?.secret?.reveal()
    return secret === undefined ? undefined : proofOfSecret(secret)
  }
}

function compile(client: ClientSettings): BrokerClient {
  return { ...client, renameGroups: compileGroupRules(client.groups) }
}

/** Whether people may come to this client through that connector; a client that names none takes all. */
export function allowsConnector(
  client: Pick<ClientSettings, 'allowedConnectors'> | undefined,
  connectorId: string,
): boolean {
  const allowed = client?.allowedConnectors ?? []
  return allowed.length === 0 || allowed.includes(connectorId)
}

/** In the place of an address: the code is shown, and carried over by hand. */
export const outOfBand = 'urn:ietf:wg:oauth:2.0:oob'
const loopback = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?(?:[/?]|$)/

/**
 * Whether the browser may be sent there: one of the registered addresses, character for character (RFC 9700 §2.1). A
 * public client without any may use loopback with any port (RFC 8252 §7.3), or show the code.
 */
export function mayRedirectTo(client: Pick<ClientRules, 'public' | 'redirectURIs'>, uri: string): boolean {
  if (client.redirectURIs.includes(uri)) return true
  if (!client.public) return false
  if (client.redirectURIs.length === 0)
    return uri === outOfBand || (loopback.test(uri) && URL.canParse(uri) && !uri.includes('#'))
  const asked = withoutLoopbackPort(uri)
  return asked !== undefined && client.redirectURIs.some((registered) => withoutLoopbackPort(registered) === asked)
}

/** A loopback address by number without its port, which a native application cannot know beforehand (RFC 8252 §7.3). */
function withoutLoopbackPort(uri: string): string | undefined {
  const match = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::\d{1,5})?((?:[/?].*)?)$/.exec(uri)
  return match ? `${match[1]}${match[2]}` : undefined
}

/** Never used: addresses are compared by `mayRedirectTo`, and the provider wants one. */
const placeholder = 'https://redirect.invalid/'

export interface MetadataOptions {
  readonly grantTypes: readonly string[]
  readonly algorithm: 'RS256' | 'ES256'
  /** All clients have to send a challenge. */
  readonly pkceEnforce: boolean
}

/** What of the client is judged by us, kept beside the library's own metadata. */
export interface ClientRules {
  readonly public: boolean
  readonly redirectURIs: readonly string[]
  readonly postLogoutRedirectURIs: readonly string[]
  readonly needsPkce: boolean
  /** Refresh tokens end with the browser session. */
  readonly endsWithSession: boolean
}

/** The rules that stand in a client of the library. */
export function rulesOf(client: object): ClientRules {
  return (client as { readonly ostiary: ClientRules }).ostiary
}

/** The client in the library's words. Both ways to send the secret are taken, whichever stands here. */
export function metadataOf(client: ClientSettings, options: MetadataOptions): ClientMetadata {
  const secret = client.secret?.reveal()
  return {
    client_id: client.id,
    ...(client.name !== '' && { client_name: client.name }),
    ...(secret === undefined
      ? { token_endpoint_auth_method: 'none' as const }
      : { client_secret: proofOfSecret(secret), token_endpoint_auth_method: 'client_secret_basic' as const }),
    redirect_uris: [placeholder],
    post_logout_redirect_uris: client.postLogoutRedirectURIs.length > 0 ? [placeholder] : [],
    ...(client.backchannelLogoutURI !== undefined && { backchannel_logout_uri: client.backchannelLogoutURI }),
    backchannel_logout_session_required: true,
    grant_types: [...options.grantTypes],
    response_types: ['code'],
    id_token_signed_response_alg: options.algorithm,
    ostiary: {
      public: client.public,
      redirectURIs: client.redirectURIs,
      postLogoutRedirectURIs: client.postLogoutRedirectURIs,
      // A public client has nothing else that holds a stolen code off (RFC 9700 §2.1.1).
      needsPkce: client.public || client.pkce === 'required' || options.pkceEnforce,
      endsWithSession: client.refreshTokenLifetime === 'session',
    } satisfies ClientRules,
  }
}
