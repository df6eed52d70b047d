/** What every type of setting is made of: a zod value that reads files and environment alike and says what it expected. */
import { z } from 'zod'

/** Where to look inside the value, and the way out. Nothing here may repeat the value itself. */
interface Complaint {
  /** Inside the value: index of a list item, key of a map. */
  readonly path?: readonly (string | number)[]
  /** What was found, where it is not simply the value (which the reader of issues adds, unless it is secret). */
  readonly found?: string
  readonly hint?: string
}

export type Fail = (expected: string, complaint?: Complaint) => void

/** What a setting says of itself; docs/config.md is printed from it. */
export interface SettingMeta {
  /** One sentence or two for whoever writes the configuration. */
  readonly doc: string
  /** Name of the environment variable where it is not the upper-cased key. */
  readonly env?: string
  /** `live`: a reload puts it in force; `restart`: only a new process does. */
  readonly reload?: 'live' | 'restart'
  /** No variable sets it: it is a document that others are written against, or its name is one that other programs use. */
  readonly fileOnly?: boolean
  /** Never printed, not even as "found". */
  readonly secret?: boolean
  /** The empty text counts as not set. */
  readonly blankIsUnset?: boolean
  /** Where and how it differs from Pomerium's. */
  readonly pomerium?: string
  /** The default as a reader should see it, where it is worked out and not written in the schema. */
  readonly shownDefault?: string
}

/** The name of each type for the reference page. */
const typeNames = z.registry<{ name: string }>()

/**
 * Declares a type. `parse` gets what a file or variable holds: text (numbers come as they were written), booleans,
 * lists and maps. It returns the value, or calls `fail` once for each thing that is wrong.
 */
export function settingType<T>(name: string, parse: (raw: unknown, fail: Fail) => T) {
  const type = z.unknown().transform((raw, context): T => {
    let failed = false
    const value = parse(raw, (expected, complaint = {}) => {
      failed = true
      const { path = [], found, hint } = complaint
      context.addIssue({ code: 'custom', message: expected, path: [...path], params: { found, hint } })
    })
    return failed ? z.NEVER : value
  })
  typeNames.add(type, { name })
  return type
}

/** The type's name for the reference page, looked for through `optional` and `prefault`. */
export function typeNameOf(schema: z.ZodType): string {
  let inner: z.ZodType = schema
  for (let depth = 0; depth < 8; depth++) {
    const known = typeNames.get(inner)
    if (known !== undefined) return known.name
    if (!(inner instanceof z.ZodOptional || inner instanceof z.ZodPrefault)) break
    inner = inner.unwrap() as z.ZodType
  }
  return 'value'
}

/** The default as it is written in the schema, or undefined. */
export function defaultOf(schema: z.ZodType): unknown {
  return schema instanceof z.ZodPrefault ? schema.def.defaultValue : undefined
}

export function metaOf(schema: z.ZodType): SettingMeta {
  return (schema.meta() ?? { doc: '' }) as unknown as SettingMeta
}

/** True for a map as the readers make them, not for lists and null. */
export function isMap(raw: unknown): raw is Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw)
}

/** Text of a scalar, or undefined for lists, maps and nothing. */
export function textOf(raw: unknown): string | undefined {
  if (typeof raw === 'string') return raw
  return typeof raw === 'number' || typeof raw === 'boolean' ? String(raw) : undefined
}
