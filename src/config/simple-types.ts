/** Types of one value: text, yes or no, counts, durations, choices, lists of words, secrets. */
import { Secret } from '../crypto/secret.ts'
import { parseDuration, printDuration } from '../wire/duration.ts'
import { type Milliseconds, milliseconds } from '../wire/units.ts'
import { type Fail, settingType, textOf } from './setting-type.ts'

const CONTROL = /[\u0000-\u001f\u007f]/

export const text = () =>
  settingType('text', (raw, fail): string => {
    const value = textOf(raw)
    if (value === undefined) fail('text')
    else if (CONTROL.test(value)) fail('text without control characters', { found: 'a control character' })
    return value ?? ''
  })

/** The words of Go's `strconv.ParseBool`, which Pomerium takes in files and variables. */
const words: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False', ''].map((word) => [word, false] as const),
])

export const yesOrNo = () =>
  settingType('true or false', (raw, fail): boolean => {
    const value = typeof raw === 'boolean' ? raw : words.get(textOf(raw) ?? 'no scalar')
    if (value === undefined) fail('true or false')
    return value ?? false
  })

export const count = (limits: { min: number; max: number }) =>
  settingType('number', (raw, fail): number => {
    const value = textOf(raw) ?? ''
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
    if (!(number >= limits.min && number <= limits.max)) fail(`a whole number from ${limits.min} to ${limits.max}`)
    return number
  })

/** `max` in Go's form. Below zero is refused: no timer can keep it. */
export const duration = (limits: { max?: string } = {}) =>
  settingType('duration', (raw, fail): Milliseconds => {
    const value = textOf(raw)
    if (value === undefined || typeof raw === 'boolean') {
      fail('a duration such as 30s')
      return milliseconds(0)
    }
    try {
      const span = parseDuration(value)
      const max = limits.max === undefined ? Number.POSITIVE_INFINITY : parseDuration(limits.max)
      if (span < 0) fail('a duration of 0s or more')
      else if (span > max) fail(`a duration of at most ${printDuration(max)}`)
      return span
    } catch (error) {
      const bare = error instanceof RangeError && error.message === 'a number without a unit'
      const hint = bare ? 'write the unit, as in 30s, 500ms or 1h30m' : undefined
      fail('a duration such as 30s', hint === undefined ? {} : { found: 'a number without a unit', hint })
      return milliseconds(0)
    }
  })

/** One of a few words, in any case; Pomerium's protobuf prefix (`CODEC_TYPE_`) may be written, too. */
export const oneOf = <const W extends string>(choices: readonly W[], options: { prefix?: string } = {}) =>
  settingType(
    choices
      .filter(Boolean)
      .map((choice) => `\`${choice}\``)
      .join(', '),
    (raw, fail): W => {
      const given = textOf(raw)?.toLowerCase() ?? ''
      const prefix = options.prefix?.toLowerCase() ?? ''
      const word = prefix !== '' && given.startsWith(prefix) ? given.slice(prefix.length) : given
      const choice = choices.find((candidate) => candidate.toLowerCase() === word)
      if (choice === undefined) fail(`one of ${choices.filter(Boolean).join(', ')}`)
      return choice ?? (choices[0] as W)
    },
  )

/** A list of words; one text with commas or spaces between them is a list, too. */
export const wordList = () => settingType('list of words', readWords)

function readWords(raw: unknown, fail: (expected: string, at?: { path: number[] }) => void): readonly string[] {
  const single = textOf(raw)
  if (single !== undefined) return single.split(/[\s,]+/).filter((word) => word !== '')
  if (!Array.isArray(raw)) {
    fail('a list, or words with commas or spaces between them')
    return []
  }
  return raw.map((item: unknown, index) => {
    const word = textOf(item)?.trim() ?? ''
    if (word === '') fail('a word that is not blank', { path: [index] })
    else if (CONTROL.test(word)) fail('a word without control characters', { path: [index] })
    return word
  })
}

/** A value that is kept in a `Secret` from here on. The empty text counts as not set. */
export const secretText = () =>
  settingType('secret text', (raw, fail): Secret | undefined => {
    const value = textOf(raw)
    if (value === undefined) fail('text', { found: 'a list or map' })
    else if (CONTROL.test(value)) fail('text of one line', { found: 'a control character or line break' })
    return value === undefined || value === '' ? undefined : new Secret(value)
  })

/** A key of 32 bytes in standard base64 with padding, white space refused. The `Secret` holds the base64 text. */
export const secretKey = () => settingType('base64 of 32 bytes', readSecretKey)

function readSecretKey(raw: unknown, fail: Fail): Secret | undefined {
  const value = textOf(raw)
  if (value === '') return undefined
  const hint = 'make one with: head -c32 /dev/urandom | base64'
  if (value === undefined) fail('base64 of 32 bytes', { found: 'a list or map', hint })
  else if (/\s/.test(value)) fail('base64 of 32 bytes', { found: 'white space in it', hint })
  else if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value) || value.length % 4 !== 0) {
    fail('base64 of 32 bytes', { found: 'something that is not base64', hint })
  } else {
    const { length } = Buffer.from(value, 'base64')
    if (length !== 32) fail('base64 of 32 bytes', { found: `base64 of ${length} bytes`, hint })
  }
  return new Secret(value ?? '')
}

/** Keys that only open what they once sealed, newest first; seven at most. */
export const secretKeys = () =>
  settingType('list of base64 of 32 bytes', (raw, fail): readonly Secret[] => {
    const items: readonly unknown[] = Array.isArray(raw) ? raw : (textOf(raw) ?? '').split(/[\s,]+/).filter(Boolean)
    if (items.length > 7) fail('seven keys at most', { found: `${items.length} keys` })
    return items.flatMap((item, index) => {
      const at: Fail = (expected, more = {}) => fail(expected, { ...more, path: [index] })
      const key = readSecretKey(item, at)
      if (key === undefined) at('base64 of 32 bytes', { found: 'nothing' })
      return key ?? []
    })
  })
