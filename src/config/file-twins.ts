/** Settings that stand in files: `NAME_file`, and the pairs of `certificates`. The files' texts take the places of their paths. */
import type { FileReader } from './file-reader.ts'
import { globalTwins, routeTwins } from './judge-keys.ts'
import { type ConfigNode, type Entry, type ListNode, scalar, writtenText } from './node.ts'
import { type Findings, printPath } from './problem.ts'

interface Reading {
  readonly files: FileReader
  readonly findings: Findings
  readonly path: readonly (string | number)[]
}

/** Replaces `NAME_file` by `NAME`, in place. Both at once is a contradiction; what could not be read stays as unread. */
export async function readTwins(
  settings: Map<string, Entry>,
  level: 'global' | 'route',
  reading: Reading,
): Promise<void> {
  for (const name of level === 'global' ? globalTwins : routeTwins) {
    const twin = settings.get(`${name}_file`)
    settings.delete(`${name}_file`)
    if (twin === undefined || writtenText(twin.value) === '') continue
    const path = printPath([...reading.path, twin.key])
    const other = settings.get(name)
    if (other !== undefined && writtenText(other.value) !== '') {
      reading.findings.error({
        kind: 'contradiction',
        path,
        message: `both "${name}" and "${name}_file" are set`,
        span: twin.keySpan,
        hint: 'keep one of them',
      })
      continue
    }
    const value = await readPath(twin.value, { ...reading, at: path })
    settings.set(name, value === undefined ? { ...twin, isUnread: true } : { ...twin, value })
  }
}

/** `certificates`: the texts of the files in place of their paths. */
export async function readCertificateFiles(node: ConfigNode, reading: Reading): Promise<ConfigNode> {
  if (node.kind !== 'list') return node
  const items: ConfigNode[] = []
  for (const [index, item] of node.items.entries()) {
    if (item.kind !== 'map') items.push(item)
    else {
      const entries: Entry[] = []
      for (const entry of item.entries) {
        const isPath = entry.key === 'cert' || entry.key === 'key'
        const at = printPath([...reading.path, 'certificates', index, entry.key])
        const value = isPath ? await readPath(entry.value, { ...reading, at }) : entry.value
        if (value !== undefined) entries.push({ ...entry, value })
      }
      // An entry whose file could not be read was reported; an empty place keeps the numbers of the others true.
      const whole = entries.length === item.entries.length
      items.push(whole ? { ...item, entries } : { kind: 'scalar', value: null, written: '', span: item.span })
    }
  }
  return { ...node, items } satisfies ListNode
}

async function readPath(node: ConfigNode, reading: Reading & { at: string }): Promise<ConfigNode | undefined> {
  const path = writtenText(node)
  if (path === undefined) {
    reading.findings.mismatch({ path: reading.at, expected: 'the path of a file', node })
    return undefined
  }
  const { source } = node.span
  const read = await reading.files.read(path, source.origin === 'file' ? source.name : undefined)
  const shown = node.kind === 'scalar' && node.hidden === true ? 'the file' : JSON.stringify(path.slice(0, 200))
  if (read.kind === 'unreadable') {
    reading.findings.error({
      kind: 'file',
      path: reading.at,
      message: `cannot read ${shown}: ${read.reason}`,
      span: node.span,
    })
    return undefined
  }
  const text = read.text.trimEnd()
  if (text !== '') return scalar(text, node.span, true)
  reading.findings.error({
    kind: 'file',
    path: reading.at,
    message: `${shown} is empty`,
    span: node.span,
    hint: 'is the file half-written?',
  })
  return undefined
}
