/**
 * Dex's management API (package `api`, service `Dex`) as far as we speak it, by the numbers of its fields. Fields that
 * newer versions have besides are skipped when they come, as protobuf does.
 */
import type { ServiceDefinition } from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'

type Kind = 'string' | 'bool' | 'bytes' | 'int32' | 'int64'

interface Field {
  readonly id: number
  readonly type: Kind | keyof typeof messages
  readonly rule?: 'repeated'
}

const one = <const T extends string>(id: number, type: T) => ({ id, type })
const many = <const T extends string>(id: number, type: T) => ({ id, type, rule: 'repeated' as const })

const messages = {
  Client: {
    id: one(1, 'string'),
    secret: one(2, 'string'),
    redirect_uris: many(3, 'string'),
    trusted_peers: many(4, 'string'),
    public: one(5, 'bool'),
    name: one(6, 'string'),
    logo_url: one(7, 'string'),
    // Of newer versions than 2.45, from here on, as in the messages below.
    allowed_connectors: many(8, 'string'),
    sso_shared_with: many(9, 'string'),
    backchannel_logout_uri: one(10, 'string'),
    post_logout_redirect_uris: many(11, 'string'),
    refresh_token_lifetime: one(12, 'string'),
  },
  ClientInfo: {
    id: one(1, 'string'),
    redirect_uris: many(2, 'string'),
    trusted_peers: many(3, 'string'),
    public: one(4, 'bool'),
    name: one(5, 'string'),
    logo_url: one(6, 'string'),
    allowed_connectors: many(7, 'string'),
    sso_shared_with: many(8, 'string'),
    backchannel_logout_uri: one(9, 'string'),
    post_logout_redirect_uris: many(10, 'string'),
    refresh_token_lifetime: one(11, 'string'),
  },
  GetClientReq: { id: one(1, 'string') },
  GetClientResp: { client: one(1, 'Client') },
  CreateClientReq: { client: one(1, 'Client') },
  CreateClientResp: { already_exists: one(1, 'bool'), client: one(2, 'Client') },
  UpdateClientReq: {
    id: one(1, 'string'),
    redirect_uris: many(2, 'string'),
    trusted_peers: many(3, 'string'),
    name: one(4, 'string'),
    logo_url: one(5, 'string'),
    allowed_connectors: many(6, 'string'),
    sso_shared_with: many(7, 'string'),
    backchannel_logout_uri: one(8, 'string'),
    post_logout_redirect_uris: many(9, 'string'),
    refresh_token_lifetime: one(10, 'string'),
  },
  DeleteClientReq: { id: one(1, 'string') },
  /** What every update, deletion and revocation answers. */
  NotFoundResp: { not_found: one(1, 'bool') },
  ListClientResp: { clients: many(1, 'ClientInfo') },
  Password: { email: one(1, 'string'), hash: one(2, 'bytes'), username: one(3, 'string'), user_id: one(4, 'string') },
  CreatePasswordReq: { password: one(1, 'Password') },
  AlreadyExistsResp: { already_exists: one(1, 'bool') },
  UpdatePasswordReq: { email: one(1, 'string'), new_hash: one(2, 'bytes'), new_username: one(3, 'string') },
  DeletePasswordReq: { email: one(1, 'string') },
  ListPasswordResp: { passwords: many(1, 'Password') },
  VerifyPasswordReq: { email: one(1, 'string'), password: one(2, 'string') },
  VerifyPasswordResp: { verified: one(1, 'bool'), not_found: one(2, 'bool') },
  Connector: {
    id: one(1, 'string'),
    type: one(2, 'string'),
    name: one(3, 'string'),
    config: one(4, 'bytes'),
    grant_types: many(5, 'string'),
  },
  CreateConnectorReq: { connector: one(1, 'Connector') },
  UpdateConnectorReq: {
    id: one(1, 'string'),
    new_type: one(2, 'string'),
    new_name: one(3, 'string'),
    new_config: one(4, 'bytes'),
    new_grant_types: one(5, 'GrantTypes'),
  },
  /** A message of its own, so that "all" can be told from "as they are". */
  GrantTypes: { grant_types: many(1, 'string') },
  DeleteConnectorReq: { id: one(1, 'string') },
  ListConnectorResp: { connectors: many(1, 'Connector') },
  RefreshTokenRef: {
    id: one(1, 'string'),
    client_id: one(2, 'string'),
    created_at: one(5, 'int64'),
    last_used: one(6, 'int64'),
  },
  ListRefreshReq: { user_id: one(1, 'string') },
  ListRefreshResp: { refresh_tokens: many(1, 'RefreshTokenRef') },
  RevokeRefreshReq: { user_id: one(1, 'string'), client_id: one(2, 'string') },
  VersionResp: { server: one(1, 'string'), api: one(2, 'int32') },
  DiscoveryResp: {
    issuer: one(1, 'string'),
    authorization_endpoint: one(2, 'string'),
    token_endpoint: one(3, 'string'),
    jwks_uri: one(4, 'string'),
    userinfo_endpoint: one(5, 'string'),
    device_authorization_endpoint: one(6, 'string'),
    introspection_endpoint: one(7, 'string'),
    grant_types_supported: many(8, 'string'),
    response_types_supported: many(9, 'string'),
    subject_types_supported: many(10, 'string'),
    id_token_signing_alg_values_supported: many(11, 'string'),
    code_challenge_methods_supported: many(12, 'string'),
    scopes_supported: many(13, 'string'),
    token_endpoint_auth_methods_supported: many(14, 'string'),
    claims_supported: many(15, 'string'),
  },
  Empty: {},
} as const satisfies Readonly<Record<string, Readonly<Record<string, { id: number; type: string; rule?: 'repeated' }>>>>

/** What is asked and what is answered. Names of messages are not on the wire: equal ones are written once. */
const methods = {
  GetClient: ['GetClientReq', 'GetClientResp'],
  CreateClient: ['CreateClientReq', 'CreateClientResp'],
  UpdateClient: ['UpdateClientReq', 'NotFoundResp'],
  DeleteClient: ['DeleteClientReq', 'NotFoundResp'],
  ListClients: ['Empty', 'ListClientResp'],
  CreatePassword: ['CreatePasswordReq', 'AlreadyExistsResp'],
  UpdatePassword: ['UpdatePasswordReq', 'NotFoundResp'],
  DeletePassword: ['DeletePasswordReq', 'NotFoundResp'],
  ListPasswords: ['Empty', 'ListPasswordResp'],
  VerifyPassword: ['VerifyPasswordReq', 'VerifyPasswordResp'],
  CreateConnector: ['CreateConnectorReq', 'AlreadyExistsResp'],
  UpdateConnector: ['UpdateConnectorReq', 'NotFoundResp'],
  DeleteConnector: ['DeleteConnectorReq', 'NotFoundResp'],
  ListConnectors: ['Empty', 'ListConnectorResp'],
  ListRefresh: ['ListRefreshReq', 'ListRefreshResp'],
  RevokeRefresh: ['RevokeRefreshReq', 'NotFoundResp'],
  GetVersion: ['Empty', 'VersionResp'],
  GetDiscovery: ['Empty', 'DiscoveryResp'],
} as const satisfies Readonly<Record<string, readonly [keyof typeof messages, keyof typeof messages]>>

export type MethodName = keyof typeof methods

export const methodNames = Object.keys(methods) as readonly MethodName[]

interface Scalars {
  readonly string: string
  readonly bool: boolean
  readonly bytes: Buffer
  readonly int32: number
  readonly int64: number
}

type ValueOf<T extends string> = T extends keyof Scalars
  ? Scalars[T]
  : T extends keyof typeof messages
    ? Message<T>
    : never

/** A message as it is after decoding: every field there, empty where it was not sent; a message that was not sent is null. */
export type Message<N extends keyof typeof messages> = {
  readonly [F in keyof (typeof messages)[N]]: (typeof messages)[N][F] extends {
    rule: 'repeated'
    type: infer T extends string
  }
    ? readonly ValueOf<T>[]
    : (typeof messages)[N][F] extends { type: infer T extends string }
      ? T extends keyof Scalars
        ? ValueOf<T>
        : ValueOf<T> | null
      : never
}

export type Asked<M extends MethodName> = Message<(typeof methods)[M][0]>
export type Answered<M extends MethodName> = Message<(typeof methods)[M][1]>

/** What may be sent: empty fields may be left out. */
export type Sent<T> = { readonly [F in keyof T]?: T[F] extends object | null ? Loose<T[F]> : T[F] }
type Loose<V> = V extends readonly (infer I)[]
  ? readonly Loose<I>[]
  : V extends Buffer
    ? V
    : V extends object
      ? Sent<V>
      : V

/** Ways to write and read each message, as the gRPC library takes them. */
export function dexService(): ServiceDefinition {
  const nested: Record<string, object> = {}
  for (const [name, fields] of Object.entries(messages))
    nested[name] = { fields: { ...(fields satisfies Readonly<Record<string, Field>>) } }
  nested['Dex'] = {
    methods: Object.fromEntries(
      Object.entries(methods).map(([name, [requestType, responseType]]) => [name, { requestType, responseType }]),
    ),
  }
  const loaded = fromJSON(
    { nested: { api: { nested } } },
    { keepCase: true, longs: Number, defaults: true, arrays: true, objects: false, oneofs: false },
  )
  const service = loaded['api.Dex']
  if (!service || 'format' in service) throw new TypeError('cannot load the management API: it has no service')
  return service
}
