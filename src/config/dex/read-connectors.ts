/** Entries of `connectors` to checked settings: id, type and name, then the keys of the type. */
import { nearest } from '../../wire/nearest.ts'
import type { Environment } from '../environment.ts'
import { type ConfigNode, describe, isNull, type MapNode, placeOf, plainOf, type Span, spanAt } from '../node.ts'
import { type Findings, printPath } from '../problem.ts'
import { goAnything } from './broker-sections.ts'
import {
  type ConnectorSettings,
  type ConnectorType,
  connectorTypes,
  otherNames,
  refusedTypes,
} from './connectors/connector-settings.ts'
import { expandVariables } from './expand-variables.ts'
import { goSection, goText, goTexts } from './go-types.ts'
import { groupRules } from './group-rules.ts'
import { type Path, readSection } from './read-section.ts'

export interface ConnectorReading {
  readonly path: Path
  readonly findings: Findings
  readonly lenient: boolean
  /** Where variables are put in, what stands for them; undefined: `$` is text (connectors made at run time). */
  readonly environment: Environment | undefined
}

const connectorShape = {
  type: goText().meta({ doc: 'One of the types below.' }),
  id: goText().meta({
    doc: "Half of everybody's `sub`, and part of addresses: never change it.",
  }),
  name: goText().meta({ doc: 'What people choose from.' }),
  config: goAnything('map').optional().meta({ doc: 'The keys of the type.' }),
  grantTypes: goTexts().prefault([]).meta({ doc: 'Grants that the connector may be used for; empty: all.' }),
  groups: groupRules().optional().meta({
    doc: '*Only here.* What is done to names of groups that come from this connector.',
  }),
}
export const connectorSection = goSection(connectorShape)

/** One connector whose settings are right, with the place where it stands. */
export interface ReadConnector {
  readonly settings: ConnectorSettings
  /** Of its entry, from the top of the file. */
  readonly path: Path
  /** Place of something inside of its entry, such as `['config', 'redirectURI']`. */
  readonly at: (path: Path) => Span
}

/** All entries of the list; those that are wrong are reported and missing in the result. */
export function readConnectors(node: ConfigNode | undefined, reading: ConnectorReading): readonly ReadConnector[] {
  if (node === undefined || isNull(node)) return []
  if (node.kind !== 'list') {
    reading.findings.mismatch({ path: printPath(reading.path), expected: 'a list of connectors', node })
    return []
  }
  const seen = new Map<string, number>()
  return node.items.flatMap((item, index): readonly ReadConnector[] => {
    const read = readConnector(item, { ...reading, path: [...reading.path, index] })
    if (read === undefined) return []
    const before = seen.get(read.settings.id)
    seen.set(read.settings.id, index)
    if (before === undefined) return [read]
    reading.findings.error({
      kind: 'contradiction',
      path: printPath([...reading.path, index, 'id']),
      message: `the same id as ${printPath([...reading.path, before])}: ${JSON.stringify(read.settings.id)}`,
      hint: 'the id is part of what users are known by; give each connector one of its own',
      span: read.at(['id']),
    })
    return []
  })
}

export function readConnector(node: ConfigNode, reading: ConnectorReading): ReadConnector | undefined {
  const { findings, lenient, path } = reading
  if (node.kind !== 'map') {
    findings.mismatch({ path: printPath(path), expected: 'a connector: a map with type, id, name and config', node })
    return undefined
  }
  const entry = readSection(connectorSection, node, { path, findings, lenient, scalars: 'strict' })
  const at = (inner: Path) => spanAt(entry.node, inner).span
  const blank = (['id', 'name'] as const).filter((key) => entry.value?.[key].trim() === '')
  for (const key of blank)
    findings.error({ kind: 'missing', path: printPath([...path, key]), message: `"${key}" is empty`, span: at([key]) })
  const type = typeOf(entry.node, { findings, path })
  if (type === undefined) return undefined
  const config = configOf(entry.node, reading)
  const read = readSection(connectorTypes[type].schema, config, {
    ...{ path: [...path, 'config'], findings, lenient, scalars: 'strict' },
  })
  if (entry.value === undefined || read.value === undefined || blank.length > 0) return undefined
  const { id, name, groups, grantTypes } = entry.value
  const raw = plainOf(config, true) as Readonly<Record<string, unknown>>
  const source = { place: placeOf(at(['config'])), path: printPath([...path, 'config']) }
  // The type and the settings were chosen together just above.
  const settings = { id, name, type, config: read.value, raw, groups, grantTypes, source } as ConnectorSettings
  return { settings, path, at }
}

/** The type by its own name or another one of Dex's; undefined after a problem. */
function typeOf(
  node: ConfigNode,
  { findings, path }: { readonly findings: Findings; readonly path: Path },
): ConnectorType | undefined {
  const value = node.kind === 'map' ? node.entries.find(({ key }) => key === 'type')?.value : undefined
  // A missing type, or one that is no text, was reported with the entry.
  if (value?.kind !== 'scalar' || typeof value.value !== 'string') return undefined
  const name = value.value
  const known = Object.keys(connectorTypes).find((type) => type === name) as ConnectorType | undefined
  if (known !== undefined) return known
  if (Object.hasOwn(otherNames, name)) return otherNames[name]
  const at = { path: printPath([...path, 'type']), span: value.span }
  const reason = Object.hasOwn(refusedTypes, name) ? refusedTypes[name] : undefined
  if (reason !== undefined) {
    findings.error({ ...at, kind: 'unsupported', message: `"${name}" is not supported`, hint: reason })
    return undefined
  }
  const near = nearest(name, Object.keys(connectorTypes))
  findings.error({
    ...at,
    kind: 'value',
    message: `expected a type of connector, got ${describe(value)}`,
    hint: near === undefined ? `there are ${Object.keys(connectorTypes).join(', ')}` : `did you mean "${near}"?`,
  })
  return undefined
}

/** The `config` of an entry with variables put in; an empty map where there is none. */
function configOf(node: ConfigNode, reading: ConnectorReading): ConfigNode {
  const value = node.kind === 'map' ? node.entries.find(({ key }) => key === 'config')?.value : undefined
  const empty: MapNode = { kind: 'map', entries: [], span: node.span }
  if (value === undefined || isNull(value)) return empty
  if (reading.environment === undefined) return value
  const { environment, findings, path } = reading
  return expandVariables(value, { environment, findings, path: [...path, 'config'] })
}
