/** Dex's config.yaml, or the values of its chart, to the broker's settings; or all the problems at once. */
import type { z } from 'zod'
import type { Environment } from '../environment.ts'
import type { FileReader } from '../file-reader.ts'
import { maskSecrets } from '../masks.ts'
import { type ConfigNode, isNull, type MapNode, type Span, spanAt } from '../node.ts'
import { Source } from '../place.ts'
import { type Findings, printPath } from '../problem.ts'
import { type BrokerValues, brokerSection, brokerShape } from './broker-sections.ts'
import type { BrokerSettings } from './broker-settings.ts'
import { isChartValues, otherShape, readChartValues } from './chart-values.ts'
import { readDexYaml } from './mended-yaml.ts'
import { type Path, parseTidy, tidySection } from './read-section.ts'
import { settleBroker } from './settle-broker.ts'

export interface BrokerReading {
  readonly files: FileReader
  readonly findings: Findings
  readonly environment: Environment
  /** Where relative paths start. */
  readonly cwd: string
  /** Unknown keys are warnings. */
  readonly lenient?: boolean
}

export interface ReadBroker {
  readonly settings: BrokerSettings
  /** Place of something inside, for what contradicts it elsewhere: `['staticClients', 0, 'secret']`. */
  readonly at: (path: Path) => Span
}

/** Where another configuration names the file. */
export interface Named {
  readonly path: string
  readonly span: Span
  readonly beside: string | undefined
}

/** A broker by the path of its file; undefined after a problem, and the problem is among the findings. */
export async function readBrokerFile(
  file: string,
  { named, ...reading }: BrokerReading & { readonly named?: Named | undefined },
): Promise<ReadBroker | undefined> {
  const { files, findings } = reading
  const read = await files.read(file, named?.beside)
  if (read.kind === 'unreadable') {
    const span = named?.span ?? { source: new Source('file', file, ''), start: 0, end: 0 }
    const what = named === undefined ? "the broker's configuration" : JSON.stringify(file.slice(0, 200))
    findings.error({ kind: 'file', path: named?.path ?? '', message: `cannot read ${what}: ${read.reason}`, span })
    return undefined
  }
  const node = readDexYaml(new Source('file', read.name, read.text), findings)
  if (node === undefined) return undefined
  if (!isNull(node)) return await readBroker(node, { ...reading, file: read.name })
  findings.error({ kind: 'file', path: '', message: "the broker's configuration is empty", span: node.span })
  return undefined
}

/** A broker by its map; `file` is the file that holds it, `path` where it stands there. */
export async function readBroker(
  node: ConfigNode,
  { path: root = [], file, ...reading }: BrokerReading & { readonly file: string | undefined; readonly path?: Path },
): Promise<ReadBroker | undefined> {
  const { findings, lenient = false } = reading
  if (node.kind !== 'map') {
    const path = printPath(root)
    findings.mismatch({ path, expected: "Dex's configuration: a map with issuer, connectors, staticClients", node })
    return undefined
  }
  maskSecrets(node)
  const before = findings.errorCount
  const chart = isChartValues(node) ? readChartValues(node, findings) : undefined
  const other = chart === undefined ? otherShape(node) : undefined
  if (other !== undefined) {
    const { key, is, hint } = other
    const { span } = spanAt(node, [key])
    findings.error({
      kind: 'value',
      path: printPath([...root, key]),
      message: `expected Dex's configuration, got ${is}`,
      hint,
      span,
    })
    return undefined
  }
  const path = chart === undefined ? root : [...root, 'config']
  const section = { path, findings, lenient, scalars: 'converted' } as const
  const tidy = tidySection(brokerSection, chart?.document ?? node, section)
  const values = Object.fromEntries(
    Object.entries(brokerShape).map(([key, schema]) => [key, parseKey(key, { schema, tidy, section })]),
  ) as BrokerValues
  const at = (inner: Path) => spanAt(tidy, inner).span
  const environment = { ...chart?.variables, ...reading.environment }
  const settings = await settleBroker(values, { ...reading, environment, lenient, path, tidy, at, beside: file })
  return settings === undefined || findings.errorCount > before ? undefined : { settings, at }
}

interface Looking {
  readonly schema: z.ZodType
  readonly tidy: MapNode
  readonly section: Parameters<typeof parseTidy>[2]
}

function parseKey(key: string, { schema, tidy, section }: Looking): unknown {
  const entry = tidy.entries.find((candidate) => candidate.key === key)
  if (entry !== undefined && !isNull(entry.value))
    return parseTidy(schema, entry.value, { ...section, path: [...section.path, key] })
  const result = schema.safeParse(undefined)
  if (result.success) return result.data
  const path = printPath([...section.path, key])
  section.findings.error({ kind: 'missing', path, message: `"${key}" is missing`, span: tidy.span })
  return undefined
}
