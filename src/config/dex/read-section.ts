/** A map of Dex's keys, as nodes, to values: each mistake at its own key or value, in one pass. */
import type { z } from 'zod'
import { nearest } from '../../wire/nearest.ts'
import { maskSecrets, secretKey } from '../masks.ts'
import { type ConfigNode, type Entry, isBlank, isNull, type MapNode, plainOf, spanAt } from '../node.ts'
import { type Findings, printPath } from '../problem.ts'
import { metaOf } from '../setting-type.ts'
import { reasonFor, type SectionInfo, sectionOf } from './go-types.ts'
import { asDexReads, type Scalars } from './scalars.ts'

export type Path = readonly (string | number)[]

export interface SectionReading {
  readonly path: Path
  readonly findings: Findings
  /** Unknown keys only draw a warning. */
  readonly lenient: boolean
  readonly scalars: Scalars
}

export interface SectionRead<T> {
  /** Undefined after a problem. */
  readonly value: T | undefined
  /** The same map with the keys as they are declared, without those that say nothing. */
  readonly node: ConfigNode
}

/** Reads one value of a declared type. Sections are walked, so that an unknown key stands in its own line. */
export function readSection<S extends z.ZodType>(
  schema: S,
  node: ConfigNode,
  reading: SectionReading,
): SectionRead<z.output<S>> {
  const walk: Walk = { ...reading, failed: false }
  const tidy = tidyUp(node, schema, walk)
  const value = parseTidy(schema, tidy, reading)
  return { value: walk.failed ? undefined : value, node: tidy }
}

/** The first half of the reading: keys as they are declared, everything undeclared told. */
export function tidySection(schema: z.ZodType, node: MapNode, reading: SectionReading): MapNode {
  const info = sectionOf(schema)
  return info === undefined ? node : tidyMap(node, info, { ...reading, failed: false })
}

/** The second half: values of what was tidied. */
export function parseTidy<S extends z.ZodType>(
  schema: S,
  node: ConfigNode,
  reading: SectionReading,
): z.output<S> | undefined {
  const result = schema.safeParse(plainOf(node, true) ?? undefined)
  if (result.success) return result.data
  for (const issue of result.error.issues) reportIssue(issue, { schema, node, reading })
  return undefined
}

interface Walk extends SectionReading {
  failed: boolean
}

/** Names in the declared spelling, scalars as Dex reads them; tells of everything that is not declared. */
function tidyUp(node: ConfigNode, schema: z.ZodType, walk: Walk): ConfigNode {
  const info = sectionOf(schema)
  if (metaOf(schema).secret === true) maskSecrets(node, true)
  if (info === undefined) return asDexReads(node, schema, walk.scalars)
  if (info.isList && node.kind === 'list')
    return {
      ...node,
      items: node.items.map((item, index) => (item.kind === 'map' ? tidyMap(item, info, inside(walk, index)) : item)),
    }
  return !info.isList && node.kind === 'map' ? tidyMap(node, info, walk) : node
}

/** The same walk further inside, which tells its failure to this one. */
function inside(walk: Walk, key: string | number): Walk {
  return {
    ...walk,
    path: [...walk.path, key],
    get failed() {
      return walk.failed
    },
    set failed(value) {
      walk.failed = value
    },
  }
}

function tidyMap(map: MapNode, info: SectionInfo, walk: Walk): MapNode {
  const names = new Map(Object.keys(info.shape).map((name) => [name.toLowerCase(), name]))
  const entries: Entry[] = []
  const seen = new Set<string>()
  for (const entry of map.entries) {
    const lower = entry.key.toLowerCase()
    const path = printPath([...walk.path, entry.key])
    if (seen.has(lower)) {
      maskSecrets(entry.value, true)
      walk.failed = true
      walk.findings.error({
        kind: 'syntax',
        path,
        message: 'the same key twice (in another case)',
        span: entry.keySpan,
      })
      continue
    }
    seen.add(lower)
    const name = names.get(lower)
    const schema = name === undefined ? undefined : info.shape[name]
    if (name === undefined || schema === undefined) reportKey(entry, { info, walk, path })
    else if (!mendedFlag(entry, schema, { walk, path }))
      entries.push({ ...entry, key: name, value: tidyUp(entry.value, schema, inside(walk, entry.key)) })
    warnOfDanger(entry, schema, { walk, path })
  }
  return { ...map, entries }
}

interface AtKey {
  readonly walk: Walk
  readonly path: string
}

/** A key that the section does not have: refused with the reason, ignored with the reason, or unknown. */
function reportKey(entry: Entry, { info, walk, path }: AtKey & { readonly info: SectionInfo }): void {
  const { findings, lenient } = walk
  const at = { path, span: entry.keySpan }
  const refused = reasonFor(entry.key, info.refused)
  const ignored = reasonFor(entry.key, info.ignored)
  if (refused !== undefined) {
    if (isBlank(entry.value)) return
    walk.failed = true
    findings.error({ ...at, kind: 'unsupported', message: `"${entry.key}" is not supported`, hint: refused })
  } else if (ignored !== undefined) {
    if (!isBlank(entry.value))
      findings.warn({ ...at, kind: 'ignored', message: `"${entry.key}" is ignored: ${ignored}` })
  } else if (!entry.key.toLowerCase().startsWith('x-') || walk.path.length > 0) {
    // Nobody knows what it holds: a misspelt secret is a secret.
    maskSecrets(entry.value, true)
    const near = nearest(entry.key, [...Object.keys(info.shape), ...Object.keys(info.refused)])
    const message = near === undefined ? 'unknown key' : `unknown key, did you mean "${near}"?`
    if (lenient) findings.warn({ ...at, kind: 'unknown-key', message })
    else {
      walk.failed = true
      const hint =
        near === undefined ? 'remove it (Dex ignores it), or take unknown keys as warnings with --lenient' : undefined
      findings.error({ ...at, kind: 'unknown-key', message, hint })
    }
  }
}

/** `insecureX: false,` is text for YAML. The line is shown as it was meant. */
function mendedFlag(entry: Entry, schema: z.ZodType, { walk, path }: AtKey): boolean {
  const { value } = entry
  if (value.kind !== 'scalar' || typeof value.value !== 'string' || value.hidden === true) return false
  const word = /^(true|false)\s*[,;]$/i.exec(value.value)?.[1]?.toLowerCase()
  if (word === undefined || !schema.safeParse(true).success || schema.safeParse('x').success) return false
  walk.failed = true
  walk.findings.error({
    kind: 'value',
    path,
    message: `expected true or false, got ${JSON.stringify(value.value)}`,
    expected: 'true or false',
    found: JSON.stringify(value.value),
    hint: `YAML has no commas at the ends of lines; write ${entry.key}: ${word}`,
    span: value.span,
  })
  return true
}

/** What the setting gives up, where its own description does not say it. */
const dangers: Readonly<Record<string, string>> = {
  insecurenossl: 'names and passwords travel in clear',
  insecureskipverify: 'whoever stands between can pose as the server, and read passwords and tokens',
  insecureca: 'whoever stands between can pose as the server',
  insecureskipemailverified: 'an address that nobody has proved counts as verified',
  insecureenablegroups: 'groups are believed as the other side tells them',
  insecureskipsignaturevalidation: 'anybody can say who they are',
  insecureskipissuercallbackdomaincheck: 'people may come back to another address than that of the broker',
}

function warnOfDanger(entry: Entry, schema: z.ZodType | undefined, { walk, path }: AtKey): void {
  if (schema === undefined || !/^insecure/i.test(entry.key)) return
  const value = asDexReads(entry.value, schema, walk.scalars)
  if (value.kind !== 'scalar' || value.value !== true) return
  const danger = dangers[entry.key.toLowerCase()] ?? 'a protection is off'
  walk.findings.warn({ kind: 'doubtful', path, message: `"${entry.key}" is on: ${danger}`, span: entry.keySpan })
}

interface Where {
  readonly schema: z.ZodType
  readonly node: ConfigNode
  readonly reading: SectionReading
}

function reportIssue(issue: z.core.$ZodIssue, { schema, node, reading }: Where): void {
  const params = issue.code === 'custom' ? issue.params : undefined
  const text = (name: string) => (typeof params?.[name] === 'string' ? (params[name] as string) : undefined)
  const inner = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
  const { span, hidden } = spanAt(node, inner)
  const missing = text('found') === 'none' ? /^a map that holds (.+)$/.exec(issue.message)?.[1] : undefined
  if (missing !== undefined) {
    const path = printPath([...reading.path, ...inner, missing])
    reading.findings.error({ kind: 'missing', path, message: `"${missing}" is missing`, span })
    return
  }
  reading.findings.mismatch({
    path: printPath([...reading.path, ...inner]),
    expected: issue.message,
    node: { ...nodeAt(node, inner), span },
    found: text('found'),
    hint: text('hint'),
    secret: hidden || isSecret(schema, inner),
  })
}

function isSecret(schema: z.ZodType, path: Path): boolean {
  let here: z.ZodType | undefined = schema
  for (const step of path) {
    if (typeof step === 'number') continue
    if (secretKey(step)) return true
    here = here === undefined ? undefined : sectionOf(here)?.shape[step]
    if (here !== undefined && metaOf(here).secret === true) return true
  }
  return false
}

function nodeAt(node: ConfigNode, path: Path): ConfigNode {
  let here = node
  for (const step of path) {
    const next =
      here.kind === 'list' && typeof step === 'number'
        ? here.items[step]
        : here.kind === 'map'
          ? here.entries.find(({ key }) => key === step)?.value
          : undefined
    // Nothing is no value of a key, but an item of a list.
    if (next === undefined || (isNull(next) && here.kind === 'map')) break
    here = next
  }
  return here
}
