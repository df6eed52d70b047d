/**
 * Types of the values in Dex's files, read as Go reads them there: a scalar of another type is refused ("false," is no
 * boolean), octets are base64. What a section is made of is declared by `section`, which finds keys in any case.
 */
import { z } from 'zod'
import { Secret } from '../../crypto/secret.ts'
import { parseDuration } from '../../wire/duration.ts'
import { nearest } from '../../wire/nearest.ts'
import { type Milliseconds, milliseconds } from '../../wire/units.ts'
import { type Fail, isMap, metaOf, settingType } from '../setting-type.ts'

type Shape = Readonly<Record<string, z.ZodType>>
type SectionValues<S extends Shape> = { readonly [K in keyof S]: z.output<S[K]> }

/** Types for which the empty text is no value, and means the default. A registry for the same reason as `sections`. */
const emptyTextIsUnset = z.registry<Record<string, never>>()

/** Text. A number or boolean is refused, as Go's decoder does: `bindPW: 12345` has to be quoted. */
export const goText = () => settingType('text', readText)

function readText(raw: unknown, fail: Fail): string {
  if (typeof raw === 'string') return raw
  fail('text', typeof raw === 'number' || typeof raw === 'boolean' ? { hint: 'write it in quotes' } : {})
  return ''
}

/** Text that is kept in a `Secret` from here on. */
export const goSecret = () => settingType('secret text', (raw, fail) => new Secret(readText(raw, fail)))

export const goFlag = () =>
  settingType('true or false', (raw, fail): boolean => {
    if (typeof raw !== 'boolean') {
      const word = typeof raw === 'string' ? /^\s*(true|false)\b/i.exec(raw)?.[1] : undefined
      fail(
        'true or false',
        word === undefined ? {} : { hint: `write ${word.toLowerCase()}, without anything around it` },
      )
    }
    return raw === true
  })

export const goCount = (limits: { readonly min: number; readonly max: number }) =>
  settingType('number', (raw, fail): number => {
    const isRight = typeof raw === 'number' && Number.isInteger(raw) && raw >= limits.min && raw <= limits.max
    if (!isRight) fail(`a whole number from ${limits.min} to ${limits.max}`)
    return isRight ? raw : limits.min
  })

/** A duration in Go's form, as text: `24h`, `1h30m`. */
export const goDuration = () => {
  const type = settingType('duration', (raw, fail): Milliseconds => {
    try {
      const span = typeof raw === 'string' ? parseDuration(raw) : undefined
      if (span !== undefined && span >= 0) return span
    } catch {
      // Told below.
    }
    const isBare = typeof raw === 'number' || (typeof raw === 'string' && /^\d+$/.test(raw))
    fail('a duration such as 24h or 30m', isBare ? { hint: 'write the unit, as in 24h' } : {})
    return milliseconds(0)
  })
  emptyTextIsUnset.add(type, {})
  return type
}

/** Octets as Go's `[]byte`: standard base64. The value is the decoded text (PEM, mostly). */
export const goOctets = () =>
  settingType('base64', (raw, fail): string => {
    const text = readText(raw, fail).replace(/\s/g, '')
    const isRight = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
    if (!isRight)
      fail('base64', {
        found: 'something else',
        ...(text.startsWith('-----') && { hint: 'encode the PEM text once more: base64 -w0 FILE' }),
      })
    return isRight ? Buffer.from(text, 'base64').toString('utf8') : ''
  })

export const goTexts = () => settingType('list of texts', readTexts)

function readTexts(raw: unknown, fail: Fail): readonly string[] {
  if (!Array.isArray(raw)) {
    fail('a list of texts')
    return []
  }
  return raw.map((item, index) => readText(item, at(fail, [index])))
}

/** One text, or a list of them. */
export const goTextOrTexts = () =>
  settingType('text, or list of texts', (raw, fail): readonly string[] =>
    typeof raw === 'string' ? [raw] : readTexts(raw, fail),
  )

export const goTextMap = () =>
  settingType('map from text to text', (raw, fail): Readonly<Record<string, string>> => {
    if (!isMap(raw)) {
      fail('a map from text to text')
      return {}
    }
    return Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, readText(value, at(fail, [key]))]))
  })

export const goOneOf = <const W extends string>(choices: readonly W[]) => {
  const type = settingType(
    choices
      .filter(Boolean)
      .map((choice) => `\`${choice}\``)
      .join(', '),
    (raw, fail): W => {
      const choice = choices.find((candidate) => candidate === raw)
      if (choice === undefined) fail(`one of ${choices.filter(Boolean).join(', ')}`)
      return choice ?? (choices[0] as W)
    },
  )
  emptyTextIsUnset.add(type, {})
  return type
}

export interface SectionOptions {
  /** Keys that Dex knows and we do not take, with the reason. */
  readonly refused?: Readonly<Record<string, string>>
  /** Keys that change nothing here, with the reason: they draw a warning. */
  readonly ignored?: Readonly<Record<string, string>>
}

/** A section as it was declared, for the reader, the reference page and warnings. */
export interface SectionInfo extends Required<SectionOptions> {
  readonly shape: Shape
  /** A list of such maps. */
  readonly isList: boolean
}

interface Checked<S extends Shape> {
  /** Contradictions between values, each of which is right by itself. */
  readonly check?: (values: SectionValues<S>, fail: Fail) => void
}

/** A registry and not a map of objects, since `.meta()` makes a copy of the schema and a registry knows its original. */
const sections = z.registry<{ section: unknown }>()

/** What a section is made of, looked for through `optional` and `prefault`; undefined for other types. */
export function sectionOf(schema: z.ZodType): SectionInfo | undefined {
  return sections.get(innermost(schema))?.section as SectionInfo | undefined
}

/** The type without `optional` and `prefault` around it. */
function innermost(schema: z.ZodType): z.ZodType {
  let inner: z.ZodType = schema
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodPrefault) inner = inner.unwrap() as z.ZodType
  return inner
}

/**
 * A map with declared keys, found in any case. A key that is not there gets its default; one without default that is not
 * `optional` must be there. `refused`: keys that Dex knows and we do not take, with the reason.
 */
export const goSection = <S extends Shape>(shape: S, options: SectionOptions & Checked<S> = {}) => {
  const info = infoOf(shape, options, false)
  const type = settingType('map', (raw, fail) => {
    let failed = false
    const tell: Fail = (...complaint) => {
      failed = true
      fail(...complaint)
    }
    const values = readSection(shape, raw, { fail: tell, info })
    if (!failed) options.check?.(values, fail)
    return values
  })
  sections.add(type, { section: info })
  return type
}

function infoOf(shape: Shape, { refused = {}, ignored = {} }: SectionOptions, isList: boolean): SectionInfo {
  return { shape, refused, ignored, isList }
}

/** A list of sections. */
export const goSections = <S extends Shape>(shape: S, options: SectionOptions = {}) => {
  const info = infoOf(shape, options, true)
  const type = settingType('list of maps', (raw, fail): readonly SectionValues<S>[] => {
    if (!Array.isArray(raw)) {
      fail('a list')
      return []
    }
    return raw.map((item, index) => readSection(shape, item, { fail: at(fail, [index]), info }))
  })
  sections.add(type, { section: info })
  return type
}

function readSection<S extends Shape>(
  shape: S,
  raw: unknown,
  { fail, info }: { readonly fail: Fail; readonly info: SectionInfo },
): SectionValues<S> {
  const values: Partial<SectionValues<S>> = {}
  if (!isMap(raw)) {
    fail('a map')
    return values as SectionValues<S>
  }
  const given = new Map<string, [string, unknown]>()
  for (const [key, value] of Object.entries(raw)) {
    const lower = key.toLowerCase()
    if (given.has(lower)) fail('each key once', { path: [key], found: 'the same key twice (in another case)' })
    given.set(lower, [key, value])
  }
  const known = Object.keys(shape)
  for (const [lower, [key, value]] of given) {
    if (known.some((name) => name.toLowerCase() === lower)) continue
    const reason = reasonFor(key, info.refused)
    // Null and false are how unused keys stand in files.
    if (reason !== undefined && (value === null || value === false || value === '')) continue
    if (reasonFor(key, info.ignored) !== undefined) continue
    const near = nearest(key, known)
    if (reason !== undefined) fail('a key that is supported', { path: [key], found: `"${key}"`, hint: reason })
    else
      fail(`one of the keys ${known.join(', ')}`, {
        path: [key],
        found: `"${key}"`,
        ...(near !== undefined && { hint: `did you mean "${near}"?` }),
      })
  }
  for (const [name, type] of Object.entries(shape)) {
    const [key, written] = given.get(name.toLowerCase()) ?? [name, undefined]
    const value = written === '' && isUnsetByEmptyText(type) ? undefined : written
    const result = type.safeParse(value ?? undefined)
    if (result.success) values[name as keyof S] = result.data as SectionValues<S>[keyof S]
    else if (value === undefined || value === null) fail(`a map that holds ${name}`, { found: 'none' })
    else passOn(result.error.issues, { key, fail })
  }
  return values as SectionValues<S>
}

/**
 * Go cannot tell an empty text from a key that is not there. For plain text it makes a difference only where the default
 * is another one, and where it does the declaration says so: an empty `promptType` is no prompt.
 */
function isUnsetByEmptyText(type: z.ZodType): boolean {
  return metaOf(type).blankIsUnset === true || (!type.safeParse('').success && emptyTextIsUnset.has(innermost(type)))
}

/** The reason that a table gives for a key, in any case. */
export function reasonFor(key: string, table: Readonly<Record<string, string>>): string | undefined {
  return Object.entries(table).find(([name]) => name.toLowerCase() === key.toLowerCase())?.[1]
}

/** The same complaint, further inside. */
function at(fail: Fail, path: readonly (string | number)[]): Fail {
  return (expected, complaint = {}) => fail(expected, { ...complaint, path: [...path, ...(complaint.path ?? [])] })
}

function passOn(
  issues: readonly z.core.$ZodIssue[],
  { key, fail }: { readonly key: string; readonly fail: Fail },
): void {
  for (const { message, path, ...issue } of issues) {
    const params = issue.code === 'custom' ? issue.params : undefined
    const text = (name: string) => (typeof params?.[name] === 'string' ? { [name]: params[name] } : {})
    const steps = path.map((step) => (typeof step === 'number' ? step : String(step)))
    fail(message, { path: [key, ...steps], ...text('found'), ...text('hint') })
  }
}
