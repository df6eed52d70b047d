/** The broker of this process, opened beside the proxy: its log, its pages, its management, and what each knows of the other. */
import { readFile } from 'node:fs/promises'
import { type BrokerDoors, callerHeader, openBrokerDoors } from '../../broker/doors.ts'
import { openAdminSocket } from '../../broker/management/admin-socket.ts'
import { openGrpcApi } from '../../broker/management/grpc/grpc-api.ts'
import { type Broker, openBroker } from '../../broker/open-broker.ts'
import type { BrokerPages } from '../../broker/views.ts'
import type { BrokerSettings } from '../../config/dex/broker-settings.ts'
import type { Secret } from '../../crypto/secret.ts'
import type { Log } from '../../observe/log.ts'
import { proxiesInWords, proxiesOf } from '../../outbound/environment-proxy.ts'
import type { Content } from '../../respond/html.ts'
import { brokerPages } from '../../respond/pages/broker.ts'
import type { BrokerAccess } from '../../snapshot/broker-route.ts'
import { readRunTimeConnector } from '../broker/read-connector.ts'
import { readSourceFile } from '../broker/read-source-file.ts'
import { type OpenedBroker, OpeningBroker } from './opening-broker.ts'

export interface BrokerTools {
  log(): Pick<Log, 'event'>
  /** Under the password form; the demo tells its users there. */
  readonly hint?: Content
  readonly routesOpenTo?: NonNullable<Parameters<typeof openBroker>[0]['routesOpenTo']>
  readonly onRevoked?: (subject: string, at: number) => void
  /** Where its store is away, it is waited for, and nothing is rejected. */
  readonly waits?: boolean
  /** HTTP_PROXY and its like, for calls to services behind connectors. */
  readonly env: Readonly<Record<string, string | undefined>>
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
  const event: Event = (level, message, details = {}) => log().event(level, message, { service: 'broker', ...details })
  const pages = brokerPages(hint === undefined ? {} : { hint })
  const opening: OpeningBroker = new OpeningBroker({
    settings,
    pages,
    open: (current) => openBehind(current, { ...tools, event, pages, doors }),
    warn: (message, error) => event('warn', message, { error }),
  })
  // The doors are closed first, while what is behind them still answers.
  opened.use(opening)
  const doors = opened.use(await openBrokerDoors(settings.web, opening.front))
  await opening.open({ waits: tools.waits ?? false })
  event('info', 'broker', { issuer: settings.issuer, addresses: doors.outside })
  const proxies = proxiesInWords(tools.env)
  if (proxies.length > 0) event('info', 'services behind connectors are asked through proxies', { proxies })
  const owned = opened.move()
  const print = (one: BrokerSettings, key: (typeof fixed)[number]) =>
    JSON.stringify(key === 'web' ? { ...one.web, tls: one.web.tls !== undefined } : one[key])
  const changed = (next: BrokerSettings) => fixed.filter((key) => print(next, key) !== print(settings, key))
  return {
    access: { issuer: settings.issuer, inside: doors.inside, callerHeader, proof: doors.proof, own: doors.own },
    async reload(next) {
      doors.replaceTls(next.web.tls)
      await opening.reload({ ...next, ...Object.fromEntries(fixed.map((key) => [key, settings[key]])) })
      return changed(next).map((key) => `broker.${key}`)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

type Event = (level: 'info' | 'warn' | 'error', message: string, details?: Readonly<Record<string, unknown>>) => void

/** All of the broker that needs its store: what stands behind the doors, and its management. */
async function openBehind(
  settings: BrokerSettings,
  { event, pages, doors, ...tools }: BrokerTools & { event: Event; pages: BrokerPages; doors: BrokerDoors },
): Promise<OpenedBroker> {
  await using opened = new AsyncDisposableStack()
  const broker: Broker = opened.use(
    await openBroker({
      settings,
      storeSecrets: tools.storeSecrets,
      pages,
      doors,
      readConnector: readRunTimeConnector,
      readFile: readSourceFile,
      proxyFor: proxiesOf(tools.env),
      now: Date.now,
      audit: ({ act, outcome, ...details }) =>
        event(outcome === 'failed' ? 'warn' : 'info', `${act} ${outcome}`, { act, outcome, ...details }),
      log: event,
      version: await ownVersion(),
      ...(tools.routesOpenTo && { routesOpenTo: tools.routesOpenTo }),
      ...(tools.onRevoked && { onRevoked: tools.onRevoked }),
    }),
  )
  const { management, front } = broker
  const log = { event }
  if (settings.adminSocket !== undefined) {
    opened.use(await openAdminSocket({ path: settings.adminSocket, management, log }))
    event('info', 'administration socket', { path: settings.adminSocket })
  } else
    event('info', 'no administration socket', { hint: 'admin.socket in the configuration of the broker names one' })
  if (settings.grpc) {
    const { addr, tls } = settings.grpc
    const api = opened.use(await openGrpcApi({ addr, tls, management, log }))
    event('info', "Dex's gRPC API", { address: api.address })
  }
  const owned = opened.move()
  return {
    front,
    reload: (next) => broker.reload(next),
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
