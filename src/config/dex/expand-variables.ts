/** `$NAME` and `${NAME}` in the texts of connectors and of the storage, as Go's `os.ExpandEnv` reads them. */
import type { Environment } from '../environment.ts'
import { secretKey } from '../masks.ts'
import { type ConfigNode, type Entry, type ScalarNode, scalar } from '../node.ts'
import { type Findings, printPath } from '../problem.ts'
import type { Path } from './read-section.ts'

interface Expansion {
  readonly environment: Environment
  readonly findings: Findings
  readonly path: Path
}

/** False where `DEX_EXPAND_ENV` says so, in a word of Go's `ParseBool`. */
export function expandsVariables(environment: Environment): boolean {
  return !/^(?:0|f|F|false|FALSE|False)$/.test(environment['DEX_EXPAND_ENV'] ?? '')
}

/** The value with every variable put in; keys stay as they are. What came from elsewhere is not read a second time. */
export function expandVariables(node: ConfigNode, expansion: Expansion): ConfigNode {
  switch (node.kind) {
    case 'list':
      return {
        ...node,
        items: node.items.map((item, index) =>
          expandVariables(item, { ...expansion, path: [...expansion.path, index] }),
        ),
      }
    case 'map':
      return {
        ...node,
        entries: node.entries.map(
          (entry): Entry => ({
            ...entry,
            value: expandVariables(entry.value, { ...expansion, path: [...expansion.path, entry.key] }),
          }),
        ),
      }
    case 'scalar':
      return node.hidden === true || typeof node.value !== 'string' || !node.value.includes('$') || isEscaped(node)
        ? node
        : expandText(node, expansion)
  }
}

/** `$${` is the escape of our own configuration, which was undone before. */
function isEscaped({ span }: ScalarNode): boolean {
  return span.source.text.slice(span.start, span.end).includes('$${')
}

/** A name in braces, a special parameter of shells (always unset), a bare name; braces without a name are dropped. */
const REFERENCE = /\$(?:\{([^}]+)\}|(\{\}?)|([*#$@!?0-9-])|([A-Za-z_][A-Za-z0-9_]*))/g

function expandText(node: ScalarNode, { environment, findings, path }: Expansion): ConfigNode {
  const unset = new Set<string>()
  const text = node.written.replace(REFERENCE, (_, braced?: string, bad?: string, special?: string, bare?: string) => {
    if (bad !== undefined) return ''
    const name = braced ?? special ?? bare ?? ''
    const value = environment[name] ?? ''
    if (value === '') unset.add(name)
    return value
  })
  if (unset.size > 0) {
    // A piece of a password after a $ is no name to be told.
    const isSecret = path.some((step) => typeof step === 'string' && secretKey(step))
    const isWhole = /^\$(?:\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*)$/.test(node.written)
    const named = isSecret && !isWhole ? 'a variable' : `the variable ${[...unset].join(', ')}`
    findings.warn({
      kind: 'doubtful',
      path: printPath(path),
      message: `${named} is not set, so nothing stands in its place`,
      hint: 'set it; there is no escape for $ here: a value that holds one has to come from a variable, or DEX_EXPAND_ENV=false turns this off',
      span: node.span,
    })
  }
  return text === node.written ? node : scalar(text, node.span, true)
}
