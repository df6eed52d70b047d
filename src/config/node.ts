/** A configuration as it was read, before it means anything: scalars, lists and maps that know where they stand. */
import type { Excerpt, Place, Source } from './place.ts'

/** A range of a source. `end` is exclusive; both are offsets. */
export interface Span {
  readonly source: Source
  readonly start: number
  readonly end: number
}

export interface ScalarNode {
  readonly kind: 'scalar'
  /** Numbers keep the text they were written in (`1.10`, `0x1f`) beside their value. */
  readonly value: string | number | boolean | null
  readonly written: string
  readonly span: Span
  /** True where the text came from a variable or a file: it is never shown. */
  readonly hidden?: boolean
}

export interface ListNode {
  readonly kind: 'list'
  readonly items: readonly ConfigNode[]
  readonly span: Span
}

export interface Entry {
  readonly key: string
  readonly keySpan: Span
  readonly value: ConfigNode
  /** True where the file that holds the value could not be read: it was reported, and nothing else is said about the setting. */
  readonly isUnread?: boolean
}

export interface MapNode {
  readonly kind: 'map'
  readonly entries: readonly Entry[]
  readonly span: Span
}

export type ConfigNode = ScalarNode | ListNode | MapNode

export function scalar(value: string, span: Span, hidden = false): ScalarNode {
  return { kind: 'scalar', value, written: value, span, hidden }
}

function entryOf(node: ConfigNode | undefined, key: string): Entry | undefined {
  return node?.kind === 'map' ? node.entries.find((entry) => entry.key === key) : undefined
}

function entryInAnyCase(node: ConfigNode, key: string): Entry | undefined {
  return node.kind === 'map' ? node.entries.find((entry) => entry.key.toLowerCase() === key.toLowerCase()) : undefined
}

/** The value under a path of map keys, or undefined. Null counts as not there. */
export function valueAt(node: ConfigNode | undefined, ...path: readonly string[]): ConfigNode | undefined {
  let here = node
  for (const key of path) here = entryOf(here, key)?.value
  return here === undefined || isNull(here) ? undefined : here
}

export function isNull(node: ConfigNode): boolean {
  return node.kind === 'scalar' && node.value === null
}

/** Text of a scalar as it was written; undefined for lists, maps and null. */
export function writtenText(node: ConfigNode | undefined): string | undefined {
  return node?.kind === 'scalar' && node.value !== null ? node.written : undefined
}

/** True for a scalar that says true in one of its forms. */
export function saysTrue(node: ConfigNode | undefined): boolean {
  return /^(true|1|t)$/i.test(writtenText(node) ?? '')
}

/** True for nothing, null, empty text, an empty list or map, and false: what an unused chart value holds. */
export function isBlank(node: ConfigNode | undefined): boolean {
  if (node === undefined) return true
  switch (node.kind) {
    case 'scalar':
      return node.value === null || node.value === '' || node.value === false || node.value === 'false'
    case 'list':
      return node.items.length === 0
    case 'map':
      return node.entries.every((entry) => isBlank(entry.value))
  }
}

/**
 * Plain data. Numbers become the text they were written in, since most settings are text and each type reads its own;
 * with `typed` they stay numbers (claims and policies compare with types).
 */
export function plainOf(node: ConfigNode, typed = false): unknown {
  switch (node.kind) {
    case 'scalar':
      return typeof node.value === 'number' && !typed ? node.written : node.value
    case 'list':
      return node.items.map((item) => plainOf(item, typed))
    case 'map':
      return Object.fromEntries(node.entries.map((entry) => [entry.key, plainOf(entry.value, typed)]))
  }
}

/** The node at a path inside `node`; where it does not exist, the nearest one above. The key's own span for `atKey`. */
export function spanAt(node: ConfigNode, path: readonly PropertyKey[], atKey = false): { span: Span; hidden: boolean } {
  let here = node
  let span = node.span
  for (const [depth, key] of path.entries()) {
    if (here.kind === 'list' && typeof key === 'number') {
      const item = here.items[key]
      if (item === undefined) break
      here = item
      span = here.span
    } else {
      const entry = entryOf(here, String(key)) ?? entryInAnyCase(here, String(key))
      if (entry === undefined) break
      here = entry.value
      span = atKey && depth === path.length - 1 ? entry.keySpan : here.span
    }
  }
  return { span, hidden: here.kind === 'scalar' && here.hidden === true }
}

export function placeOf(span: Span): Place {
  return span.source.placeAt(span.start)
}

export function excerptOf(span: Span): Excerpt {
  return span.source.excerptAt(span.start, span.end)
}

/** What a value is, for "got …": short, and never the content of something hidden. */
export function describe(node: ConfigNode): string {
  switch (node.kind) {
    case 'list':
      return `a list of ${node.items.length}`
    case 'map':
      return 'a map'
    case 'scalar': {
      if (node.hidden === true) return 'a value from elsewhere'
      if (node.value === null) return 'nothing'
      const shown = node.written.length > 60 ? `${node.written.slice(0, 57)}…` : node.written
      return typeof node.value === 'string' ? JSON.stringify(withoutUser(shown)) : shown
    }
  }
}

/** A password in an address is masked wherever text is shown. */
export function withoutUser(text: string): string {
  return text.replace(/(\/\/)[^\s/@]+@/g, '$1***@')
}
