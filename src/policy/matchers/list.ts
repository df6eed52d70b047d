/** The list matcher: the values of a claim compared by one or several operators, all of which must hold. */
import type { Operand } from '../criterion.ts'
import { shown } from '../problem.ts'
import { isMap } from '../rules.ts'
import { sameValue } from '../same-value.ts'

type ListTest = (values: readonly unknown[]) => boolean

export const listOperand: Operand<readonly unknown[]> = {
  doc: 'one value (short for `has`), or a map of `has` (some value equals), `is` (there is exactly one value and it equals), `exclude` (no value equals); all must hold; types count: 3 is not "3"; a list is one value, not "any of"',
  compile(operand, report) {
    if (!isMap(operand)) return has(operand)
    const tests = Object.entries(operand).map(([key, value]): ListTest => {
      const make = operators.get(key.toLowerCase())
      if (make) return make(value)
      report([key], `cannot compare list: expected one of ${[...operators.keys()].join(', ')}, got ${shown(key)}`)
      return () => false
    })
    const [only, second] = tests
    if (only && !second) return only
    return (values) => tests.every((test) => test(values))
  },
}

function has(value: unknown): ListTest {
  if (typeof value === 'string' || typeof value === 'boolean') return (values) => values.includes(value)
  return (values) => values.some((item) => sameValue(item, value))
}

const operators: ReadonlyMap<string, (value: unknown) => ListTest> = new Map([
  ['has', has],
  [
    'is',
    (value: unknown): ListTest =>
      (values) =>
        values.length === 1 && sameValue(values[0], value),
  ],
  [
    'exclude',
    (value: unknown): ListTest => {
      const found = has(value)
      return (values) => !found(values)
    },
  ],
])
