/** The string matcher: one text compared by one or several operators, all of which must hold; case counts. */
import type { Operand } from '../criterion.ts'
import { type Report, shown } from '../problem.ts'
import { isMap } from '../rules.ts'

export type TextTest = (text: string) => boolean

export const textOperand: Operand<string> = {
  doc: 'a text (short for `is`), or a map of `is`, `not`, `contains`, `starts_with`, `ends_with`, `in` (list), `not_in` (list); all must hold; upper and lower case differ',
  compile(value, report) {
    const tests = textTests(value, report)
    const [only, second] = tests
    if (only && !second) return only
    return (text) => tests.every((test) => test(text))
  },
}

/** The tests of a string matcher, one for each operator. */
export function textTests(value: unknown, report: Report): readonly TextTest[] {
  if (!isMap(value)) return [is(value)]
  return Object.entries(value).map(([key, operand]) => {
    const make = operators.get(key.toLowerCase())
    if (make) return make(operand, (path, message) => report([key, ...path], message))
    report([key], `cannot compare text: expected one of ${[...operators.keys()].join(', ')}, got ${shown(key)}`)
    return never
  })
}

const never: TextTest = () => false

/** Anything may stand where a value is meant; what is no text equals no text. */
const is =
  (value: unknown): TextTest =>
  (text) =>
    text === value

const part =
  (holds: (text: string, piece: string) => boolean) =>
  (value: unknown, report: Report): TextTest => {
    if (typeof value === 'string') return (text) => holds(text, value)
    report([], `cannot compare text: expected a text, got ${shown(value)}`)
    return never
  }

const member =
  (wanted: boolean) =>
  (value: unknown, report: Report): TextTest => {
    if (Array.isArray(value)) {
      const values = new Set<unknown>(value)
      return (text) => values.has(text) === wanted
    }
    report([], `cannot compare text: expected a list, got ${shown(value)}`)
    return never
  }

const operators: ReadonlyMap<string, (value: unknown, report: Report) => TextTest> = new Map([
  ['is', is],
  [
    'not',
    (value: unknown): TextTest =>
      (text) =>
        text !== value,
  ],
  ['contains', part((text, piece) => text.includes(piece))],
  ['starts_with', part((text, piece) => text.startsWith(piece))],
  ['ends_with', part((text, piece) => text.endsWith(piece))],
  ['in', member(true)],
  ['not_in', member(false)],
])
