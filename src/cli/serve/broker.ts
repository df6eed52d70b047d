/** The broker of this process, opened beside the proxy: its log, its pages, its management, and what each knows of the other. */
import { readFile } from 'node:fs/promises'
import { callerHeader } from '../../broker/doors.ts'
import { openAdminSocket } from '../../broker/management/admin-socket.ts'
import { openGrpcApi } from '../../broker/management/grpc/grpc-api.ts'
import { type Broker, openBroker } from '../../broker/open-broker.ts'
import type { BrokerSettings } from '../../config/dex/broker-settings.ts'
import type { Secret } from '../../crypto/secret.ts'
import type { Log } from '../../observe/log.ts'
import type { Content } from '../../respond/html.ts'
import { brokerPages } from '../../respond/pages/broker.ts'
import type { BrokerAccess } from '../../snapshot/broker-route.ts'
import { readRunTimeConnector } from '../broker/read-connector.ts'

export interface BrokerTools {
  log(): Pick<Log, 'event'>
  /** Under the password form; the demo tells its users there. */
  readonly hint?: Content
  readonly routesOpenTo?: NonNullable<Parameters<typeof openBroker>[0]['routesOpenTo']>
  readonly onRevoked?: (subject: string, at: number) => void
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
      audit: ({ act, outcome, ...details }) =>
        event(outcome === 'failed' ? 'warn' : 'info', `${act} ${outcome}`, { act, outcome, ...details }),
      log: event,
      version: await ownVersion(),
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
    access: { issuer: settings.issuer, inside: doors.inside, callerHeader, proof: doors.proof, own: doors.own },
    async reload(next) {
      await broker.reload(next)
      return fixed
        .filter((key) => JSON.stringify(next[key]) !== JSON.stringify(settings[key]))
        .map((key) => `broker.${key}`)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** As package.json says. */
async function ownVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8'))
  return (manifest as { version: string }).version
}

/** What only a new process takes. */
const fixed = ['issuer', 'storage', 'web', 'grpc', 'expiry', 'signer', 'oauth2', 'sessions', 'adminSocket'] as const
