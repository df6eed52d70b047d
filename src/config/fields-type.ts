/** Maps as one setting (`decision_log: {path: …, keep: 7}`): each key has a type of its own, or all have the same. */
import type { z } from 'zod'
import { nearest } from '../wire/nearest.ts'
import { defaultOf, type Fail, isMap, settingType, typeNameOf } from './setting-type.ts'

type Shape = Readonly<Record<string, z.ZodType>>

/** A map of `shape`, or its JSON text as variables hold it. A key without default that is not `optional` must be there. */
export const fields = <S extends Shape>(shape: S) =>
  settingType(`map of ${Object.keys(shape).map(printKey(shape)).join(', ')}`, (raw, fail): FieldValues<S> => {
    const map = typeof raw === 'string' && raw.trimStart().startsWith('{') ? parseJson(raw) : raw
    const values: Partial<FieldValues<S>> = {}
    if (!isMap(map)) {
      fail(`a map of ${Object.keys(shape).join(', ')}`)
      return values as FieldValues<S>
    }
    for (const key of Object.keys(map)) {
      if (Object.hasOwn(shape, key)) continue
      const near = nearest(key, Object.keys(shape))
      fail(`one of the keys ${Object.keys(shape).join(', ')}`, {
        path: [key],
        found: 'another key',
        ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }),
      })
    }
    for (const [key, type] of Object.entries(shape)) {
      const result = type.safeParse(map[key] ?? undefined)
      if (result.success) values[key as keyof S] = result.data as FieldValues<S>[keyof S]
      else if (map[key] === undefined || map[key] === null) fail(`a map that holds ${key}`, { found: 'none' })
      else passOn(result.error.issues, key, fail)
    }
    return values as FieldValues<S>
  })

/** A map of names that people choose, to values of one type. */
export const mapOf = <T extends z.ZodType>(what: string, type: T) =>
  settingType(`map from name to ${typeNameOf(type)}`, (raw, fail): Readonly<Record<string, z.output<T>>> => {
    if (!isMap(raw)) fail(`a map from name to ${what}`)
    const pairs = Object.entries(isMap(raw) ? raw : {}).map(([name, value]) => {
      if (!/^[\w.-]{1,64}$/.test(name)) fail('a name of at most 64 letters, digits, _, - and .', { path: [name] })
      const result = type.safeParse(value ?? undefined)
      if (!result.success) passOn(result.error.issues, name, fail)
      return [name, result.data as z.output<T>]
    })
    return Object.fromEntries(pairs)
  })

/** What is wrong inside of the value of `key`. */
function passOn(issues: readonly z.core.$ZodIssue[], key: string, fail: Fail): void {
  for (const { message, path, ...issue } of issues) {
    const params = issue.code === 'custom' ? issue.params : undefined
    const text = (name: string) => (typeof params?.[name] === 'string' ? { [name]: params[name] } : {})
    fail(message, { path: [key, ...path.map(stepOf)], ...text('found'), ...text('hint') })
  }
}

type FieldValues<S extends Shape> = { readonly [K in keyof S]: z.output<S[K]> }

const printKey = (shape: Shape) => (key: string) => {
  const type = shape[key]
  const usual = type === undefined ? undefined : defaultOf(type)
  return usual === undefined ? `\`${key}\`` : `\`${key}\` (${String(usual)})`
}

const stepOf = (step: PropertyKey) => (typeof step === 'number' ? step : String(step))

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
