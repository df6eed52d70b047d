/** The connectors that can be configured, by type; the order is that of the reference page. */
import type { GroupRules } from '../broker-settings.ts'
import type { LdapSettings } from './ldap.ts'

/** Settings of each type. */
export interface ConnectorConfigs {
  readonly ldap: LdapSettings
}

export type ConnectorType = keyof ConnectorConfigs

interface Common {
  readonly id: string
  readonly name: string
  /** As it was written, decoded to JSON with variables put in: for management, and to see whether something changed. */
  readonly raw: Readonly<Record<string, unknown>>
  readonly groups: GroupRules | undefined
  /** Grants it may be used for; empty: all. */
  readonly grantTypes: readonly string[]
}

/** One connector, checked. */
export type ConnectorSettings = {
  readonly [T in ConnectorType]: Common & { readonly type: T; readonly config: ConnectorConfigs[T] }
}[ConnectorType]
