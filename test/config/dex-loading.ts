/** Reads brokers that exist in memory only, as `loading.ts` does for the proxy. */
import { resolve } from 'node:path'
import type { BrokerSettings } from '#src/config/dex/broker-settings.ts'
import type { ConnectorSettings } from '#src/config/dex/connectors/connector-settings.ts'
import {
  type BrokerConfiguration,
  type BrokerConfigurationOptions,
  readBrokerConfiguration,
} from '#src/config/dex/read-broker-configuration.ts'
import { brief } from './loading.ts'

/** What no broker can be without, and a storage, so that nothing is warned about. */
export const DEX = `issuer: https://dex.corp.test/dex
storage: {type: memory}
enablePasswordDB: true
`

export const LDAP = `connectors:
  - type: ldap
    id: ldap
    name: FreeIPA
    config:
      host: ldap.corp.test
      bindDN: uid=dex
      bindPW: dex-bind-pw
      userSearch: {baseDN: "dc=corp,dc=test", username: mail, idAttr: uidNumber, emailAttr: mail}
`

export interface BrokerLoading extends Partial<Omit<BrokerConfigurationOptions, 'readFile' | 'cwd'>> {
  readonly beside?: Readonly<Record<string, string>>
}

/** Loads `dex.yaml` (and what lies beside it) from /etc/dex, with /gate as the working directory. */
export async function loadBroker(
  text: string,
  { beside = {}, ...options }: BrokerLoading = {},
): Promise<BrokerConfiguration> {
  const texts = new Map(
    Object.entries({ 'dex.yaml': text, ...beside }).map(([path, content]) => [resolve('/etc/dex', path), content]),
  )
  const readFile = async (path: string): Promise<string> => {
    const content = texts.get(path)
    if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
    return content
  }
  return await readBrokerConfiguration({ file: '/etc/dex/dex.yaml', env: {}, ...options, cwd: '/gate', readFile })
}

/** The settings; throws with the problems where there are any. */
export async function brokerOf(text: string, options: BrokerLoading = {}): Promise<BrokerSettings> {
  const read = await loadBroker(text, options)
  if (read.kind === 'ok') return read.settings
  throw new Error(brief(read.problems).join('\n'))
}

/** `line:column path message` of each problem, with its hint in brackets; throws where there are none. */
export async function brokerProblems(text: string, options: BrokerLoading = {}): Promise<readonly string[]> {
  const read = await loadBroker(text, options)
  if (read.kind === 'problems') return read.problems.map(inBrief)
  throw new Error('the configuration was accepted')
}

export async function brokerWarnings(text: string, options: BrokerLoading = {}): Promise<readonly string[]> {
  return (await loadBroker(text, options)).warnings.map(inBrief)
}

export function inBrief(problem: {
  readonly line: number
  readonly column: number
  readonly path: string
  readonly message: string
  readonly hint: string | undefined
}): string {
  const { line, column, path, message, hint } = problem
  return `${line}:${column} ${path} ${message}${hint === undefined ? '' : ` [${hint}]`}`
}

/** The settings of the one connector, which must be of this type. */
export function onlyConnector<T extends ConnectorSettings['type']>(
  settings: BrokerSettings,
  type: T,
): Extract<ConnectorSettings, { readonly type: T }> {
  const [connector, ...more] = settings.connectors
  if (connector?.type !== type || more.length > 0) throw new Error(`one connector of type ${type} was expected`)
  return connector as Extract<ConnectorSettings, { readonly type: T }>
}
