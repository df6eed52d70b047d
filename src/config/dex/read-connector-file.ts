/** Files of `ostiary idp create-connector` and `update-connector`, and settings that come without a file. */
import type { JsonObject } from '../../broker/store/store.ts'
import { maskSecrets } from '../masks.ts'
import { type ConfigNode, type Entry, isBlank, type MapNode, placeOf, plainOf, spanAt } from '../node.ts'
import { type Place, Source } from '../place.ts'
import { Findings, type Problem, printPath } from '../problem.ts'
import { readYaml } from '../read-yaml.ts'
import { readYamlInside } from '../yaml-inside.ts'
import { goAnything } from './broker-sections.ts'
import { type ConnectorEntry, connectorEntries } from './connector-entries.ts'
import type { ConnectorSettings } from './connectors/connector-settings.ts'
import { goCount, goSection, goText, goTexts } from './go-types.ts'
import type { GroupRules } from './group-rules.ts'
import { groupRules } from './group-rules.ts'
import { readDexYaml } from './mended-yaml.ts'
import { type ReadConnector, readConnector } from './read-connectors.ts'
import { readSection } from './read-section.ts'
import { eachScalar } from './scalars.ts'

export interface ConnectorFileOptions {
  /** Of the file, for messages; `.json` is read as JSON. */
  readonly name: string
  /** False where the settings are for another program, which may know more types and keys. */
  readonly check?: boolean
  /** Only `id` has to be there: what is absent stays as it is. */
  readonly partial?: boolean
  readonly lenient?: boolean
}

export interface FileConnector {
  readonly id: string
  readonly type: string | undefined
  readonly name: string | undefined
  /** `version` of Pachyderm's files. */
  readonly version: number | undefined
  /** Instead of it: what `get-connector` prints for a Dex, which counts no versions. */
  readonly hash: string | undefined
  /** As it was written, decoded. */
  readonly config: JsonObject | undefined
  readonly groups: GroupRules | undefined
  readonly grantTypes: readonly string[]
  /** Where they were checked, and whole. */
  readonly settings: ConnectorSettings | undefined
  readonly place: Place
}

type Outcome<T> = ({ readonly kind: 'ok' } & T) | { readonly kind: 'problems'; readonly problems: readonly Problem[] }

export type ConnectorFile = Outcome<{ readonly connectors: readonly FileConnector[] }> & {
  readonly warnings: readonly Problem[]
}

const entrySection = goSection({
  id: goText(),
  type: goText().optional(),
  name: goText().optional(),
  version: goCount({ min: 0, max: Number.MAX_SAFE_INTEGER }).optional(),
  configVersion: goCount({ min: 0, max: Number.MAX_SAFE_INTEGER }).optional(),
  config: goAnything('map').optional(),
  jsonConfig: goAnything('JSON text').optional(),
  grantTypes: goTexts().prefault([]),
  groups: groupRules().optional(),
  /** `get-connector -o json` prints it: that is read again. */
  origin: goText().optional(),
})

/** Connectors of a text: one, a list, Dex's configuration, Pachyderm's Secret or file. Variables are not put in. */
export function readConnectorFile(text: string, options: ConnectorFileOptions): ConnectorFile {
  const findings = new Findings()
  const read = readText(text, { ...options, findings })
  reportTwice(read, findings)
  const connectors = read.map(({ connector }) => connector)
  const { errors: problems, warnings } = findings
  return problems.length > 0 ? { kind: 'problems', problems, warnings } : { kind: 'ok', connectors, warnings }
}

/** The same for a file that a configuration names: those whose settings are right, each with its place. */
export function connectorsOfFile(text: string, reading: Pick<Reading, 'name' | 'lenient' | 'findings'>) {
  return readText(text, reading).flatMap(({ whole }) => whole ?? [])
}

interface Reading extends ConnectorFileOptions {
  readonly findings: Findings
}

interface ReadEntry {
  readonly connector: FileConnector
  /** Where its settings were checked, and right. */
  readonly whole: ReadConnector | undefined
  readonly node: ConfigNode
}

function readText(text: string, reading: Reading): readonly ReadEntry[] {
  const { findings, name } = reading
  const node = readDexYaml(new Source('file', name, text), findings)
  if (node === undefined) return []
  maskSecrets(node)
  const entries = connectorEntries(node, findings) ?? []
  const read = entries.flatMap((entry) => readEntry(entry, reading) ?? [])
  if (entries.length === 0 && findings.errorCount === 0)
    findings.error({ kind: 'missing', path: '', message: 'there is no connector in it', span: node.span })
  return read
}

function readEntry({ node, path }: ConnectorEntry, reading: Reading): ReadEntry | undefined {
  const { findings, lenient = false, check = true, partial = false } = reading
  if (node.kind !== 'map') {
    const expected = 'a connector: a map with type, id, name and config'
    findings.mismatch({ path: printPath(path), expected, node })
    return undefined
  }
  const own = node.entries.find(({ key }) => /^redirect_?uris$/i.test(key))
  if (own !== undefined) {
    const message = 'this is an application, and no connector'
    const hint = 'create-client and update-client take it'
    findings.error({ kind: 'value', path: printPath([...path, own.key]), message, hint, span: own.keySpan })
    return undefined
  }
  const before = findings.errorCount
  const { hash, rest } = withoutHash(node)
  if (hash !== undefined && check)
    findings.warn({
      kind: 'ignored',
      path: printPath([...path, 'version']),
      message: 'this is the version of a connector of a Dex, and is not compared here',
      span: hash.span,
    })
  const entry = readSection(entrySection, rest, { path, findings, lenient, scalars: 'strict' })
  const config = configOf(entry.node, { path, findings })
  if (entry.value === undefined || findings.errorCount > before) return undefined
  const { id, type, name, version, configVersion, groups, grantTypes } = entry.value
  if (!partial) {
    const absent = { type, name, config }
    for (const key of ['type', 'name', 'config'] as const)
      if (absent[key] === undefined && !(key === 'config' && type === 'mockCallback'))
        findings.error({
          kind: 'missing',
          path: printPath([...path, key]),
          message: `"${key}" is missing`,
          span: node.span,
        })
  }
  if (config !== undefined) warnOfVariables(config, findings)
  const plain = type !== undefined && name !== undefined ? plainEntry(entry.node, config) : undefined
  const whole =
    plain !== undefined && check ? readConnector(plain, { path, findings, lenient, environment: undefined }) : undefined
  if (plain !== undefined && !check) warnForOther(plain, { path, findings })
  const connector = {
    id,
    type: type || undefined,
    name: name || undefined,
    version: version ?? configVersion,
    hash: hash?.written,
    config: config === undefined ? undefined : (plainOf(config, true) as JsonObject),
    groups,
    grantTypes,
    settings: whole?.settings,
    place: placeOf(node.span),
  }
  return { connector, whole, node }
}

/**
 * What Dex keeps without a word and fails over at the first sign-in is told. None of it is refused, because a newer one
 * may know more, and nothing is said of types that only Dex has.
 */
function warnForOther(node: ConfigNode, { path, findings }: Pick<Reading, 'findings'> & Pick<ConnectorEntry, 'path'>) {
  const judged = new Findings()
  readConnector(node, { path, findings: judged, lenient: true, environment: undefined })
  findings.warnAll(judged, ({ kind }) => kind !== 'unsupported' && kind !== 'ignored')
}

function withoutHash(node: MapNode) {
  const isHash = ({ key, value }: Entry) =>
    key.toLowerCase() === 'version' && value.kind === 'scalar' && /^[\da-f]{16}$/.test(String(value.value))
  const found = node.entries.find(isHash)?.value
  const rest: MapNode = { ...node, entries: node.entries.filter((entry) => !isHash(entry)) }
  return found?.kind === 'scalar' && typeof found.value === 'string'
    ? { hash: found, rest }
    : { hash: undefined, rest: node }
}

/** `config` where it holds something, otherwise `jsonConfig`: a text with JSON. */
function configOf(
  node: ConfigNode,
  { path, findings }: { path: ConnectorEntry['path']; findings: Findings },
): MapNode | undefined {
  const find = (key: string) => (node.kind === 'map' ? node.entries.find((entry) => entry.key === key) : undefined)
  const config = find('config')
  const json = find('jsonConfig')
  const entry = config !== undefined && (!isBlank(config.value) || json === undefined) ? config : json
  if (entry === undefined) return undefined
  const { value, key } = entry
  const read =
    value.kind === 'scalar' && key === 'jsonConfig' && value.value !== null ? readYamlInside(value, findings) : value
  if (read === undefined || (read.kind === 'scalar' && read.value === null)) return undefined
  maskSecrets(read)
  if (read.kind === 'map') return read
  findings.mismatch({ path: printPath([...path, key]), expected: 'a map of settings', node: read })
  return undefined
}

/** The entry in Dex's own form. */
function plainEntry(node: ConfigNode, config: MapNode | undefined): ConfigNode {
  if (node.kind !== 'map') return node
  const own = node.entries.filter(
    ({ key }) => !['version', 'configVersion', 'config', 'jsonConfig', 'origin'].includes(key),
  )
  const added: Entry[] = config === undefined ? [] : [{ key: 'config', keySpan: config.span, value: config }]
  return { ...node, entries: [...own, ...added] }
}

function warnOfVariables(config: MapNode, findings: Findings): void {
  eachScalar(config, (scalar) => {
    if (typeof scalar.value === 'string' && /^\$(?:\{\w+\}|[A-Za-z_]\w*)$/.test(scalar.value))
      findings.warn({
        kind: 'doubtful',
        path: '',
        message:
          'variables are put in only where a configuration file declares the connector; this is kept as it is written',
        span: scalar.span,
      })
    return scalar
  })
}

function reportTwice(read: readonly ReadEntry[], findings: Findings): void {
  const ids = read.map(({ connector }) => connector.id)
  const twice = ids.find((id, index) => ids.indexOf(id) < index)
  const last = read.at(-1)
  if (twice === undefined || last === undefined) return
  const message = `two connectors of one id: ${JSON.stringify(twice)}`
  findings.error({ kind: 'contradiction', path: '', message, span: spanAt(last.node, ['id']).span })
}

export interface ConnectorInput {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly config: JsonObject
  readonly groups?: GroupRules
  readonly grantTypes?: readonly string[]
}

export type ConnectorOutcome = Outcome<{ readonly settings: ConnectorSettings }> & {
  readonly warnings: readonly Problem[]
}

/** One connector that management hands in or the store holds. Variables are not put in; problems have a path, no line. */
export function readConnectorConfig(
  input: ConnectorInput,
  { lenient = false }: { readonly lenient?: boolean } = {},
): ConnectorOutcome {
  const findings = new Findings()
  const { id, type, name, config, groups, grantTypes } = input
  const text = JSON.stringify({ id, type, name, config, groups, grantTypes })
  const node = readYaml(new Source('file', `connector ${JSON.stringify(id.slice(0, 100))}`, text, false), findings)
  const read =
    node === undefined ? undefined : readConnector(node, { path: [], findings, lenient, environment: undefined })
  const { errors: problems, warnings } = findings
  return problems.length > 0 || read === undefined
    ? { kind: 'problems', problems, warnings }
    : { kind: 'ok', settings: read.settings, warnings }
}
