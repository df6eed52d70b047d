/** What management keeps in the store, a kind each, and how it is read again. Nobody else writes these kinds. */
import type { ClientSettings } from '../../config/dex/broker-settings.ts'
import type { GroupRules } from '../../config/dex/group-rules.ts'
import { Secret } from '../../crypto/secret.ts'
import type { JsonObject, JsonValue, Store, StoredRecord } from '../store/store.ts'
import type { ClientRules, ConnectorRecord } from './management.ts'

export const kinds = {
  connector: 'Connector',
  /** Digest of a connector of the file, so that a reload can tell what changed. */
  fileConnector: 'FileConnector',
  client: 'Client',
  password: 'Password',
} as const

/** A user of the `local` connector that management made. The id of the record is the address in lower case. */
export interface StoredPassword {
  readonly email: string
  /** bcrypt. */
  readonly hash: string
  readonly username: string
  readonly userId: string
  readonly groups: readonly string[]
}

export interface StoredClient {
  readonly id: string
  readonly name: string
  readonly secret: string | undefined
  readonly redirectUris: readonly string[]
  readonly trustedPeers: readonly string[]
  readonly public: boolean
  readonly logoUrl: string
  readonly rules: ClientRules
}

/** Of a client that says nothing of it. */
export const usualRules: ClientRules = {
  postLogoutRedirectUris: [],
  backchannelLogoutUri: '',
  refreshTokenLifetime: 'standalone',
  allowedConnectors: [],
  pkce: 'optional',
  groups: { allow: [], map: {}, prefix: '' },
}

export function readStoredPassword({ value }: StoredRecord): StoredPassword {
  return {
    email: text(value['email']),
    hash: text(value['hash']),
    username: text(value['username']),
    userId: text(value['userId']),
    groups: texts(value['groups']),
  }
}

export function readStoredClient({ id, value }: StoredRecord): StoredClient {
  return {
    id,
    name: text(value['name']),
    secret: typeof value['secret'] === 'string' ? value['secret'] : undefined,
    redirectUris: texts(value['redirectUris']),
    trustedPeers: texts(value['trustedPeers']),
    public: value['public'] === true,
    logoUrl: text(value['logoUrl']),
    rules: readRules(value['rules']),
  }
}

/** Records of older versions have none. */
function readRules(value: JsonValue | undefined): ClientRules {
  if (!isObject(value)) return usualRules
  return {
    postLogoutRedirectUris: texts(value['postLogoutRedirectUris']),
    backchannelLogoutUri: text(value['backchannelLogoutUri']),
    refreshTokenLifetime: value['refreshTokenLifetime'] === 'session' ? 'session' : 'standalone',
    allowedConnectors: texts(value['allowedConnectors']),
    pkce: value['pkce'] === 'required' ? 'required' : 'optional',
    groups: readGroupRules(value['groups']),
  }
}

function readGroupRules(value: JsonValue | undefined): GroupRules {
  if (!isObject(value)) return usualRules.groups
  const map = isObject(value['map']) ? value['map'] : {}
  return {
    allow: texts(value['allow']),
    map: Object.fromEntries(Object.entries(map).map(([name, other]) => [name, text(other)])),
    prefix: text(value['prefix']),
  }
}

function isUsual({ allow, map, prefix }: GroupRules): boolean {
  return allow.length === 0 && Object.keys(map).length === 0 && prefix === ''
}

export function printStoredClient({ id: _, secret, rules, ...rest }: StoredClient): JsonObject {
  return {
    ...rest,
    ...(secret !== undefined && { secret }),
    rules: { ...rules, groups: { ...rules.groups, map: { ...rules.groups.map } } },
  }
}

/** For whoever serves clients: one that management made, in the words of the configuration. */
export function findStoredClient(store: Store): (id: string) => Promise<ClientSettings | undefined> {
  return async (id) => {
    const record = await store.get(kinds.client, id)
    if (!record) return undefined
    const { name, secret, redirectUris, trustedPeers, public: isPublic, logoUrl, rules } = readStoredClient(record)
    return {
      id,
      name,
      secret: secret === undefined ? undefined : new Secret(secret),
      redirectURIs: redirectUris,
      postLogoutRedirectURIs: rules.postLogoutRedirectUris,
      backchannelLogoutURI: rules.backchannelLogoutUri || undefined,
      trustedPeers,
      public: isPublic,
      logoURL: logoUrl,
      pkce: isPublic ? 'required' : rules.pkce,
      allowedConnectors: rules.allowedConnectors,
      groups: isUsual(rules.groups) ? undefined : rules.groups,
      refreshTokenLifetime: rules.refreshTokenLifetime,
    }
  }
}

/** For the `local` connector: a user that management made. */
export function findStoredPassword(store: Store): (email: string) => Promise<StoredPassword | undefined> {
  return async (email) => {
    const record = await store.get(kinds.password, email.toLowerCase())
    return record && readStoredPassword(record)
  }
}

export function readStoredConnector({ id, value }: StoredRecord): ConnectorRecord {
  return {
    id,
    type: text(value['type']),
    name: text(value['name']),
    version: typeof value['version'] === 'number' ? value['version'] : 0,
    config: isObject(value['config']) ? value['config'] : {},
    ...(isObject(value['groups']) && { groups: value['groups'] }),
    ...(Array.isArray(value['grantTypes']) && { grantTypes: texts(value['grantTypes']) }),
    origin: 'store',
  }
}

export function printStoredConnector({ id: _, origin: __, ...rest }: ConnectorRecord): JsonObject {
  return { ...rest }
}

/** All records of a kind, as many as a store lists at once: nobody has more of what is managed by hand. */
export async function allOf(store: Store, kind: string): Promise<readonly StoredRecord[]> {
  return await store.list(kind, { limit: 10_000 })
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

function texts(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
