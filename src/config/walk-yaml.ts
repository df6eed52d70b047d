/** A parsed YAML document to nodes that know where they stand; aliases are followed, and bounded, here. */
import { type Alias, isAlias, isMap, isPair, isScalar, isSeq, type Node, type YAMLMap, type YAMLSeq } from 'yaml'
import { maskSecrets } from './masks.ts'
import type { ConfigNode, Entry, Span } from './node.ts'
import type { Source } from './place.ts'
import type { Findings } from './problem.ts'

/** Nodes that a document may hold after its aliases are followed; 10,000 routes need about 200,000. */
const NODE_LIMIT = 2_000_000
/** And how much more than what was written: an alias bomb is a small text. */
const GROWTH_LIMIT = 200_000
const DEPTH_LIMIT = 100

interface At {
  readonly depth: number
  /** Inside of something that an alias brought. */
  readonly aliased: boolean
}

/** Walks a parsed document once, follows its aliases within bounds, and turns it into nodes. */
export class Walker {
  readonly #source: Source
  readonly #findings: Findings
  #count = 0
  #expanded = 0
  #refused = false
  /** Anchors met so far; an alias means the latest one above it. */
  readonly #anchors = new Map<string, unknown>()

  constructor(source: Source, findings: Findings) {
    this.#source = source
    this.#findings = findings
  }

  read(contents: Node): ConfigNode | undefined {
    const node = this.#read(contents, { depth: 0, aliased: false })
    return this.#refused ? undefined : node
  }

  #read(node: unknown, at: At): ConfigNode {
    if (at.aliased) this.#expanded++
    if (++this.#count > NODE_LIMIT || this.#expanded > GROWTH_LIMIT)
      return this.#refuse(node, 'the document grows too large when its aliases are followed')
    if (at.depth > DEPTH_LIMIT) return this.#refuse(node, `nested deeper than ${DEPTH_LIMIT}`)
    if (isAlias(node)) return this.#follow(node, at)
    if (!at.aliased) this.#remember(node)
    const next = { ...at, depth: at.depth + 1 }
    if (isMap(node)) return this.#readMap(node, next)
    if (isSeq(node)) return this.#readList(node, next)
    return this.#readScalar(node)
  }

  #follow(alias: Alias, at: At): ConfigNode {
    const target = this.#anchors.get(alias.source)
    if (target === undefined) return this.#refuse(alias, 'an alias whose anchor is not defined above it')
    return this.#read(target, { depth: at.depth + 1, aliased: true })
  }

  #readMap(map: YAMLMap, at: At): ConfigNode {
    const merged: Entry[] = []
    const own: Entry[] = []
    const seen = new Set<string>()
    for (const item of map.items) {
      if (this.#refused || !isPair(item)) break
      const name: unknown = isAlias(item.key) ? this.#anchors.get(item.key.source) : item.key
      if (!isScalar(name) || name.value === null || typeof name.value === 'object') {
        this.#refuse(item.key, 'a key that is no text')
        break
      }
      // The parser knows a merge key and makes a symbol of it; a quoted "<<" is text.
      const merges = typeof name.value === 'symbol'
      const key = merges ? '<<' : String(name.value)
      if (key === '__proto__') {
        this.#refuse(item.key, 'a key that no configuration can have')
        break
      }
      const span = this.#span(item.key)
      if (merges) merged.push(...mergeEntries(this.#read(item.value, at)))
      else if (seen.has(key)) this.#reportTwice(key, span, this.#read(item.value, at))
      else own.push({ key, keySpan: span, value: isBare(item.value) ? nothing(span) : this.#read(item.value, at) })
      seen.add(key)
    }
    // What the map says itself beats what it merges in; the first merged map beats later ones.
    const taken = new Set(own.map(({ key }) => key))
    const added = merged.filter(({ key }) => !taken.has(key) && taken.add(key))
    return { kind: 'map', entries: [...added, ...own], span: this.#span(map) }
  }

  #remember(node: unknown): void {
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined)
      this.#anchors.set(node.anchor, node)
  }

  #reportTwice(path: string, span: Span, value: ConfigNode): void {
    maskSecrets(value, true)
    this.#findings.error({ kind: 'syntax', path, message: 'the same key twice', span })
  }

  #readList(list: YAMLSeq, at: At): ConfigNode {
    const items: ConfigNode[] = []
    for (const item of list.items) {
      if (this.#refused) break
      items.push(this.#read(item, at))
    }
    return { kind: 'list', items, span: this.#span(list) }
  }

  #readScalar(node: unknown): ConfigNode {
    const value: unknown = isScalar(node) ? node.value : null
    const span = this.#span(node)
    if (value === null || value === undefined) return { kind: 'scalar', value: null, written: '', span }
    if (typeof value === 'number')
      return { kind: 'scalar', value, written: isScalar(node) ? (node.source ?? String(value)) : String(value), span }
    if (typeof value === 'boolean') return { kind: 'scalar', value, written: String(value), span }
    return { kind: 'scalar', value: String(value), written: String(value), span }
  }

  #span(node: unknown): Span {
    const range =
      typeof node === 'object' && node !== null && 'range' in node
        ? (node.range as [number, number, number] | null | undefined)
        : undefined
    const start = range?.[0] ?? 0
    return { source: this.#source, start, end: Math.max(range?.[1] ?? start, start) }
  }

  #refuse(node: unknown, message: string): ConfigNode {
    const span = this.#span(node)
    if (!this.#refused) this.#findings.error({ kind: 'syntax', path: '', message, span })
    this.#refused = true
    return nothing(span)
  }
}

/** What `<<` brings: the entries of a map, or of each map of a list. */
function mergeEntries(value: ConfigNode): readonly Entry[] {
  if (value.kind === 'map') return value.entries
  return value.kind === 'list' ? value.items.flatMap((item) => (item.kind === 'map' ? item.entries : [])) : []
}

/** `key:` with nothing after it: the parser puts an empty node there, or none at all. */
function isBare(value: unknown): boolean {
  return value === null || value === undefined || (isScalar(value) && value.value === null)
}

function nothing(span: Span): ConfigNode {
  return { kind: 'scalar', value: null, written: '', span }
}
