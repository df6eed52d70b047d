/** Management of our own broker: over its store and its book of connectors. */
import type { ConnectorSettings } from '../../config/dex/connectors/connector-settings.ts'
import type { JsonObject } from '../store/store.ts'
import { diagnoseConnector, type RoutesOpenTo } from './diagnose-connector.ts'
import { type LocalClientOptions, localClients } from './local-clients.ts'
import { type LocalConnectorOptions, LocalConnectors, type Reconciliation } from './local-connectors.ts'
import { type LocalUserOptions, localPasswords, localRefreshTokens } from './local-users.ts'
import type { Management } from './management.ts'

export interface LocalManagementOptions extends LocalConnectorOptions, LocalClientOptions, LocalUserOptions {
  readonly routesOpenTo?: RoutesOpenTo
  readonly discovery: () => JsonObject | Promise<JsonObject>
  readonly lifetimes: () => JsonObject
  /** `ostiary 1.2.3`. */
  readonly server: string
}

export interface LocalManagement extends Management {
  /** Takes the connectors of the file into service, and tells what changed since the last start or reload. */
  reconcile(connectors: readonly ConnectorSettings[]): Promise<Reconciliation>
  /** Takes into service what another instance has changed in the same store; to be called now and then. */
  refresh(): Promise<void>
}

/** The level of Dex's API that ours answers like. */
const DEX_API = 3

export function localManagement(options: LocalManagementOptions): LocalManagement {
  const connectors = new LocalConnectors(options)
  const { book, routesOpenTo, discovery, lifetimes, server } = options
  return {
    listConnectors: () => connectors.list(),
    getConnector: (id) => connectors.get(id),
    createConnector: (change, how) => connectors.create(change, how),
    updateConnector: (change, how) => connectors.update(change, how),
    deleteConnector: (id) => connectors.delete(id),
    testConnector: (id, { user, signal }) => diagnoseConnector(id, { book, routesOpenTo, user, signal }),
    reconcile: (declared) => connectors.reconcile(declared),
    refresh: () => connectors.refresh(),
    ...localClients(options),
    ...localPasswords(options),
    ...localRefreshTokens(options),
    discovery: async () => await discovery(),
    lifetimes: async () => lifetimes(),
    version: async () => ({ server, api: DEX_API }),
  }
}

/** What a start or a reload did, in a line for the log; undefined where it did nothing. */
export function reconciliationText({ created, updated, deleted, shadowed }: Reconciliation): string | undefined {
  const parts = [
    ['created', created],
    ['updated', updated],
    ['deleted', deleted],
    ['shadowed by the file', shadowed],
  ] as const
  const told = parts.filter(([, ids]) => ids.length > 0).map(([verb, ids]) => `${verb} ${ids.join(', ')}`)
  return told.length === 0 ? undefined : `connectors of the configuration: ${told.join('; ')}`
}
