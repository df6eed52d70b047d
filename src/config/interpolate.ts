/** `${NAME}`, `${NAME:-what stands there where it is not set}` and `${file:PATH}` inside the texts of a file. */
import type { Environment } from './environment.ts'
import type { FileReader } from './file-reader.ts'
import { type ConfigNode, type Entry, type MapNode, type ScalarNode, scalar } from './node.ts'
import { type Findings, printPath } from './problem.ts'

/** The escape `$${`, a reference, or the beginning of one. */
const REFERENCE = /\$\$\{|\$\{([^}]*)\}/g
/** A variable, and after `:-` the text for when it is not set or empty, as in a shell. */
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s

export interface Sources {
  readonly environment: Environment
  readonly files: FileReader
  readonly findings: Findings
  /** The configuration file, beside which relative paths are looked for. */
  readonly file: string
}

/** The document with every reference replaced. What came from elsewhere is never shown. */
export async function interpolate(document: MapNode, sources: Sources): Promise<MapNode> {
  return { ...document, entries: await eachEntry(document.entries, [], { ...sources, template: false }) }
}

interface Walk extends Sources {
  /** Inside `set_request_headers`, whose values are templates with references and a `$$` of their own. */
  readonly template: boolean
}

async function eachEntry(entries: readonly Entry[], path: readonly (string | number)[], walk: Walk): Promise<Entry[]> {
  const result: Entry[] = []
  for (const entry of entries) {
    const template = walk.template || entry.key.toLowerCase() === 'set_request_headers'
    result.push({ ...entry, value: await eachNode(entry.value, [...path, entry.key], { ...walk, template }) })
  }
  return result
}

async function eachNode(node: ConfigNode, path: readonly (string | number)[], walk: Walk): Promise<ConfigNode> {
  switch (node.kind) {
    case 'scalar':
      return typeof node.value === 'string' && node.value.includes('${')
        ? await replaceIn(node, { ...walk, path: printPath(path) })
        : node
    case 'map':
      return { ...node, entries: await eachEntry(node.entries, path, walk) }
    case 'list': {
      const items: ConfigNode[] = []
      for (const [index, item] of node.items.entries()) items.push(await eachNode(item, [...path, index], walk))
      return { ...node, items }
    }
  }
}

async function replaceIn(node: ScalarNode, at: Walk & { path: string }): Promise<ScalarNode> {
  const text = node.written
  let result = ''
  let end = 0
  let hidden = node.hidden === true
  for (const match of text.matchAll(REFERENCE)) {
    result += text.slice(end, match.index)
    end = match.index + match[0].length
    const name = match[1]
    if (name === undefined) {
      // A template undoes `$$` itself, when the request is there.
      result += at.template ? '$${' : '${'
      continue
    }
    const value = await resolve(name, node, at)
    if (value === undefined) result += match[0]
    else {
      hidden = true
      result += at.template ? value.replaceAll('$', '$$$$') : value
    }
  }
  return scalar(result + text.slice(end), node.span, hidden)
}

/** The text a reference stands for; undefined where it is not ours (a template's), or after a problem was reported. */
async function resolve(name: string, node: ScalarNode, at: Walk & { path: string }): Promise<string | undefined> {
  const { findings, path } = at
  if (name.startsWith('file:')) {
    const named = name.slice('file:'.length)
    const read = await at.files.read(named, at.file)
    if (read.kind === 'text') return read.text.replace(/\r?\n$/, '')
    findings.error({
      kind: 'file',
      path,
      message: `cannot read ${JSON.stringify(named)}: ${read.reason}`,
      span: node.span,
    })
    return undefined
  }
  const [, variable, otherwise] = NAME.exec(name) ?? []
  if (variable !== undefined) {
    const value = at.environment[variable]
    if (otherwise !== undefined) return value || otherwise
    if (value !== undefined) return value
    const hint = 'set it, or write $${ where the text ${ is meant'
    findings.error({ kind: 'missing', path, message: `the variable ${variable} is not set`, hint, span: node.span })
    return undefined
  }
  if (at.template) return undefined
  findings.error({
    kind: 'value',
    path,
    message: 'expected ${NAME} or ${file:PATH}, got another reference',
    hint: 'write $${ where the text ${ is meant',
    span: node.span,
  })
  return undefined
}
