/** Opens a connector of any type: the list of all that there are. */
import type { ConnectorSettings } from '../../config/dex/connectors/connector-settings.ts'
import { isLocal } from '../declared-connectors.ts'
import type { LocalUsers } from '../passwords/local-users.ts'
import type { PasswordChecker } from '../passwords/password-checker.ts'
import type { Connector, ConnectorTools } from './connector.ts'
import { openGithubConnector } from './github.ts'
import { openGitlabConnector } from './gitlab.ts'
import { openGoogleConnector } from './google.ts'
import { openLdapConnector } from './ldap.ts'
import { openLocalConnector } from './local.ts'
import { openMicrosoftConnector } from './microsoft.ts'
import { openMockCallbackConnector, openMockPasswordConnector } from './mock.ts'
import { openOauthConnector } from './oauth.ts'
import { openOidcConnector } from './oidc.ts'
import { openSamlConnector } from './saml.ts'

export interface OwnUsers {
  users(): LocalUsers
  readonly checker: PasswordChecker
}

export function openConnectorOf(
  settings: ConnectorSettings,
  tools: ConnectorTools,
  own: OwnUsers,
): Connector | Promise<Connector> {
  if (isLocal(settings)) {
    // The thread that compares passwords is the broker's, and stays when its users change.
    return { ...openLocalConnector(own.users(), tools, { checker: own.checker }), close: async () => {} }
  }
  return openDeclaredConnector(settings, tools)
}

/** One of those that a configuration can declare. Nobody is asked anything yet. */
export function openDeclaredConnector(
  settings: ConnectorSettings,
  tools: ConnectorTools,
): Connector | Promise<Connector> {
  switch (settings.type) {
    case 'ldap':
      return openLdapConnector(settings.config, tools)
    case 'oidc':
      return openOidcConnector(settings.config, tools)
    case 'github':
      return openGithubConnector(settings.config, tools)
    case 'gitlab':
      return openGitlabConnector(settings.config, tools)
    case 'google':
      return openGoogleConnector(settings.config, tools)
    case 'microsoft':
      return openMicrosoftConnector(settings.config, tools)
    case 'oauth':
      return openOauthConnector(settings.config, tools)
    case 'saml':
      return openSamlConnector(settings.config, tools)
    case 'mockCallback':
      return openMockCallbackConnector(tools)
    case 'mockPassword':
      return openMockPasswordConnector(settings.config, tools)
    default:
      return unknownType(settings)
  }
}

/** Only a store that another version has written can hold one. */
function unknownType(settings: never): never {
  throw new Error(`no connector is of the type ${JSON.stringify((settings as { type: unknown }).type)}`)
}
