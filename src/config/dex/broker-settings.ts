/** The broker's settings after reading: Dex's config.yaml (or the values of its chart), checked and whole. */
import type { Secret } from '../../crypto/secret.ts'
import type { Milliseconds } from '../../wire/units.ts'
import type { Place } from '../place.ts'
import type { ConnectorSettings } from './connectors/connector-settings.ts'
import type { GroupRules } from './group-rules.ts'

export type StorageSettings =
  | { readonly type: 'memory' }
  /** Absolute path. */
  | { readonly type: 'sqlite3'; readonly file: string }
  | {
      readonly type: 'postgres'
      readonly host: string
      readonly port: number
      readonly database: string
      readonly user: string
      readonly password: Secret | undefined
      readonly connectionTimeout: Milliseconds
      readonly maxOpenConns: number
      /** `disable`, `require` (no check of the name), `verify-ca`, `verify-full` (the default), and PEM texts. */
      readonly ssl: {
        readonly mode: 'disable' | 'require' | 'verify-ca' | 'verify-full'
        readonly ca: string | undefined
        readonly cert: string | undefined
        readonly key: Secret | undefined
      }
    }

export interface ClientSettings {
  readonly id: string
  readonly name: string
  /** Absent: a public client without a secret. */
  readonly secret: Secret | undefined
  readonly redirectURIs: readonly string[]
  readonly postLogoutRedirectURIs: readonly string[]
  readonly backchannelLogoutURI: string | undefined
  readonly trustedPeers: readonly string[]
  readonly public: boolean
  readonly logoURL: string
  /** Ours: `required` refuses requests without a challenge. Always required of public clients. */
  readonly pkce: 'required' | 'optional'
  /** Empty: all. */
  readonly allowedConnectors: readonly string[]
  readonly groups: GroupRules | undefined
  readonly refreshTokenLifetime: 'standalone' | 'session'
}

export interface StaticPassword {
  readonly email: string
  /** bcrypt, already out of its base64. */
  readonly hash: string
  readonly username: string
  readonly name: string
  readonly preferredUsername: string
  readonly emailVerified: boolean
  readonly userID: string
  readonly groups: readonly string[]
}

export interface BrokerSettings {
  /** Byte for byte as written; a trailing slash counts. */
  readonly issuer: string
  readonly storage: StorageSettings
  readonly web: {
    /** `HOST:PORT`; where neither is set, the broker is reached through the proxy's own listener only. */
    readonly http: string | undefined
    readonly https: string | undefined
    /** PEM texts. */
    readonly tls: { readonly cert: string; readonly key: Secret; readonly minVersion: '1.2' | '1.3' } | undefined
    readonly allowedOrigins: readonly string[]
    readonly allowedHeaders: readonly string[]
    readonly headers: Readonly<Record<string, string>>
    /** Header that names the client, believed from these networks (CIDR). */
    readonly clientRemoteIP: { readonly header: string; readonly trustedProxies: readonly string[] } | undefined
  }
  readonly grpc:
    | {
        readonly addr: string
        readonly tls: { readonly cert: string; readonly key: Secret; readonly clientCA: string } | undefined
      }
    | undefined
  readonly expiry: {
    readonly idTokens: Milliseconds
    readonly authRequests: Milliseconds
    readonly deviceRequests: Milliseconds
    readonly signingKeys: Milliseconds
    readonly refreshTokens: {
      readonly disableRotation: boolean
      readonly reuseInterval: Milliseconds
      /** 0: no limit. */
      readonly validIfNotUsedFor: Milliseconds
      readonly absoluteLifetime: Milliseconds
    }
  }
  readonly signer: { readonly algorithm: 'RS256' | 'ES256' }
  readonly oauth2: {
    readonly grantTypes: readonly string[]
    readonly skipApprovalScreen: boolean
    readonly alwaysShowLoginScreen: boolean
    readonly pkceEnforce: boolean
  }
  readonly sessions: {
    readonly absoluteLifetime: Milliseconds
    readonly validIfNotUsedFor: Milliseconds
    readonly rememberMeCheckedByDefault: boolean
  }
  readonly staticClients: readonly ClientSettings[]
  readonly connectors: readonly ConnectorSettings[]
  /** The `local` connector: its users are these, and those made by management. */
  readonly enablePasswordDB: boolean
  readonly staticPasswords: readonly StaticPassword[]
  readonly frontend: { readonly issuer: string; readonly logoURL: string; readonly theme: 'light' | 'dark' | undefined }
  /** Absolute path of the administration socket; undefined: none. */
  readonly adminSocket: string | undefined
  /** Where the configuration says so, for messages. */
  readonly source: Place
}
