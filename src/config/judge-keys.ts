/** Sorts the keys of a map: our settings, what Pomerium knows besides, and what nobody knows. */

import { nearest } from '../wire/nearest.ts'
import { type KnownKey, knownKeys, knownRouteKeys, runtimeFlags } from './known-keys.ts'
import { maskSecrets } from './masks.ts'
import { type ConfigNode, type Entry, isBlank, isNull, type MapNode, writtenText } from './node.ts'
import { type Findings, printPath } from './problem.ts'
import { routeSchema } from './route-settings.ts'
import { settingsSchema } from './schema.ts'
import { metaOf } from './setting-type.ts'

/** Settings that may be given by a file: `NAME_file` holds the path. */
export const globalTwins = [
  'certificate',
  'certificate_key',
  'certificate_authority',
  'idp_client_secret',
  'cookie_secret',
  'shared_secret',
  'signing_key',
]
export const routeTwins = ['tls_custom_ca']

interface Vocabulary {
  /** Keys that this level reads. */
  readonly settings: ReadonlySet<string>
  readonly known: ReadonlyMap<string, KnownKey>
  /** Keys of the other level, with where they belong. */
  readonly elsewhere: ReadonlySet<string>
  readonly place: string
}

const globals = new Set([
  ...Object.keys(settingsSchema.shape),
  ...globalTwins.map((name) => `${name}_file`),
  'policy',
  'routes',
  'tests',
])
const ofRoutes = new Set([...Object.keys(routeSchema.shape), ...routeTwins.map((name) => `${name}_file`)])

export const globalVocabulary: Vocabulary = {
  settings: globals,
  known: knownKeys,
  elsewhere: ofRoutes,
  place: 'inside a route',
}
export const routeVocabulary: Vocabulary = {
  settings: ofRoutes,
  known: knownRouteKeys,
  elsewhere: globals,
  place: 'at the top level, outside of routes',
}

/** Keys that stand in files only: names that other programs use for variables of theirs. */
const fileOnly = new Set([
  'tests',
  ...Object.entries(settingsSchema.shape).flatMap(([key, schema]) => (metaOf(schema).fileOnly ? [key] : [])),
])

/** Every global key that a variable may set. */
export const globalNames: readonly string[] = [...globals, ...knownKeys.keys()].filter((key) => !fileOnly.has(key))

interface Judging {
  readonly vocabulary: Vocabulary
  readonly path: readonly (string | number)[]
  readonly findings: Findings
  /** Unknown keys only draw a warning. */
  readonly lenient: boolean
}

/** The entries that are settings of ours and set to something, by lower-case key. Reports everything else. */
export function judgeKeys(map: MapNode, judging: Judging): Map<string, Entry> {
  const settings = new Map<string, Entry>()
  const seen = new Map<string, Entry>()
  for (const entry of map.entries) {
    const key = entry.key.toLowerCase()
    const path = printPath([...judging.path, entry.key])
    if (seen.has(key)) {
      judging.findings.error({
        kind: 'syntax',
        path,
        message: `the same key twice (in another case): ${JSON.stringify(seen.get(key)?.key)}`,
        span: entry.keySpan,
      })
      continue
    }
    seen.set(key, entry)
    if (judging.vocabulary.settings.has(key)) {
      if (!isNull(entry.value)) settings.set(key, entry)
      continue
    }
    const known = judging.vocabulary.known.get(key)
    if (known === undefined) reportUnknown(entry, key, { ...judging, at: path })
    else reportKnown(entry, known, { ...judging, key, at: path })
  }
  return settings
}

function reportUnknown(entry: Entry, key: string, judging: Judging & { at: string }): void {
  const { vocabulary, findings, at: path, lenient } = judging
  // `x-…` at the top is where people keep anchors, as in Compose files.
  if (judging.path.length === 0 && key.startsWith('x-')) return
  // Nobody knows what it holds: a misspelt secret is a secret.
  maskSecrets(entry.value, true)
  const near = nearest(key, [...vocabulary.settings, ...vocabulary.known.keys()])
  const elsewhere = vocabulary.elsewhere.has(key)
  const message = elsewhere
    ? `unknown key here; "${key}" belongs ${vocabulary.place}`
    : near === undefined
      ? 'unknown key'
      : `unknown key, did you mean "${near}"?`
  const hint = lenient
    ? undefined
    : elsewhere || near !== undefined
      ? undefined
      : 'remove it, or take unknown keys as warnings with --lenient'
  const detail = { kind: 'unknown-key', path, message, span: entry.keySpan, hint } as const
  if (lenient) findings.warn(detail)
  else findings.error(detail)
}

function reportKnown(entry: Entry, known: KnownKey, judging: Judging & { key: string; at: string }): void {
  const { findings, key, at: path } = judging
  const span = entry.keySpan
  if (key === 'runtime_flags') return
  switch (known.kind) {
    case 'removed':
      findings.error({ kind: 'removed-key', path, message: `"${key}" was removed`, span, hint: known.hint })
      return
    case 'ignored':
      if (!isBlank(entry.value))
        findings.warn({ kind: 'ignored', path, message: `"${key}" is ignored: ${known.why}`, span })
      return
    case 'unsupported': {
      if (isEmpty(entry.value) && known.evenEmpty !== true) return
      if (known.off.includes(offText(entry.value)))
        findings.warn({ kind: 'ignored', path, message: `"${key}" may be left out: it is always so`, span })
      else if (entry.value.span.source.origin === 'env' && key.startsWith('otel_')) {
        findings.warn({ kind: 'ignored', path, message: `"${key}" is ignored: tracing is not supported yet`, span })
      } else
        findings.error({ kind: 'unsupported', path, message: `"${key}" is not supported yet`, span, hint: known.hint })
      return
    }
  }
}

/** Nothing in it. Unlike `isBlank` it takes `false`, and a map that holds something empty, for something. */
function isEmpty(node: ConfigNode): boolean {
  if (node.kind === 'scalar') return node.value === null || node.value === ''
  return (node.kind === 'list' ? node.items : node.entries).length === 0
}

/** The value in the form of the table: lower case, lists sorted and joined by commas. */
function offText(node: ConfigNode): string {
  const words =
    node.kind === 'list'
      ? node.items.map((item) => writtenText(item) ?? '?')
      : (writtenText(node) ?? '?').split(/[\s,]+/)
  return words
    .map((word) => word.toLowerCase())
    .sort()
    .join(',')
}

/** `runtime_flags`: those that matter here must have the one value we keep. */
export function judgeFlags(node: ConfigNode, findings: Findings): void {
  if (node.kind !== 'map') {
    findings.mismatch({ path: 'runtime_flags', expected: 'a map of flags to true or false', node })
    return
  }
  for (const { key, keySpan: span, value } of node.entries) {
    const path = `runtime_flags.${key}`
    const name = key.toLowerCase()
    const kept = runtimeFlags.get(name)
    if (!runtimeFlags.has(name))
      findings.warn({ kind: 'ignored', path, message: 'a flag that nobody knows is ignored', span })
    else if (kept === undefined || String(kept) === writtenText(value)?.toLowerCase()) continue
    else findings.error({ kind: 'unsupported', path, message: `"${name}: ${!kept}" is not supported yet`, span })
  }
}
