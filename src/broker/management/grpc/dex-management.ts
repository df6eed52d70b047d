/** Management of a real Dex over its gRPC API, as far as that can; what it cannot is said, with the way out. */
import { createHash } from 'node:crypto'
import type { DiagnosticStep } from '../../connectors/connector.ts'
import type { JsonObject } from '../../store/store.ts'
import {
  type ClientRecord,
  type ConnectorChange,
  type ConnectorRecord,
  type Management,
  ManagementError,
} from '../management.ts'
import type { Message } from './dex-api.ts'
import { type DexClient, type DexClientOptions, openDexClient } from './dex-client.ts'

/** Nothing is sent before the first call. */
export function dexManagement(options: DexClientOptions): Management & AsyncDisposable {
  const dex = openDexClient(options)
  return {
    ...connectorsOf(dex),
    ...clientsOf(dex),
    ...usersOf(dex),

    async discovery() {
      const { issuer, ...rest } = await dex.call('GetDiscovery')
      return { issuer, ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value.length > 0)) }
    },

    async version() {
      const { server, api } = await dex.call('GetVersion')
      return { server, api }
    },

    [Symbol.asyncDispose]: () => dex[Symbol.asyncDispose](),
  }
}

type ConnectorCalls = Pick<
  Management,
  'listConnectors' | 'getConnector' | 'createConnector' | 'updateConnector' | 'deleteConnector' | 'testConnector'
>

function connectorsOf(dex: DexClient): ConnectorCalls {
  const list = async () => (await dex.call('ListConnectors')).connectors.map(connectorOf)
  const get = async (verb: string, id: string) => {
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

type ClientCalls = Pick<Management, 'listClients' | 'getClient' | 'createClient' | 'updateClient' | 'deleteClient'>

function clientsOf(dex: DexClient): ClientCalls {
  return {
    async listClients() {
      return (await dex.call('ListClients')).clients.map(clientOf)
    },

    async getClient(id) {
      const { client } = await dex.call('GetClient', { id }).catch((error: unknown) => {
        // Dex has no field for it here: the storage's "not found" comes as an unknown error.
        if (error instanceof ManagementError && /not found/i.test(error.message)) throw missing('show', 'client', id)
        throw error
      })
      if (!client) throw missing('show', 'client', id)
      return clientOf(client)
    },

    async createClient({
      id = '',
      name = '',
      secret = '',
      redirectUris = [],
      trustedPeers = [],
      logoUrl = '',
      ...given
    }) {
      const { already_exists, client } = await dex.call('CreateClient', {
        client: {
          id,
          name,
          secret,
          redirect_uris: redirectUris,
          trusted_peers: trustedPeers,
          public: given.public ?? false,
          logo_url: logoUrl,
        },
      })
      if (already_exists) throw taken('client', id)
      if (!client) throw new ManagementError('unreachable', 'cannot understand the answer: it has no client')
      return { ...clientOf(client), ...(client.secret !== '' && { secret: client.secret }) }
    },

    async updateClient({ id, name = '', redirectUris, trustedPeers, logoUrl = '' }) {
      for (const [what, list] of Object.entries({ 'redirect addresses': redirectUris, 'trusted peers': trustedPeers }))
        if (list?.length === 0)
          throw new ManagementError(
            'unsupported',
            `cannot empty the ${what} of client "${id}": Dex keeps what is empty`,
            {
              details: ['delete the client and create it again'],
            },
          )
      const { not_found } = await dex.call('UpdateClient', {
        id,
        name,
        logo_url: logoUrl,
        redirect_uris: redirectUris ?? [],
        trusted_peers: trustedPeers ?? [],
      })
      if (not_found) throw missing('update', 'client', id)
      return await this.getClient(id)
    },

    async deleteClient(id) {
      if ((await dex.call('DeleteClient', { id })).not_found) throw missing('delete', 'client', id)
    },
  }
}

type UserCalls = Pick<
  Management,
  | 'listPasswords'
  | 'createPassword'
  | 'updatePassword'
  | 'deletePassword'
  | 'verifyPassword'
  | 'listRefreshTokens'
  | 'revoke'
>

function usersOf(dex: DexClient): UserCalls {
  const refreshTokens = async (subject: string) =>
    (await dex.call('ListRefresh', { user_id: subject })).refresh_tokens.map((token) => ({
      id: token.id,
      clientId: token.client_id,
      createdAt: token.created_at * 1_000,
      lastUsedAt: token.last_used * 1_000,
    }))
  return {
    async listPasswords() {
      return (await dex.call('ListPasswords')).passwords.map(({ email, username, user_id }) => ({
        email,
        username,
        userId: user_id,
        origin: 'store' as const,
      }))
    },

    async createPassword({ email, hash, username, userId }) {
      const password = { email, hash: Buffer.from(hash), username, user_id: userId }
      if ((await dex.call('CreatePassword', { password })).already_exists) throw taken('user', email)
    },

    async updatePassword({ email, hash, username = '' }) {
      const asked = { email, new_username: username, ...(hash !== undefined && { new_hash: Buffer.from(hash) }) }
      if ((await dex.call('UpdatePassword', asked)).not_found) throw missing('update', 'user', email)
    },

    async deletePassword(email) {
      if ((await dex.call('DeletePassword', { email })).not_found) throw missing('delete', 'user', email)
    },

    async verifyPassword(email, password) {
      const { verified, not_found } = await dex.call('VerifyPassword', { email, password })
      if (not_found) throw missing('verify', 'user', email)
      return verified
    },

    listRefreshTokens: refreshTokens,

    async revoke(subject, clientId) {
      const all = clientId === undefined ? (await refreshTokens(subject)).map((token) => token.clientId) : [clientId]
      const ended = []
      for (const client of all)
        if (!(await dex.call('RevokeRefresh', { user_id: subject, client_id: client })).not_found) ended.push(client)
      return ended.length
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

function clientOf(client: Omit<Message<'ClientInfo'>, never>): ClientRecord {
  return {
    id: client.id,
    name: client.name,
    redirectUris: client.redirect_uris,
    trustedPeers: client.trusted_peers,
    public: client.public,
    logoUrl: client.logo_url,
    origin: 'store',
  }
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

function taken(kind: string, id: string): ManagementError {
  return new ManagementError('exists', `cannot create ${kind} "${id}": it exists already`)
}

function missing(verb: string, kind: string, id: string): ManagementError {
  return new ManagementError('not-found', `cannot ${verb} ${kind} ${JSON.stringify(id.slice(0, 128))}: there is none`)
}
