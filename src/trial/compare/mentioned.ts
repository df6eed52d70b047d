/** What the data of a criterion names: texts, list values, addresses and moments on both sides of every edge. */
import type { AddressBits } from '../../policy/matchers/ip.ts'
import { addressBits } from '../../policy/matchers/ip.ts'
import { isMap } from '../../policy/rules.ts'
import { parseMoment } from '../moment.ts'

/** More values of one criterion are not compared; the report says so. */
export const mostValues = 300

/** Texts that a string matcher tells apart: those that it names, and where several operators must hold one that meets them all. */
export function textsOf(data: unknown): readonly string[] {
  if (!isMap(data)) return typeof data === 'string' ? [data] : []
  const entries = Object.entries(data).map(([operator, value]) => [operator.toLowerCase(), value] as const)
  const named = entries.flatMap(([, value]) => (Array.isArray(value) ? value : [value])).filter(isText)
  const piece = (wanted: string) => entries.flatMap(([operator, value]) => (operator === wanted ? [String(value)] : []))
  const whole =
    entries.length > 1 ? [[...piece('starts_with'), ...piece('contains'), ...piece('ends_with')].join('')] : []
  return unique([...named, ...whole.filter((text) => text !== '')])
}

/** Values that a list matcher names. */
export function listValuesOf(data: unknown): readonly unknown[] {
  return isMap(data) ? Object.values(data) : [data]
}

/** First and last address of every range, and those just outside: two sets of ranges that differ differ at one of these. */
export function addressesOf(data: unknown): readonly string[] {
  const ranges = (Array.isArray(data) ? data : [data]).filter(isText)
  return unique(ranges.flatMap(edgesOfRange)).slice(0, mostValues * 4)
}

function edgesOfRange(range: string): readonly string[] {
  const [address = '', length] = range.split('/')
  const bits = addressBits(address)
  if (bits === undefined) return []
  const isMapped = address.includes(':') && 'v4' in bits
  const width = 'v4' in bits ? 32 : 128
  const fixed = length === undefined ? width : Number(length) - (isMapped ? 96 : 0)
  if (!(fixed >= 0 && fixed <= width)) return []
  const hosts = BigInt(width - fixed)
  const first = (numberOf(bits) >> hosts) << hosts
  const last = first + (1n << hosts) - 1n
  const end = (1n << BigInt(width)) - 1n
  return [first, last, first - 1n, last + 1n]
    .filter((one) => one >= 0n && one <= end)
    .map((one) => printAddress(one, width))
}

function numberOf(bits: AddressBits): bigint {
  return 'v4' in bits ? BigInt(bits.v4) : bits.v6
}

function printAddress(number: bigint, width: 32 | 128): string {
  const group = width === 32 ? 8n : 16n
  const count = width === 32 ? 4 : 8
  const parts = Array.from(
    { length: count },
    (_, index) => (number >> (group * BigInt(count - 1 - index))) & ((1n << group) - 1n),
  )
  return width === 32 ? parts.join('.') : parts.map((part) => part.toString(16)).join(':')
}

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** Moments at which a criterion on time may turn: edges of dates, each quarter of an hour of a week, each minute of a day. */
export function momentsOf(name: string, data: unknown, now: number): readonly number[] {
  const edges = isMap(data) ? [data['after'], data['before']] : [data]
  const named = edges.filter(isText).flatMap((edge) => {
    const moment = parseMoment(edge)
    return moment === undefined ? [] : [moment - 1, moment]
  })
  if (name === 'date') return named
  const start = Math.floor(now / DAY) * DAY
  const quarters = Array.from({ length: 7 * 96 }, (_, quarter) => start + quarter * 15 * MINUTE)
  const minutes = name === 'time_of_day' ? Array.from({ length: 1440 }, (_, minute) => start + minute * MINUTE) : []
  return [...named, ...quarters, ...minutes]
}

/** `1h30m`, `7d` in milliseconds; undefined for anything else. */
export function ageOf(data: unknown): number | undefined {
  if (typeof data !== 'string') return undefined
  const units: Readonly<Record<string, number>> = { d: DAY, h: 60 * MINUTE, m: MINUTE, s: 1000 }
  const parts = [...data.matchAll(/(\d{1,6})([dhms])/g)]
  return parts.length === 0
    ? undefined
    : parts.reduce((sum, [, count, unit = 's']) => sum + Number(count) * (units[unit] ?? 0), 0)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function unique<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)]
}
