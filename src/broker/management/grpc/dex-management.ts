/** Management of a real Dex over its gRPC API, as far as that can; what it cannot is said, with the way out. */
import { type ClientRecord, type Management, ManagementError } from '../management.ts'
import { missing, taken } from '../refusals.ts'
import type { Message } from './dex-api.ts'
import { type DexClient, type DexClientOptions, openDexClient } from './dex-client.ts'
import { connectorsOf } from './dex-connectors.ts'

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

    /** Its API does not tell them. */
    lifetimes: async () => ({}),

    async version() {
      const { server, api } = await dex.call('GetVersion')
      return { server, api }
    },

    [Symbol.asyncDispose]: () => dex[Symbol.asyncDispose](),
  }
}

type ClientCalls = Pick<Management, 'listClients' | 'getClient' | 'createClient' | 'updateClient' | 'deleteClient'>

function clientsOf(dex: DexClient): ClientCalls {
  return {
    async listClients() {
      return (await dex.call('ListClients')).clients.map(clientOf)
    },

    async getClient(id, { showSecret } = { showSecret: false }) {
      const { client } = await dex.call('GetClient', { id }).catch((error: unknown) => {
        // Dex has no field for it here: the storage's "not found" comes as an unknown error.
        if (error instanceof ManagementError && /not found/i.test(error.message)) throw missing('show', 'client', id)
        throw error
      })
      if (!client) throw missing('show', 'client', id)
      return { ...clientOf(client), ...(showSecret && client.secret !== '' && { secret: client.secret }) }
    },

    async createClient({
      id = '',
      name = '',
      secret = '',
      redirectUris = [],
      trustedPeers = [],
      logoUrl = '',
      rules,
      ...given
    }) {
      refuseRules(rules)
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

    async updateClient({ id, name = '', redirectUris, trustedPeers, logoUrl = '', rules }) {
      refuseRules(rules)
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
    (await dex.call('ListRefresh', { user_id: subject }).catch(noneForNoSubject)).refresh_tokens.map((token) => ({
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

    async createPassword({ email, hash, username, userId, groups }) {
      refuseGroups(groups)
      const password = { email, hash: Buffer.from(hash), username, user_id: userId }
      if ((await dex.call('CreatePassword', { password })).already_exists) throw taken('user', email)
    },

    async updatePassword({ email, hash, username = '', groups }) {
      refuseGroups(groups)
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
        if (
          !(await dex.call('RevokeRefresh', { user_id: subject, client_id: client }).catch(noneForNoSubject)).not_found
        )
          ended.push(client)
      return ended.length
    },
  }
}

/** Dex says of what is no `sub` that it cannot be decoded; nobody has tokens under it. */
function noneForNoSubject(error: unknown) {
  if (error instanceof ManagementError && /says "(?:proto:|illegal base64|unmarshal)/.test(error.message))
    return { refresh_tokens: [], not_found: true }
  throw error
}

/** What another program would drop without a word. */
function refuseRules(rules: object | undefined): void {
  const names = Object.keys(rules ?? {})
  if (names.length === 0) return
  throw new ManagementError('unsupported', `cannot keep ${names.join(', ')} of a client: Dex's API takes it not`, {
    details: ['take it out of the file'],
  })
}

function refuseGroups(groups: readonly string[] | undefined): void {
  if (groups === undefined) return
  throw new ManagementError('unsupported', "cannot keep groups of a user: Dex's API takes them not", {
    details: ['write the user into staticPasswords of its configuration file'],
  })
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
