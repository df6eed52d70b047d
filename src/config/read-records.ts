/** Files of records that rules may look at: a row for each person, domain or address, kept by whoever knows. */
import { normalAddress } from '../wire/address.ts'
import type { FileReader } from './file-reader.ts'
import { type ConfigNode, type Entry, type MapNode, plainOf, type Span, spanAt, writtenText } from './node.ts'
import { Source } from './place.ts'
import { type Findings, printPath } from './problem.ts'
import { readYaml } from './read-yaml.ts'

/** What names a row: a property of the user or of the request. */
export const recordKeys = ['user.id', 'user.email', 'user.domain', 'client.address'] as const

/** Records of one type. */
export interface RecordSet {
  readonly key: (typeof recordKeys)[number]
  readonly rows: ReadonlyMap<string, Readonly<Record<string, unknown>>>
}

/** `records` as it is written: where each type's rows are. */
export type RecordFiles = Readonly<Record<string, { readonly file: string; readonly key: RecordSet['key'] }>>

/** Rows of one type; a row of three fields takes about 200 bytes of memory. */
const mostRows = 100_000

interface Reading {
  readonly files: FileReader
  readonly findings: Findings
}

/** Reads the file of each type. What is wrong is reported in the file where it stands, and left out. */
export async function readRecords(
  records: RecordFiles | undefined,
  { entry, ...reading }: Reading & { readonly entry: Entry | undefined },
): Promise<ReadonlyMap<string, RecordSet>> {
  const sets = new Map<string, RecordSet>()
  // After a mistake in the map, which was reported, its types are still known to the rules.
  if (!records && entry?.value.kind === 'map')
    for (const { key: type } of entry.value.entries) sets.set(type, { key: 'user.id', rows: new Map() })
  for (const [type, { file, key }] of Object.entries(records ?? {})) {
    const { span, hidden } = entry ? spanAt(entry.value, [type, 'file']) : noSpan
    const path = printPath(['records', type, 'file'])
    const node = await readFile(file, { ...reading, span, path, hidden })
    sets.set(type, { key, rows: node ? rowsOf(node, { key, type, findings: reading.findings }) : new Map() })
  }
  return sets
}

const noSpan = { span: { source: new Source('file', '', '', false), start: 0, end: 0 }, hidden: true }

async function readFile(
  file: string,
  { files, findings, span, path, hidden }: Reading & { span: Span; path: string; hidden: boolean },
): Promise<ConfigNode | undefined> {
  const read = await files.read(file, span.source.origin === 'file' ? span.source.name : undefined)
  const shown = hidden ? 'the file' : JSON.stringify(file.slice(0, 200))
  if (read.kind === 'unreadable') {
    findings.error({ kind: 'file', path, message: `cannot read ${shown}: ${read.reason}`, span })
    return undefined
  }
  const node = readYaml(new Source('file', read.name, read.text), findings)
  // Records that vanish while somebody writes the file would open what a deny rule keeps closed.
  if (node?.kind !== 'scalar' || node.value !== null) return node
  const hint = 'is the file half-written? {} is a file without records'
  findings.error({ kind: 'file', path, message: `${shown} is empty`, span, hint })
  return undefined
}

interface RowReading {
  readonly key: RecordSet['key']
  readonly type: string
  readonly findings: Findings
}

function rowsOf(node: ConfigNode, reading: RowReading): RecordSet['rows'] {
  const { findings, key, type } = reading
  const rows = new Map<string, Readonly<Record<string, unknown>>>()
  const named = namedRows(node, reading)
  const extra = named[mostRows]
  if (extra) {
    const message = `more than ${mostRows} records, got ${named.length}`
    findings.error({ kind: 'value', path: printPath(['records', type]), message, span: extra.nameSpan })
    return rows
  }
  for (const { name, nameSpan, row } of named) {
    const path = printPath(['records', type, name])
    const normal = normalName(name, key)
    if (normal === undefined) {
      const message = `expected ${expectedNames[key]} for ${key}, got ${JSON.stringify(name.slice(0, 60))}`
      findings.error({ kind: 'value', path, message, span: nameSpan })
    } else if (rows.has(normal))
      findings.error({ kind: 'value', path, message: 'the same record twice', span: nameSpan })
    else rows.set(normal, fieldsOf(row, { path: ['records', type, name], findings }))
  }
  return rows
}

interface NamedRow {
  readonly name: string
  readonly nameSpan: Span
  readonly row: MapNode
}

/** A map from name to row, or a list of rows that hold their name as `id`. */
function namedRows(node: ConfigNode, { findings, type }: RowReading): readonly NamedRow[] {
  const wrong = (path: readonly (string | number)[], expected: string, at: ConfigNode) => {
    findings.mismatch({ path: printPath(['records', type, ...path]), expected, node: at })
    return []
  }
  switch (node.kind) {
    case 'map':
      return node.entries.flatMap(({ key: name, keySpan, value: row }) =>
        row.kind === 'map' ? [{ name, nameSpan: keySpan, row }] : wrong([name], 'a record: a map of fields', row),
      )
    case 'list':
      return node.items.flatMap((row, index) => {
        if (row.kind !== 'map') return wrong([index], 'a record: a map of fields', row)
        const id = row.entries.find(({ key }) => key === 'id')?.value
        const name = writtenText(id)
        if (id === undefined || name === undefined) return wrong([index], 'a record with an id', id ?? row)
        return [{ name, nameSpan: id.span, row }]
      })
    case 'scalar':
      return wrong([], 'a map from name to record, or a list of records with id', node)
  }
}

const expectedNames: Readonly<Record<RecordSet['key'], string>> = {
  'user.id': 'the id of a user',
  'user.email': 'an e-mail address',
  'user.domain': 'a domain',
  'client.address': 'an IP address',
}

/** The name as the criterion will look it up; undefined for what can never be found. */
function normalName(name: string, key: RecordSet['key']): string | undefined {
  switch (key) {
    case 'user.id':
      return name.trim() === '' ? undefined : name
    case 'user.email':
      return /^\S+@\S+$/.test(name) ? name : undefined
    case 'user.domain':
      return /^[^\s@]+$/.test(name) ? name : undefined
    case 'client.address':
      return normalAddress(name)
  }
}

/** Fields keep their types: rules compare numbers with numbers, and texts with texts. */
function fieldsOf(
  row: MapNode,
  { path, findings }: { path: readonly string[]; findings: Findings },
): Readonly<Record<string, unknown>> {
  for (const { key, value } of row.entries) {
    const values = value.kind === 'list' ? value.items : [value]
    const odd = values.find((item) => item.kind !== 'scalar')
    if (odd === undefined) continue
    const expected = 'text, a number, true, false, or a list of them'
    findings.mismatch({ path: printPath([...path, key]), expected, node: odd })
  }
  return Object.freeze(plainOf(row, true) as Record<string, unknown>)
}
