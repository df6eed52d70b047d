/** Where connectors stand in a file: one, a list, a whole configuration, or the Secret that Pachyderm reads. */
import { type ConfigNode, isNull, type MapNode, type ScalarNode, type Span, scalar, valueAt } from '../node.ts'
import { Source } from '../place.ts'
import { type Findings, printPath } from '../problem.ts'
import { readYamlInside } from '../yaml-inside.ts'
import { isChartValues } from './chart-values.ts'
import { readDexYaml } from './mended-yaml.ts'
import type { Path } from './read-section.ts'

export interface ConnectorEntry {
  readonly node: ConfigNode
  readonly path: Path
}

/** Key of the Secret. */
const KEY = 'upstream-idps'

/** The entries that the document holds; undefined after a problem that leaves nothing of it. */
export function connectorEntries(node: ConfigNode, findings: Findings): readonly ConnectorEntry[] | undefined {
  if (node.kind === 'list') return listed(node, [])
  if (node.kind !== 'map') {
    findings.mismatch({ path: '', expected: 'a connector, or a list of them', node })
    return undefined
  }
  const document = isChartValues(node) ? valueAt(node, 'config') : node
  const path = document === node ? [] : ['config']
  const list = document === undefined ? undefined : inAnyCase(document, 'connectors')
  if (list !== undefined) return listed(list, [...path, 'connectors'])
  // A whole configuration without any.
  if (inAnyCase(node, 'issuer') !== undefined) return []
  const helm = valueAt(node, 'oidc', 'upstreamIDPs')
  if (helm !== undefined) return listed(helm, ['oidc', 'upstreamIDPs'])
  return fromSecret(node, findings) ?? [{ node, path: [] }]
}

function listed(node: ConfigNode, path: Path): readonly ConnectorEntry[] {
  if (node.kind !== 'list') return isNull(node) ? [] : [{ node, path }]
  return node.items.map((item, index) => ({ node: item, path: [...path, index] }))
}

function inAnyCase(node: ConfigNode, key: string): ConfigNode | undefined {
  return node.kind === 'map' ? node.entries.find((entry) => entry.key.toLowerCase() === key)?.value : undefined
}

/** What the Secret holds; undefined where the document is none. */
function fromSecret(node: MapNode, findings: Findings): readonly ConnectorEntry[] | undefined {
  const fallen = fellOut(node)
  if (fallen !== undefined) reportFallen(fallen, findings)
  for (const [path, value] of [
    [[KEY], valueAt(node, KEY)],
    [['stringData', KEY], valueAt(node, 'stringData', KEY)],
    [['data', KEY], decoded(valueAt(node, 'data', KEY), findings)],
  ] as const) {
    if (value === undefined) continue
    if (value.kind !== 'scalar') return listed(value, path)
    const inner = readYamlInside(value, findings, readDexYaml)
    return inner === undefined ? [] : listed(inner, path)
  }
  return undefined
}

interface Fallen {
  readonly owner: string
  readonly span: Span
}

/** `stringData:` with nothing in it, and its key at the left edge below. */
function fellOut(node: MapNode): Fallen | undefined {
  const owner = node.entries.find(({ key, value }) => /^(?:stringData|data)$/.test(key) && isNull(value))
  const entry = node.entries.find(({ key }) => key === KEY)
  return owner === undefined || entry === undefined ? undefined : { owner: owner.key, span: entry.keySpan }
}

function reportFallen({ owner, span }: Fallen, findings: Findings): void {
  findings.error({
    kind: 'syntax',
    path: KEY,
    message: `expected "${KEY}" inside of "${owner}", got it beside it`,
    hint: `put 2 blanks before it, so that it reads:\n    ${owner}:\n      ${KEY}: |`,
    span,
  })
}

/** `data` holds base64; lines are those of the text inside. */
function decoded(node: ConfigNode | undefined, findings: Findings): ScalarNode | undefined {
  if (node?.kind !== 'scalar') return undefined
  const text = node.written.replace(/\s/g, '')
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
    const inner = Buffer.from(text, 'base64').toString('utf8')
    const source = new Source('file', `${node.span.source.name} (data.${KEY})`, inner)
    return scalar(inner, { source, start: 0, end: inner.length })
  }
  findings.mismatch({ path: printPath(['data', KEY]), expected: 'base64', node, secret: true })
  return undefined
}
