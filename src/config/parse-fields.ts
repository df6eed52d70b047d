/** Parses each setting of a map by itself, so that one mistake hides no other. */
import type { z } from 'zod'
import { type Entry, plainOf, spanAt, writtenText } from './node.ts'
import { type Findings, printPath } from './problem.ts'
import { metaOf } from './setting-type.ts'

/** Settings that compare with types: numbers and booleans keep them. */
const typed = new Set(['policy', 'policies', 'shadow_policy', 'allowed_idp_claims'])

interface Parsing {
  readonly path: readonly (string | number)[]
  readonly findings: Findings
}

/** The values that are right; what is wrong is reported, and its key is missing in the result. */
export function parseFields<S extends Readonly<Record<string, z.ZodType>>>(
  shape: S,
  entries: ReadonlyMap<string, Entry>,
  parsing: Parsing,
): Partial<{ [K in keyof S]: z.output<S[K]> }> {
  const values: Partial<{ [K in keyof S]: z.output<S[K]> }> = {}
  for (const key in shape) {
    const schema = shape[key]
    const given = entries.get(key)
    if (schema === undefined || given?.isUnread === true) continue
    const unset = metaOf(schema).blankIsUnset === true && given !== undefined && writtenText(given.value) === ''
    const entry = unset ? undefined : given
    const plain = entry === undefined ? undefined : plainOf(entry.value, typed.has(key))
    const result = schema.safeParse(plain)
    if (result.success) values[key] = result.data as z.output<S[typeof key]>
    else if (entry !== undefined)
      for (const issue of result.error.issues)
        report(issue, entry, { ...parsing, secret: metaOf(schema).secret === true })
  }
  return values
}

function report(issue: z.core.$ZodIssue, entry: Entry, parsing: Parsing & { secret: boolean }): void {
  const { span, hidden } = spanAt(entry.value, issue.path)
  const params = issue.code === 'custom' ? issue.params : undefined
  const found = typeof params?.['found'] === 'string' ? params['found'] : undefined
  const hint = typeof params?.['hint'] === 'string' ? params['hint'] : undefined
  const node = nodeAt(entry, issue.path)
  const path = printPath([...parsing.path, entry.key, ...issue.path])
  parsing.findings.mismatch({
    path,
    expected: issue.message,
    node: { ...node, span },
    found,
    hint,
    secret: parsing.secret || hidden,
  })
}

function nodeAt(entry: Entry, path: readonly PropertyKey[]): Entry['value'] {
  let here = entry.value
  for (const key of path) {
    const next =
      here.kind === 'list' && typeof key === 'number'
        ? here.items[key]
        : here.kind === 'map'
          ? here.entries.find((inner) => inner.key === key)?.value
          : undefined
    if (next === undefined) break
    here = next
  }
  return here
}
