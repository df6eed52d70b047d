/** YAML inside of a YAML text, as charts hold lists of routes; positions are those of the outer file. */
import type { ConfigNode, Entry, ScalarNode, Span } from './node.ts'
import { Source } from './place.ts'
import type { Findings } from './problem.ts'
import { readYaml } from './read-yaml.ts'

/** Reads the text of a scalar as a document. Undefined after a problem. `readText` is the way to read YAML. */
export function readYamlInside(node: ScalarNode, findings: Findings, readText = readYaml): ConfigNode | undefined {
  const outer = node.span.source
  const padded = padding(node)
  if (padded === undefined) return readText(new Source('file', `${outer.name} (text inside)`, node.written), findings)
  const read = readText(new Source(outer.origin, outer.name, padded), findings)
  return read === undefined ? undefined : relocate(read, outer)
}

/**
 * The outer text with everything but the block's own lines blanked out, so that every offset stays what it is.
 * Undefined where the text is no block, or a template changed it: offsets would say nothing then.
 */
function padding({ span, written }: ScalarNode): string | undefined {
  const { text } = span.source
  const head = /^[|>][+-]?\d*[+-]?[^\n]*\n/.exec(text.slice(span.start))
  if (head === null) return undefined
  const start = span.start + head[0].length
  const body = text.slice(start, span.end)
  const lines = body.split('\n')
  const indent = Math.min(
    ...lines.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length),
  )
  const block = lines.map((line) => line.slice(indent)).join('\n')
  // Folded lines mean the same within JSON, where no text runs over lines.
  const isFolded = head[0].startsWith('>')
  const bare = (part: string) => (isFolded ? part.replace(/\s+/g, '') : part.trimEnd())
  if (bare(block) !== bare(written) || (isFolded && !written.startsWith('{'))) return undefined
  return `${text.slice(0, start).replace(/[^\n]/g, ' ')}${body}`
}

/** The same nodes standing in `source`, whose masks are the ones that count. */
function relocate(node: ConfigNode, source: Source): ConfigNode {
  const span = (old: Span): Span => ({ ...old, source })
  switch (node.kind) {
    case 'scalar':
      return { ...node, span: span(node.span) }
    case 'list':
      return { ...node, span: span(node.span), items: node.items.map((item) => relocate(item, source)) }
    case 'map':
      return {
        ...node,
        span: span(node.span),
        entries: node.entries.map(
          (entry): Entry => ({ ...entry, keySpan: span(entry.keySpan), value: relocate(entry.value, source) }),
        ),
      }
  }
}
