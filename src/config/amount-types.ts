/** Types of amounts: sizes in octets, and shares of a whole. */
import { type Bytes, bytes } from '../wire/units.ts'
import { settingType, textOf } from './setting-type.ts'

const units: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1000],
  ['mb', 1000 ** 2],
  ['gb', 1000 ** 3],
  ['kib', 1024],
  ['mib', 1024 ** 2],
  ['gib', 1024 ** 3],
])

/** `100MB`, `64KiB`, or a plain number of octets. */
export const size = (limits: { min: string; max: string }) =>
  settingType('size', (raw, fail): Bytes => {
    const octets = parseSize(textOf(raw) ?? '')
    const [least = 0, most = 0] = [parseSize(limits.min), parseSize(limits.max)]
    if (octets === undefined) fail('a size such as 100MB or 64KiB')
    else if (octets < least || octets > most) fail(`a size from ${limits.min} to ${limits.max}`)
    return bytes(octets ?? 0)
  })

function parseSize(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,12})\s?([kmg]?i?b?)$/i.exec(text.trim()) ?? []
  const factor = units.get(unit.toLowerCase())
  return number === undefined || factor === undefined ? undefined : Number(number) * factor
}

/** A share of a whole: `20%`, or 0.2. The value is from 0 to 1. */
export const share = (limits: { min: number; max: number }) =>
  settingType('share', (raw, fail): number => {
    const [, number, percent] = /^(\d{1,3}(?:\.\d{1,6})?|\.\d{1,6})\s?(%)?$/.exec(textOf(raw)?.trim() ?? '') ?? []
    const value = number === undefined ? Number.NaN : Number(number) / (percent === undefined ? 1 : 100)
    if (!(value >= limits.min && value <= limits.max))
      fail(`a share from ${limits.min * 100}% to ${limits.max * 100}%, such as 20%`)
    return value
  })
