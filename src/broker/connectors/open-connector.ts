/** Opens a connector of any type: the list of all that there are. */
import type { ConnectorSettings } from '../../config/dex/connectors/connector-settings.ts'
import type { LocalUsers } from '../passwords/local-users.ts'
import type { PasswordChecker } from '../passwords/password-checker.ts'
import type { Connector, ConnectorTools } from './connector.ts'
import { openLdapConnector } from './ldap.ts'
import { openLocalConnector } from './local.ts'
import { openMockCallbackConnector, openMockPasswordConnector } from './mock.ts'

export interface OwnUsers {
  users(): LocalUsers
  readonly checker: PasswordChecker
}

export function openConnectorOf(settings: ConnectorSettings, tools: ConnectorTools, own: OwnUsers): Connector {
  switch (settings.type) {
    case 'ldap':
      return openLdapConnector(settings.config, tools)
  }
}
