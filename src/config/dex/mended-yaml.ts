/**
 * YAML of Dex's files, and what was meant where the indentation is wrong in a way that people copy from papers: keys
 * that fell into the list above them, and keys of a list's item that stand under its dash. Nothing is taken as it was
 * meant; the error shows how it has to look.
 */
import { maskByName } from '../masks.ts'
import type { ConfigNode } from '../node.ts'
import { Source } from '../place.ts'
import { Findings } from '../problem.ts'
import { readYaml } from '../read-yaml.ts'

/** Lines of the mended text that an error shows. */
const SHOWN = 8
/** Nobody copied more than this out of a paper; the search below is not meant for more. */
const LONGEST = 5_000

/** Keys that stand at the left edge of Dex's configuration, in lower case. */
const topKeys = new Set(
  'issuer storage web grpc telemetry expiry oauth2 signer sessions staticclients connectors enablepassworddb staticpasswords frontend logger mfa admin'.split(
    ' ',
  ),
)

interface Mend {
  /** The mended text, with as many lines as before. */
  readonly lines: readonly string[]
  /** First and last line that changed. */
  readonly first: number
  readonly last: number
  readonly message: string
  readonly hint: string
}

/** Reads one document of Dex's; tells what was meant where a known slip explains that it is no YAML. */
export function readDexYaml(source: Source, findings: Findings): ConfigNode | undefined {
  const scratch = new Findings()
  if (readYaml(source, scratch) !== undefined) return readYaml(source, findings)
  const lines = source.text.split('\n')
  for (const mend of lines.length > LONGEST ? [] : [withoutDeepKeys(lines), withItemKeys(lines)]) {
    if (mend === undefined || !isYaml(mend.lines.join('\n'))) continue
    report(mend, { source, lines, findings })
    return undefined
  }
  return readYaml(source, findings)
}

function isYaml(text: string): boolean {
  const node = readYaml(new Source('file', '', text), new Findings())
  return node !== undefined && node.kind !== 'scalar'
}

const indentOf = (line: string) => line.length - line.trimStart().length
const isBlankLine = (line: string) => /^\s*(#.*)?$/.test(line)
const keyOf = (line: string) => /^\s*(?:- +)?(["']?)([A-Za-z][\w-]*)\1\s*:(?:\s|$)/.exec(line)?.[2]

/** `issuer:` at the indentation of the dashes of `connectors:` above it: everything from there on moves to the left. */
function withoutDeepKeys(lines: readonly string[]): Mend | undefined {
  for (const [first, line] of lines.entries()) {
    const indent = indentOf(line)
    const key = keyOf(line)
    if (indent === 0 || key === undefined || !topKeys.has(key.toLowerCase()) || /^\s*-/.test(line)) continue
    const above = lines.slice(0, first)
    const dash = above.findLastIndex((other) => other.startsWith(`${' '.repeat(indent)}- `))
    const owner = above.findLastIndex(
      (other, index) => index < dash && indentOf(other) < indent && /^\s*[\w-]+:\s*(#.*)?$/.test(other),
    )
    const ownerLine = lines[owner]
    if (dash < 0 || ownerLine === undefined) continue
    const excess = indent - indentOf(ownerLine)
    let last = first
    const mended = lines.map((other, index) => {
      if (index < first || isBlankLine(other))
        return other.trim() === '' || index < first ? other : other.slice(Math.min(excess, indentOf(other)))
      if (indentOf(other) < indent) return other
      last = index
      return other.slice(excess)
    })
    return {
      lines: mended,
      first,
      last,
      message: `expected "${key}" as far to the left as "${keyOf(ownerLine)}", got it inside of that list`,
      hint: `take ${blanks(excess)} away from lines ${first + 1} to ${last + 1}, so that they read`,
    }
  }
  return undefined
}

/** `- type: github` with `id:` right under the dash: the item's other keys move under its first one. */
function withItemKeys(lines: readonly string[]): Mend | undefined {
  let dash: number | undefined
  let first: number | undefined
  let last = 0
  let key: string | undefined
  const mended = lines.map((line, index) => {
    const indent = indentOf(line)
    if (line.trim() === '') return line
    if (/^\s*- +["']?[A-Za-z][\w-]*["']?\s*:/.test(line) && (dash === undefined || indent <= dash)) {
      dash = indent
      return line
    }
    if (dash !== undefined && indent < dash) dash = undefined
    if (dash === undefined || (/^\s*- /.test(line) && indent === dash)) return line
    if (first === undefined) {
      if (indent !== dash || keyOf(line) === undefined) return line
      first = index
      key = keyOf(line)
    }
    last = index
    return `  ${line}`
  })
  if (first === undefined) return undefined
  return {
    lines: mended,
    first,
    last,
    message: `expected "${key}" under the first key of its item, got it under the dash`,
    hint: `put 2 blanks more before lines ${first + 1} to ${last + 1}, so that they read`,
  }
}

const blanks = (count: number) => (count === 1 ? '1 blank' : `${count} blanks`)

interface Reporting {
  readonly source: Source
  readonly lines: readonly string[]
  readonly findings: Findings
}

function report(mend: Mend, { source, lines, findings }: Reporting): void {
  const start = lines.slice(0, mend.first).reduce((sum, line) => sum + line.length + 1, 0)
  const line = lines[mend.first] ?? ''
  // Unlike in other texts that are no YAML, long words are not masked: they are keys here.
  maskByName(source)
  findings.error({
    kind: 'syntax',
    path: '',
    message: mend.message,
    hint: [`${mend.hint}:`, ...shownLines(mend).map((text) => `    ${text}`)].join('\n'),
    span: { source, start: start + indentOf(line), end: start + line.trimEnd().length },
  })
}

/** What the mended lines look like, with the line above them, and without what is secret in them. */
function shownLines({ lines, first, last }: Mend): readonly string[] {
  const source = new Source('file', '', lines.join('\n'))
  maskByName(source)
  const from = Math.max(0, first - 1)
  const shown: string[] = []
  let offset = 0
  for (const [index, line] of lines.entries()) {
    if (index >= from && index <= last && shown.length < SHOWN && line.trim() !== '')
      shown.push(source.excerptAt(offset, offset + 1).text)
    offset += line.length + 1
  }
  return last - from >= SHOWN ? [...shown, '…'] : shown
}
