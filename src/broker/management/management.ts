/** What can be managed in a broker, ours or a real Dex: connectors, clients, passwords, refresh tokens. */
import type { GroupRules } from '../../config/dex/group-rules.ts'
import type { DiagnosticStep } from '../connectors/connector.ts'
import type { JsonObject } from '../store/store.ts'

export interface ConnectorRecord {
  readonly id: string
  readonly type: string
  readonly name: string
  /** Raised by one on every update; a text (a hash) where the other side has none (Dex). */
  readonly version: number | string
  /** As it was given, secrets in clear: only for `--show-secrets`, never for a log. */
  readonly config: JsonObject
  /** Rules for the names of groups and the grants it may be used for, as they were given; absent where they were not. */
  readonly groups?: JsonObject
  readonly grantTypes?: readonly string[]
  /** `file`: from the configuration, and read-only here. */
  readonly origin: 'file' | 'store'
}

/** What create and update get. On update, what is absent stays as it is; `config` is replaced whole. */
export interface ConnectorChange {
  readonly id: string
  readonly type?: string
  readonly name?: string
  /** Must be the old version + 1; absent: whatever is there is replaced, if nobody else does so at the same time. */
  readonly version?: number | string
  readonly config?: JsonObject
  readonly groups?: JsonObject
  readonly grantTypes?: readonly string[]
}

export interface ChangeOptions {
  /** Without opening the connector first. */
  readonly force: boolean
  /** Everything but the writing. */
  readonly dryRun?: boolean
}

export interface ClientRecord {
  readonly id: string
  readonly name: string
  /** Right after creation, and for whoever asks for it by name; never listed. */
  readonly secret?: string
  readonly redirectUris: readonly string[]
  readonly trustedPeers: readonly string[]
  readonly public: boolean
  readonly logoUrl: string
  readonly rules?: ClientRules
  readonly origin: 'file' | 'store'
}

/** What only our broker knows of an application; a Dex has none of it. */
export interface ClientRules {
  readonly postLogoutRedirectUris: readonly string[]
  /** Empty: it is not told. */
  readonly backchannelLogoutUri: string
  readonly refreshTokenLifetime: 'standalone' | 'session'
  /** Empty: all. */
  readonly allowedConnectors: readonly string[]
  /** Always required of public clients. */
  readonly pkce: 'required' | 'optional'
  readonly groups: GroupRules
}

/** What create gets: id and secret are made where they are absent. */
export interface NewClient extends ClientChange {
  readonly secret?: string
  readonly public?: boolean
}

/** What an update gets, too: what is absent stays as it is. */
export interface ClientChange {
  readonly id?: string
  readonly name?: string
  readonly redirectUris?: readonly string[]
  readonly trustedPeers?: readonly string[]
  readonly logoUrl?: string
  readonly rules?: Partial<ClientRules>
}

export interface PasswordRecord {
  readonly email: string
  readonly username: string
  readonly userId: string
  /** Absent in a Dex, whose API knows none. */
  readonly groups?: readonly string[]
  readonly origin: 'file' | 'store'
}

export interface NewPassword {
  readonly email: string
  /** bcrypt's text. */
  readonly hash: string
  readonly username: string
  readonly userId: string
  readonly groups?: readonly string[]
}

export interface PasswordChange {
  readonly email: string
  readonly hash?: string
  readonly username?: string
  readonly groups?: readonly string[]
}

export interface RefreshTokenRecord {
  readonly id: string
  readonly clientId: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly lastUsedAt: number
}

export type ManagementFailure =
  | 'exists'
  | 'not-found'
  /** Somebody else was faster, or the version is not old + 1. */
  | 'conflict'
  /** It comes from the configuration file. */
  | 'read-only'
  /** The settings are wrong. */
  | 'invalid'
  /** The settings are right, and the source does not answer as it should. */
  | 'does-not-work'
  /** The other side cannot do it. */
  | 'unsupported'
  | 'unreachable'

/** The message is for people: "cannot X: Y, got Z". It never holds a secret. */
export class ManagementError extends Error {
  readonly failure: ManagementFailure
  /** More lines, and the way out. */
  readonly details: readonly string[]

  constructor(
    failure: ManagementFailure,
    message: string,
    options: { details?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ManagementError'
    this.failure = failure
    this.details = options.details ?? []
  }
}

/** Every method may reject with a ManagementError. */
export interface Management {
  listConnectors(): Promise<readonly ConnectorRecord[]>
  getConnector(id: string): Promise<ConnectorRecord>
  createConnector(change: ConnectorChange, options: ChangeOptions): Promise<ConnectorRecord>
  updateConnector(change: ConnectorChange, options: ChangeOptions): Promise<ConnectorRecord>
  deleteConnector(id: string): Promise<void>
  /** Walks the connection; the last steps say which claims and `sub` result, and which routes they open. */
  testConnector(id: string, options: { user: string | undefined; signal: AbortSignal }): AsyncIterable<DiagnosticStep>

  listClients(): Promise<readonly ClientRecord[]>
  getClient(id: string, options?: { readonly showSecret: boolean }): Promise<ClientRecord>
  /** The answer holds the secret. */
  createClient(client: NewClient): Promise<ClientRecord>
  updateClient(client: ClientChange & { readonly id: string }): Promise<ClientRecord>
  deleteClient(id: string): Promise<void>

  listPasswords(): Promise<readonly PasswordRecord[]>
  createPassword(password: NewPassword): Promise<void>
  updatePassword(password: PasswordChange): Promise<void>
  deletePassword(email: string): Promise<void>
  verifyPassword(email: string, password: string): Promise<boolean>

  /** `subject` is the `sub` of tokens. */
  listRefreshTokens(subject: string): Promise<readonly RefreshTokenRecord[]>
  /** How many were ended. Without `clientId`, all of them and the user's browser sessions, too. */
  revoke(subject: string, clientId?: string): Promise<number>

  discovery(): Promise<JsonObject>
  /** Lifetimes by Pachyderm's names; nothing where the other side does not tell. */
  lifetimes(): Promise<JsonObject>
  version(): Promise<{ readonly server: string; readonly api: number }>
}
