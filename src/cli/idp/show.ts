/** How connectors and clients are shown: Pachyderm's YAML, or JSON; secrets masked unless they are asked for. */
import { stringify } from 'yaml'
import type { ClientRecord, ClientRules, ConnectorRecord } from '../../broker/management/management.ts'
import { maskSecrets } from '../../broker/management/secret-keys.ts'
import type { JsonObject } from '../../broker/store/store.ts'

export type Format = 'json' | 'yaml'

/** With keys as Pachyderm prints them. */
export function connectorText(
  connector: ConnectorRecord,
  { format, showSecrets }: { readonly format: Format; readonly showSecrets: boolean },
): string {
  const { id, name, type, version, groups, grantTypes, origin } = connector
  const config = showSecrets ? connector.config : maskSecrets(connector.config)
  const more = { ...(groups && { groups }), ...(grantTypes && { grantTypes }) }
  if (format === 'json') return jsonText({ id, name, type, version, config, ...more, origin })
  const note = origin === 'file' ? '# from the configuration file: it is changed there\n' : ''
  return note + yamlText({ ID: id, Name: name, Type: type, Version: version, Config: config, ...more })
}

export function clientText({ origin, rules, ...client }: ClientRecord, format: Format): string {
  if (format === 'json') return jsonText({ ...client, ...rules, origin })
  const { id, name, secret, redirectUris, trustedPeers, public: isPublic, logoUrl } = client
  const note = origin === 'file' ? '# from the configuration file: it is changed there\n' : ''
  return `${note}${yamlText({
    ID: id,
    Name: name,
    ...(secret !== undefined && { Secret: secret }),
    RedirectURIs: redirectUris,
    TrustedPeers: trustedPeers,
    Public: isPublic,
    ...(logoUrl !== '' && { LogoURL: logoUrl }),
    ...(rules && rulesShown(rules)),
  })}`
}

/** Those that say something. */
function rulesShown(rules: ClientRules) {
  const { postLogoutRedirectUris, backchannelLogoutUri, refreshTokenLifetime, allowedConnectors, pkce, groups } = rules
  const hasGroupRules = groups.allow.length > 0 || Object.keys(groups.map).length > 0 || groups.prefix !== ''
  return {
    ...(postLogoutRedirectUris.length > 0 && { PostLogoutRedirectURIs: postLogoutRedirectUris }),
    ...(backchannelLogoutUri !== '' && { BackchannelLogoutURI: backchannelLogoutUri }),
    ...(refreshTokenLifetime !== 'standalone' && { RefreshTokenLifetime: refreshTokenLifetime }),
    ...(allowedConnectors.length > 0 && { AllowedConnectors: allowedConnectors }),
    ...(pkce === 'required' && { PKCE: pkce }),
    ...(hasGroupRules && { Groups: groups }),
  }
}

export function documentText(value: JsonObject | readonly JsonObject[], format: Format): string {
  return format === 'json' ? jsonText(value) : yamlText(value)
}

/** JSON says controls by number, so that the text is the same for a program and harmless for a terminal. */
function jsonText(value: unknown): string {
  const escaped = (found: string) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`
  return `${JSON.stringify(value, undefined, 2)}\n`.replace(/[\u007f-\u009f\u2028\u2029]/g, escaped)
}

function yamlText(value: unknown): string {
  return stringify(value, { lineWidth: 0 }).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g, '?')
}
