/** The connectors of the configuration as the book takes them: the users of the file are one, too. */

import type { BrokerSettings } from '../config/dex/broker-settings.ts'
import type { ConnectorSettings } from '../config/dex/connectors/connector-settings.ts'
import { digestText } from '../crypto/random.ts'

/** Dex's names for the connector that `enablePasswordDB` brings. */
export const localConnectorId = 'local'

export function declaredConnectors(settings: BrokerSettings): readonly ConnectorSettings[] {
  if (!settings.enablePasswordDB) return settings.connectors
  const local = {
    type: 'local',
    id: localConnectorId,
    name: 'Email',
    config: {},
    // Other users make it another connector: whoever is under way finishes with the old ones.
    raw: { users: digestText(JSON.stringify(settings.staticPasswords)) },
    groups: undefined,
    grantTypes: [],
  }
  // Not a type that a file can name, as in Dex: it is there where `enablePasswordDB` says so.
  return [...settings.connectors, local as unknown as ConnectorSettings]
}

export function isLocal(settings: { readonly type: string }): boolean {
  return settings.type === 'local'
}
