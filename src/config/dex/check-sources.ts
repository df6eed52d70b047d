/** Whether people come back from the sources, and whether the settings of each go together; connectors tell that at a sign-in. */
import { printPath } from '../problem.ts'
import type { Checking } from './checking.ts'
import type { ConnectorSettings } from './connectors/connector-settings.ts'
import type { ReadConnector } from './read-connectors.ts'
import type { Path } from './read-section.ts'

export function checkSources(issuer: string | undefined, checking: Checking): void {
  for (const connector of checking.connectors) {
    const odd = missingOf(connector.settings) ?? contradictionOf(connector.settings)
    if (odd !== undefined) warnOf(odd, connector, checking)
    if (issuer !== undefined) checkWayBack(connector, { issuer, checking })
  }
}

/** Where sources send people back to: the broker's own `ISSUER/callback`. */
export function callbackOf(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/callback`
}

interface Odd {
  readonly key: string
  readonly message: string
  readonly hint: string
}

function warnOf({ key, message, hint }: Odd, { path, at }: ReadConnector, { findings }: Checking): void {
  const where: Path = ['config', key]
  findings.warn({ kind: 'doubtful', path: printPath([...path, ...where]), message, hint, span: at(where) })
}

/** What Dex does without in a connector that only exchanges tokens. */
function missingOf({ type, config }: ConnectorSettings): Odd | undefined {
  if (type !== 'oidc') return undefined
  const hint = 'add clientID, and as redirectURI the issuer of the broker with /callback'
  const nobody = 'nobody can sign in by this connector'
  if (config.clientID === '')
    return {
      ...{ key: 'clientID', hint },
      message: `there is no clientID: ${nobody}, and no token can be exchanged, as it could be meant for anybody`,
    }
  if (config.redirectURI !== '') return undefined
  return { key: 'redirectURI', hint, message: `there is no redirectURI: ${nobody}, it only exchanges tokens` }
}

const everybody: readonly string[] = ['common', 'organizations', 'consumers']

function contradictionOf({ type, config }: ConnectorSettings): Odd | undefined {
  const hint = 'until then nobody can sign in by this connector'
  switch (type) {
    case 'oidc':
      return config.allowedGroups.length > 0 && !config.insecureEnableGroups
        ? { key: 'allowedGroups', message: 'allowedGroups needs insecureEnableGroups: true, got none', hint }
        : undefined
    case 'google': {
      const hasAdmin = config.adminEmail !== '' || Object.keys(config.domainToAdminEmail).length > 0
      const hasAccount = config.serviceAccountFilePath !== ''
      if (hasAdmin !== hasAccount)
        return {
          ...{ key: hasAccount ? 'serviceAccountFilePath' : 'domainToAdminEmail', hint },
          message: 'serviceAccountFilePath and domainToAdminEmail belong together, got one without the other',
        }
      return config.groups.length > 0 && !hasAdmin
        ? { key: 'groups', message: 'groups needs serviceAccountFilePath and domainToAdminEmail, got neither', hint }
        : undefined
    }
    case 'microsoft':
      return config.groups.length > 0 && everybody.includes(config.tenant)
        ? { key: 'groups', message: `groups are those of one tenant, got tenant ${config.tenant}`, hint }
        : undefined
    default:
      return undefined
  }
}

function checkWayBack(
  { settings, path, at }: ReadConnector,
  { issuer, checking }: { readonly issuer: string; readonly checking: Checking },
): void {
  const { redirectURI: uri, insecureSkipIssuerCallbackDomainCheck: isElsewhere }: Readonly<Record<string, unknown>> = {
    ...settings.config,
  }
  if (typeof uri !== 'string' || uri === callbackOf(issuer) || isElsewhere === true) return
  const isOidc = settings.type === 'oidc'
  if (isOidc && uri === '') return
  const where: Path = ['config', 'redirectURI']
  checking.findings.error({
    kind: 'contradiction',
    path: printPath([...path, ...where]),
    message: `expected ${callbackOf(issuer)} (the issuer and /callback), got ${JSON.stringify(uri.slice(0, 200))}`,
    hint: `people would come back to another place, and no sign-in would end; register that address at the source as well${
      isOidc ? ' (insecureSkipIssuerCallbackDomainCheck: true where something in front brings them here)' : ''
    }`,
    span: at(where),
  })
}
