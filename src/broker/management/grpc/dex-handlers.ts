/** Dex's calls on top of Management: the same fields for "exists already" and "not found", and Dex's reading of what is empty. */
import { status } from '@grpc/grpc-js'
import { randomText } from '../../../crypto/random.ts'
import type { JsonObject, JsonValue } from '../../store/store.ts'
import { type Management, ManagementError, type ManagementFailure } from '../management.ts'
import { parseBounded } from '../operations.ts'
import { CallFailed } from './call-failed.ts'
import { clientChange, clientMessage } from './client-messages.ts'
import type { Answered, Asked, MethodName, Sent } from './dex-api.ts'

export type Handlers = {
  readonly [M in MethodName]: (asked: Asked<M>, options: { readonly force: boolean }) => Promise<Sent<Answered<M>>>
}

export function dexHandlers(management: Management): Handlers {
  return {
    /** With the secret, as in Dex: programs compare it with what they would have written. */
    async GetClient({ id }) {
      return { client: clientMessage(await management.getClient(id, { showSecret: true })) }
    },

    async CreateClient({ client }) {
      const { id, secret, public: isPublic, ...rest } = given('client', client)
      const change = clientChange(rest)
      return await unlessExists(async () => {
        const made = await management.createClient({
          id: id || randomText(16),
          ...(secret !== '' && { secret }),
          public: isPublic,
          ...change,
        })
        return { client: clientMessage(made) }
      })
    },

    async UpdateClient({ id, ...asked }) {
      need({ id })
      const change = clientChange(asked)
      return await unlessMissing(() => management.updateClient({ id, ...change }))
    },

    DeleteClient: async ({ id }) => await unlessMissing(() => management.deleteClient(id)),

    async ListClients() {
      return { clients: (await management.listClients()).map(clientMessage) }
    },

    async CreatePassword({ password }) {
      const { email, hash, username, user_id } = given('password', password)
      need({ email, hash, user_id })
      const user = { email, hash: hash.toString('utf8'), username, userId: user_id }
      return await unlessExists(async () => {
        await management.createPassword(user)
        return {}
      })
    },

    async UpdatePassword({ email, new_hash, new_username }) {
      need({ email })
      if (new_hash.length === 0 && new_username === '')
        throw new CallFailed(status.INVALID_ARGUMENT, 'nothing to update was given')
      return await unlessMissing(() =>
        management.updatePassword({
          email,
          ...(new_hash.length > 0 && { hash: new_hash.toString('utf8') }),
          ...(new_username !== '' && { username: new_username }),
        }),
      )
    },

    async DeletePassword({ email }) {
      need({ email })
      return await unlessMissing(() => management.deletePassword(email))
    },

    /** Without the hashes, as in Dex. */
    async ListPasswords() {
      const passwords = await management.listPasswords()
      return { passwords: passwords.map(({ email, username, userId }) => ({ email, username, user_id: userId })) }
    },

    async VerifyPassword({ email, password }) {
      need({ email, password })
      return await orInstead(async () => ({ verified: await management.verifyPassword(email, password) }), {
        failure: 'not-found',
        instead: { not_found: true },
      })
    },

    async CreateConnector({ connector }, { force }) {
      const { id, type, name, config, grant_types: grantTypes } = given('connector', connector)
      need({ id, type, name, config })
      const change = { id, type, name, config: settingsOf(config), ...(grantTypes.length > 0 && { grantTypes }) }
      return await unlessExists(async () => {
        await management.createConnector(change, { force })
        return {}
      })
    },

    async UpdateConnector({ id, new_type, new_name, new_config, new_grant_types }, { force }) {
      need({ id })
      const change = {
        id,
        ...(new_type !== '' && { type: new_type }),
        ...(new_name !== '' && { name: new_name }),
        ...(new_config.length > 0 && { config: settingsOf(new_config) }),
        ...(new_grant_types && { grantTypes: new_grant_types.grant_types }),
      }
      if (Object.keys(change).length === 1) throw new CallFailed(status.INVALID_ARGUMENT, 'nothing to update was given')
      return await unlessMissing(() => management.updateConnector(change, { force }))
    },

    async DeleteConnector({ id }) {
      need({ id })
      return await unlessMissing(() => management.deleteConnector(id))
    },

    /** With the secrets, as in Dex: programs compare them with what they would have written. */
    async ListConnectors() {
      const connectors = await management.listConnectors()
      return {
        connectors: connectors.map(({ id, type, name, config, grantTypes = [] }) => ({
          ...{ id, type, name, grant_types: grantTypes },
          config: Buffer.from(JSON.stringify(config)),
        })),
      }
    },

    async ListRefresh({ user_id }) {
      const tokens = await management.listRefreshTokens(user_id)
      return {
        refresh_tokens: tokens.map(({ id, clientId, createdAt, lastUsedAt }) => ({
          id,
          client_id: clientId,
          created_at: Math.floor(createdAt / 1_000),
          last_used: Math.floor(lastUsedAt / 1_000),
        })),
      }
    },

    /** Of one client only: without its id it would end everything of the user's, which nobody of Dex's users expects. */
    async RevokeRefresh({ user_id, client_id }) {
      need({ user_id, client_id })
      return { not_found: (await management.revoke(user_id, client_id)) === 0 }
    },

    GetVersion: async () => await management.version(),

    async GetDiscovery() {
      const document = await management.discovery()
      const text = (name: string) => (typeof document[name] === 'string' ? document[name] : '')
      return {
        issuer: text('issuer'),
        authorization_endpoint: text('authorization_endpoint'),
        token_endpoint: text('token_endpoint'),
        jwks_uri: text('jwks_uri'),
        userinfo_endpoint: text('userinfo_endpoint'),
        device_authorization_endpoint: text('device_authorization_endpoint'),
        introspection_endpoint: text('introspection_endpoint'),
        grant_types_supported: texts(document['grant_types_supported']),
        response_types_supported: texts(document['response_types_supported']),
        subject_types_supported: texts(document['subject_types_supported']),
        id_token_signing_alg_values_supported: texts(document['id_token_signing_alg_values_supported']),
        code_challenge_methods_supported: texts(document['code_challenge_methods_supported']),
        scopes_supported: texts(document['scopes_supported']),
        token_endpoint_auth_methods_supported: texts(document['token_endpoint_auth_methods_supported']),
        claims_supported: texts(document['claims_supported']),
      }
    },
  }
}

/** What Dex insists on as well: texts and octets that are not empty, by their names. */
function need(fields: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, value] of Object.entries(fields))
    if (value.length === 0) throw new CallFailed(status.INVALID_ARGUMENT, `no ${name} was given`)
}

function given<T>(name: string, value: T | null): T {
  if (value !== null) return value
  throw new CallFailed(status.INVALID_ARGUMENT, `no ${name} was given`)
}

function settingsOf(config: Buffer): JsonObject {
  const settings = parseBounded(config.toString('utf8'))
  if (typeof settings === 'object' && settings !== null && !Array.isArray(settings)) return settings as JsonObject
  throw new CallFailed(status.INVALID_ARGUMENT, 'expected the config of a connector as a JSON object')
}

async function unlessExists<T>(act: () => Promise<T>): Promise<T | { already_exists: boolean }> {
  return await orInstead(act, { failure: 'exists', instead: { already_exists: true } })
}

async function unlessMissing(act: () => Promise<unknown>): Promise<{ not_found: boolean }> {
  const found = async () => {
    await act()
    return { not_found: false }
  }
  return await orInstead(found, { failure: 'not-found', instead: { not_found: true } })
}

async function orInstead<T, I>(
  act: () => Promise<T>,
  { failure, instead }: { readonly failure: ManagementFailure; readonly instead: I },
): Promise<T | I> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof ManagementError && error.failure === failure) return instead
    throw error
  }
}

function texts(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
