/** The broker of this process, opened beside the proxy: its log, its pages, its management, and what each knows of the other. */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { callerHeader } from '../../broker/doors.ts'
import { openAdminSocket } from '../../broker/management/admin-socket.ts'
import { openGrpcApi } from '../../broker/management/grpc/grpc-api.ts'
import { type Broker, openBroker } from '../../broker/open-broker.ts'
import type { BrokerSettings, ClientSettings } from '../../config/dex/broker-settings.ts'
import type { Settings } from '../../config/schema.ts'
import { Secret } from '../../crypto/secret.ts'
import type { Log } from '../../observe/log.ts'
import type { Content } from '../../respond/html.ts'
import { brokerPages } from '../../respond/pages/broker.ts'
import type { BrokerAccess } from '../../snapshot/broker-route.ts'
import { readRunTimeConnector } from '../idp/read-connector.ts'

export interface BrokerTools {
  log(): Pick<Log, 'event'>
  readonly version: string
  /** Under the password form; the demo tells its users there. */
  readonly hint?: Content
  readonly routesOpenTo?: NonNullable<Parameters<typeof openBroker>[0]['routesOpenTo']>
  readonly onRevoked?: (subject: string) => void
  /** What seals the broker's store, where it is not a file's own key. */
  readonly storeSecrets: readonly Secret[]
}

export interface ServedBroker extends AsyncDisposable {
  readonly access: BrokerAccess
  /** Takes what can be taken without a restart; the names of what cannot. */
  reload(settings: BrokerSettings): Promise<readonly string[]>
}

/** Rejects where an address, the store or the administration socket cannot be had; then nothing is open. */
export async function openServedBroker(settings: BrokerSettings, tools: BrokerTools): Promise<ServedBroker> {
  await using opened = new AsyncDisposableStack()
  const { log, hint } = tools
  const event = (level: 'info' | 'warn' | 'error', message: string, details: Readonly<Record<string, unknown>> = {}) =>
    log().event(level, message, { service: 'broker', ...details })
  const broker: Broker = opened.use(
    await openBroker({
      settings,
      storeSecrets: tools.storeSecrets,
      pages: brokerPages(hint === undefined ? {} : { hint }),
      readConnector: readRunTimeConnector,
      readFile: (path) => readFile(path, 'utf8'),
      now: Date.now,
      audit: ({ outcome, ...details }) =>
        event(outcome === 'failed' ? 'warn' : 'info', `sign-in ${outcome}`, { outcome, ...details }),
      log: event,
      version: tools.version,
      ...(tools.routesOpenTo && { routesOpenTo: tools.routesOpenTo }),
      ...(tools.onRevoked && { onRevoked: tools.onRevoked }),
    }),
  )
  const { management, doors } = broker
  if (settings.adminSocket !== undefined) {
    opened.use(await openAdminSocket({ path: settings.adminSocket, management, log: log() }))
    event('info', 'administration socket', { path: settings.adminSocket })
  }
  if (settings.grpc) {
    const { addr, tls } = settings.grpc
    const api = opened.use(await openGrpcApi({ addr, tls, management, log: log() }))
    event('info', "Dex's gRPC API", { address: api.address })
  }
  event('info', 'broker', { issuer: settings.issuer, addresses: doors.outside })
  const owned = opened.move()
  return {
    access: { issuer: settings.issuer, inside: doors.inside, callerHeader, proof: doors.proof },
    async reload(next) {
      await broker.reload(next)
      return fixed
        .filter((key) => JSON.stringify(next[key]) !== JSON.stringify(settings[key]))
        .map((key) => `broker.${key}`)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** What only a new process takes. */
const fixed = ['issuer', 'storage', 'web', 'grpc', 'expiry', 'signer', 'oauth2', 'sessions', 'adminSocket'] as const

/** The proxy's own client at the broker beside it, where the configuration leaves out who signs people in. */
const ownClientId = 'ostiary'

/**
 * What the two halves of one configuration say together: without `idp_…` settings the proxy signs people in at the
 * broker beside it, as a client of its own; the client that it is there may come back after signing out.
 */
export function joinBroker(
  settings: Settings,
  ownSecret: Secret = new Secret(randomUUID()),
): { readonly settings: Settings; readonly broker: BrokerSettings } | undefined {
  const { broker, authenticate_service_url: origin } = settings
  if (!broker) return undefined
  if (!origin) return { settings, broker }
  const returns = {
    redirectURIs: [`${origin}/oauth2/callback`],
    postLogoutRedirectURIs: [`${origin}/.pomerium/signed_out`],
  }
  if (settings.idp_provider === undefined && settings.idp_client_id === undefined) {
    const client: ClientSettings = {
      ...{ id: ownClientId, name: 'Ostiary', secret: ownSecret, ...returns, backchannelLogoutURI: undefined },
      ...{ trustedPeers: [], public: false, logoURL: '', pkce: 'required', allowedConnectors: [], groups: undefined },
      refreshTokenLifetime: 'standalone',
    }
    return {
      settings: {
        ...settings,
        idp_provider: 'oidc',
        idp_provider_url: broker.issuer,
        idp_client_id: ownClientId,
        idp_client_secret: ownSecret,
        idp_scopes: settings.idp_scopes.length > 0 ? settings.idp_scopes : ownScopes,
      },
      broker: { ...broker, staticClients: [...broker.staticClients.filter(({ id }) => id !== ownClientId), client] },
    }
  }
  const isOurs = settings.idp_provider_url === broker.issuer
  const staticClients = broker.staticClients.map((client) =>
    isOurs && client.id === settings.idp_client_id
      ? { ...client, postLogoutRedirectURIs: [...client.postLogoutRedirectURIs, ...returns.postLogoutRedirectURIs] }
      : client,
  )
  return { settings, broker: { ...broker, staticClients } }
}

const ownScopes = ['openid', 'profile', 'email', 'groups', 'offline_access']
