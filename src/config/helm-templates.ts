/** `{{ .Values.a.b }}` inside the chart's values: simple references are followed, anything cleverer is refused by name. */
import { type ConfigNode, type Entry, type MapNode, type ScalarNode, scalar, valueAt, writtenText } from './node.ts'
import { type Findings, printPath } from './problem.ts'

const TEMPLATE = /\{\{-?\s*(.*?)\s*-?\}\}/gs
const REFERENCE = /^\.Values((?:\.[A-Za-z_][\w-]*)+)(?:\s*\|\s*quote)?$/

/** The values with every reference replaced by the text it names. */
export function resolveTemplates(values: MapNode, findings: Findings): MapNode {
  const entry = (item: Entry, path: readonly (string | number)[]): Entry => ({
    ...item,
    value: walk(item.value, [...path, item.key]),
  })
  const walk = (node: ConfigNode, path: readonly (string | number)[]): ConfigNode => {
    switch (node.kind) {
      case 'map':
        return { ...node, entries: node.entries.map((item) => entry(item, path)) }
      case 'list':
        return { ...node, items: node.items.map((item, index) => walk(item, [...path, index])) }
      case 'scalar':
        return typeof node.value === 'string' && node.value.includes('{{')
          ? replaceIn(node, { values, findings, path: printPath(path) })
          : node
    }
  }
  return { ...values, entries: values.entries.map((item) => entry(item, [])) }
}

function replaceIn(node: ScalarNode, at: { values: MapNode; findings: Findings; path: string }): ScalarNode {
  const text = node.written.replace(TEMPLATE, (whole, expression: string) => {
    const path = REFERENCE.exec(expression)?.[1]?.slice(1).split('.')
    const value = path === undefined ? undefined : writtenText(valueAt(at.values, ...path))
    if (value !== undefined && !value.includes('{{')) return value
    const message =
      path === undefined
        ? 'only references of the form {{ .Values.name }} can be followed here'
        : `there is no text at .Values.${path.join('.')}`
    at.findings.error({ kind: 'value', path: at.path, message, span: node.span, hint: 'write the text itself' })
    return whole
  })
  return scalar(text, node.span, node.hidden)
}
