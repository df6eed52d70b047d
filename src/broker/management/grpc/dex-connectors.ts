/** Connectors of a real Dex: without versions of its own, and kept without being tried. */
import { createHash } from 'node:crypto'
import type { DiagnosticStep } from '../../connectors/connector.ts'
import type { JsonObject } from '../../store/store.ts'
import { type ConnectorChange, type ConnectorRecord, type Management, ManagementError } from '../management.ts'
import { missing, taken } from '../refusals.ts'
import type { Message } from './dex-api.ts'
import type { DexClient } from './dex-client.ts'

type ConnectorCalls = Pick<
  Management,
  'listConnectors' | 'getConnector' | 'createConnector' | 'updateConnector' | 'deleteConnector' | 'testConnector'
>

export function connectorsOf(dex: DexClient): ConnectorCalls {
  const list = async () => (await dex.call('ListConnectors')).connectors.map(connectorOf)
  const get = async (verb: 'show' | 'update', id: string) => {
    const found = (await list()).find((connector) => connector.id === id)
    if (!found) throw missing(verb, 'connector', id)
    return found
  }

  return {
    listConnectors: list,
    getConnector: (id) => get('show', id),

    async createConnector({ id, type = '', name = '', config = {}, groups, grantTypes }, { dryRun = false }) {
      refuseOurs(groups, grantTypes)
      if (id === '' || type === '' || name === '')
        throw new ManagementError('invalid', `cannot create connector "${id}": it needs an id, a type and a name`)
      const record: ConnectorRecord = { id, type, name, config, version: hashOf(type, name, config), origin: 'store' }
      if (dryRun) {
        if ((await list()).some((connector) => connector.id === id)) throw taken('connector', id)
        return record
      }
      const { already_exists } = await dex.call('CreateConnector', {
        connector: { id, type, name, config: octetsOf(config) },
      })
      if (already_exists) throw taken('connector', id)
      return record
    },

    // Dex compares nothing when it writes: we look just before and just after, which leaves a gap of milliseconds.
    async updateConnector(change, { dryRun = false }) {
      refuseOurs(change.groups, change.grantTypes)
      const { id } = change
      const old = await get('update', id)
      if (typeof change.version === 'string' && change.version !== old.version)
        throw new ManagementError(
          'conflict',
          `cannot update connector "${id}": the version must be ${old.version} (what is there), got ${change.version}`,
          { details: ['somebody changed it since you looked: look again with get-connector'] },
        )
      const next = merged(old, change)
      if (dryRun) return next
      const { not_found } = await dex.call('UpdateConnector', {
        id,
        ...(next.type !== old.type && { new_type: next.type }),
        ...(next.name !== old.name && { new_name: next.name }),
        // Dex 2.45 takes an update without it for broken JSON.
        new_config: octetsOf(next.config),
      })
      if (not_found) throw missing('update', 'connector', id)
      const now = await get('update', id)
      if (now.version !== next.version)
        throw new ManagementError('conflict', `cannot tell what connector "${id}" is now: somebody wrote it as well`, {
          details: ['look at it with get-connector'],
        })
      return next
    },

    async deleteConnector(id) {
      if ((await dex.call('DeleteConnector', { id })).not_found) throw missing('delete', 'connector', id)
    },

    // biome-ignore lint/correctness/useYield: it refuses before the first step.
    async *testConnector(id): AsyncGenerator<DiagnosticStep> {
      throw new ManagementError('unsupported', `cannot test connector "${id}": Dex has no such call`, {
        details: ['keep its file, and test it in a broker of ours: ostiary idp test ID --socket PATH'],
      })
    },
  }
}

function connectorOf({ id, type, name, config }: Message<'Connector'>): ConnectorRecord {
  let settings: JsonObject = {}
  try {
    const parsed: unknown = JSON.parse(config.toString('utf8') || '{}')
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) settings = parsed as JsonObject
  } catch {
    // Dex takes care that it is JSON; what another program keeps there cannot be shown.
  }
  return { id, type, name, version: hashOf(type, name, settings), config: settings, origin: 'store' }
}

function merged(old: ConnectorRecord, change: ConnectorChange): ConnectorRecord {
  const [type, name, config] = [change.type || old.type, change.name || old.name, change.config ?? old.config]
  return { ...old, type, name, config, version: hashOf(type, name, config) }
}

function octetsOf(config: JsonObject): Buffer {
  return Buffer.from(JSON.stringify(config))
}

/** Stands for what was seen, since Dex tells no version. In the order of the keys, as Dex keeps the octets it was given. */
function hashOf(type: string, name: string, config: JsonObject): string {
  return createHash('sha256')
    .update(JSON.stringify([type, name, config]))
    .digest('hex')
    .slice(0, 16)
}

function refuseOurs(groups: unknown, grantTypes: unknown): void {
  if (groups === undefined && grantTypes === undefined) return
  throw new ManagementError('unsupported', 'cannot keep rules for groups or grants: Dex knows them not', {
    details: ['take groups and grantTypes out of the file'],
  })
}
