/** Settings from environment variables: the upper-cased key, over the files. */
import { globalNames } from './judge-keys.ts'
import { nestedVariables } from './known-keys.ts'
import { maskSecrets } from './masks.ts'
import { type ConfigNode, type Entry, type MapNode, type Span, scalar } from './node.ts'
import { Source } from './place.ts'
import type { Findings } from './problem.ts'
import { readYaml } from './read-yaml.ts'
import { settingsSchema } from './schema.ts'
import { metaOf } from './setting-type.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** The variable of each key. */
const variables: ReadonlyMap<string, string> = new Map(
  globalNames.map((key) => {
    const schema = Object.entries(settingsSchema.shape).find(([name]) => name === key)?.[1]
    return [key, (schema === undefined ? undefined : metaOf(schema).env) ?? key.toUpperCase()]
  }),
)

/** The key that each variable sets; the response headers have two names. `DEBUG` is left out: programs of all kinds set it, and it says nothing about us. */
const settingNames: ReadonlyMap<string, string> = new Map(
  [
    ['SET_RESPONSE_HEADERS', 'set_response_headers'] as const,
    ...[...variables].map(([key, name]) => [name, key] as const),
    ...nestedVariables,
  ].filter(([name, key]) => name !== 'DEBUG' && key !== 'headers'),
)

/** Name of the variable that sets a key. */
export function variableOf(key: string): string {
  return variables.get(key) ?? key.toUpperCase()
}

/** True for the name of a variable that sets something. */
export function isSettingName(name: string): boolean {
  return settingNames.has(name)
}

/** Every variable's name. */
export const variableNames: readonly string[] = [...settingNames.keys()]

/** One variable and where it was set: the process's own environment, or a chart's `extraEnv`. */
export interface Variable {
  readonly name: string
  readonly text: string
  readonly span: Span
}

/** The process's environment, as far as it speaks to us. */
export function variablesOf(environment: Environment): Variable[] {
  return Object.entries(environment).flatMap(([name, text]) => {
    if (text === undefined || !settingNames.has(name)) return []
    const source = new Source('env', name, text, false)
    return [{ name, text, span: { source, start: 0, end: text.length } }]
  })
}

/** Lays variables over a document: what they set takes the place of its entry. Empty ones set nothing. */
export function overlay(document: MapNode, set: readonly Variable[], findings: Findings): MapNode {
  const entries = set.flatMap((variable): Entry[] => {
    const key = settingNames.get(variable.name)
    if (key === undefined || variable.text === '') return []
    const value = readVariable(key, variable, findings)
    return value === undefined ? [] : [{ key, keySpan: variable.span, value }]
  })
  // A variable for the value beats a file's `NAME_file`, and the other way round: the environment decides both.
  const taken = new Set(entries.flatMap(({ key }) => [key, `${key}_file`, key.replace(/_file$/, '')]))
  return {
    ...document,
    entries: [...document.entries.filter((entry) => !taken.has(entry.key.toLowerCase())), ...entries],
  }
}

function readVariable(key: string, { text, span }: Variable, findings: Findings): ConfigNode | undefined {
  const at = { span, findings }
  if (key === 'policy' || key === 'routes') return decodeRoutes(text, { ...at, path: key })
  if (key === 'set_response_headers' && !text.trimStart().startsWith('{')) return headerPairs(text, at)
  if (key === 'certificates' || key === 'runtime_flags') {
    return readYaml(new Source(span.source.origin, span.source.name, text), findings)
  }
  return scalar(text, span)
}

/** `K1:V1,K2:V2`, Pomerium's short form of HEADERS. */
function headerPairs(text: string, { span, findings }: { span: Span; findings: Findings }): ConfigNode | undefined {
  if (text.split(',').some((pair) => !pair.includes(':'))) {
    const expected = 'NAME:VALUE,NAME:VALUE, or the JSON text of a map'
    findings.error({
      kind: 'value',
      path: 'set_response_headers',
      message: `expected ${expected}, got a part without a colon`,
      expected,
      found: 'a part without a colon',
      hint: 'write it as JSON where a value holds a comma',
      span,
    })
    return undefined
  }
  const entries = text.split(',').map((pair): Entry => {
    const [name = '', ...value] = pair.split(':')
    return { key: name.trim(), keySpan: span, value: scalar(value.join(':').trim(), span) }
  })
  return { kind: 'map', entries, span }
}

/** Base64 of a YAML or JSON list of routes. Positions are those in the decoded text. */
export function decodeRoutes(
  text: string,
  at: { span: Span; findings: Findings; path: string },
): ConfigNode | undefined {
  const compact = text.replace(/\s/g, '')
  const decoded = /^[A-Za-z0-9+/]+={0,2}$/.test(compact) ? Buffer.from(compact, 'base64').toString('utf8') : ''
  if (decoded === '' || decoded.includes('\uFFFD')) {
    const expected = 'a list of routes, or base64 of one'
    at.findings.error({
      kind: 'value',
      path: at.path,
      message: `expected ${expected}, got text`,
      expected,
      found: 'text',
      span: at.span,
    })
    return undefined
  }
  const { origin, name } = at.span.source
  const node = readYaml(
    new Source(origin, origin === 'env' ? name : `${name} (${at.path}, decoded)`, decoded),
    at.findings,
  )
  if (node !== undefined) maskSecrets(node)
  return node
}
