import type { RecordSet } from '../../config/read-records.ts'
import { type Criterion, outcomesOf, unauthenticated } from '../criterion.ts'
import { certainDomain, certainEmail, doubtfulDomains, doubtfulEmails } from '../email-address.ts'
import type { Facts } from '../facts.ts'
import { type Report, shown } from '../problem.ts'
import { isMap } from '../rules.ts'
import { sameValue } from '../same-value.ts'

const { ok, unauthorized } = outcomesOf({ name: 'record' })

type FieldTest = (value: unknown) => boolean

export const record: Criterion = {
  name: 'record',
  doc: 'A record from the configured record files, found by the user or the address, has a field as wanted.',
  accepts:
    'a map of `type` (name of the records), `field`, and one or several of `is`, `exists` (true or false), `<`, `<=`, `>`, `>=`; a field that holds a list `is` each of its items; numbers are compared with numbers, texts with texts',
  needsSession: 'depends',
  reasons: [ok.reason, unauthorized.reason, unauthenticated.reason],
  variesBy: 'helps',
  compile({ operand, records, helps, report }) {
    const { set, field, tests } = readOperand(operand, { records, report })
    const { certain, doubtful } = keyReaders[set.key]
    const needsSession = set.key !== 'client.address'
    const fieldAt = (key: string): unknown => {
      const row = key === '' ? undefined : set.rows.get(key)
      return row !== undefined && Object.hasOwn(row, field) ? row[field] : undefined
    }
    const isMet = (value: unknown) => tests.every((test) => test(value))
    /** What the user may be found by; '' finds nothing. */
    const keysOf = (facts: Facts): readonly string[] => {
      const key = certain(facts)
      return key === undefined ? [...doubtful(facts), ''] : [key]
    }
    return {
      needsSession,
      claims: [],
      check(facts) {
        if (needsSession && facts.session === undefined) return unauthenticated
        const key = certain(facts)
        if (key !== undefined) return isMet(fieldAt(key)) ? ok : unauthorized
        // An address in doubt: nobody gets rid of a record by not having verified it, and nobody gains another's.
        const met = (one: string) => isMet(fieldAt(one))
        return (helps ? keysOf(facts).every(met) : keysOf(facts).some(met)) ? ok : unauthorized
      },
      saw(facts) {
        if (needsSession && facts.session === undefined) return undefined
        const [value, ...more] = [...new Set(keysOf(facts).map(fieldAt))]
        return more.length === 0 ? value : [value, ...more].filter((one) => one !== undefined)
      },
    }
  },
}

interface KeyReader {
  /** Undefined where it is in doubt; '' where there is none. */
  readonly certain: (facts: Facts) => string | undefined
  readonly doubtful: (facts: Facts) => readonly string[]
}

const never = () => []

const keyReaders: Readonly<Record<RecordSet['key'], KeyReader>> = {
  'user.id': { certain: ({ session }) => session?.userId ?? '', doubtful: never },
  'user.email': {
    certain: ({ session }) => (session ? certainEmail(session) : ''),
    doubtful: ({ session }) => (session ? doubtfulEmails(session) : []),
  },
  'user.domain': {
    certain: ({ session }) => (session ? certainDomain(session) : ''),
    doubtful: ({ session }) => (session ? doubtfulDomains(session) : []),
  },
  'client.address': { certain: ({ clientAddress }) => clientAddress, doubtful: never },
}

const noRecords: RecordSet = { key: 'client.address', rows: new Map() }

function readOperand(
  operand: unknown,
  { records, report }: { records: ReadonlyMap<string, RecordSet>; report: Report },
) {
  const refused = { set: noRecords, field: '', tests: [() => false] as FieldTest[] }
  if (!isMap(operand)) {
    report([], `cannot read record matcher: expected a map of type, field and a comparison, got ${shown(operand)}`)
    return refused
  }
  const { type, field, ...comparisons } = operand
  const set = typeof type === 'string' ? records.get(type) : undefined
  if (!set) {
    const types = [...records.keys()].join(', ')
    const wanted = types === '' ? 'no records are configured' : `expected one of ${types}, got ${shown(type)}`
    report(['type'], `cannot find records: ${wanted}`)
  }
  if (typeof field !== 'string')
    report(['field'], `cannot read record matcher: expected the name of a field, got ${shown(field)}`)
  const entries = Object.entries(comparisons)
  if (entries.length === 0)
    report([], `cannot read record matcher: expected one of ${[...operators.keys()].join(', ')}`)
  const tests = entries.map(([key, value]): FieldTest => {
    const make = operators.get(key)
    const test = make?.(value)
    if (!make)
      report([key], `cannot compare record: expected one of ${[...operators.keys()].join(', ')}, got ${shown(key)}`)
    else if (!test) report([key], `cannot compare record: data of another type was expected, got ${shown(value)}`)
    return test ?? (() => false)
  })
  return set && typeof field === 'string' && tests.length > 0 ? { set, field, tests } : refused
}

function ordered(holds: (order: number) => boolean) {
  return (wanted: unknown): FieldTest | undefined => {
    if (typeof wanted === 'number') return (value) => typeof value === 'number' && holds(value - wanted)
    if (typeof wanted !== 'string') return undefined
    return (value) => typeof value === 'string' && holds(value < wanted ? -1 : value > wanted ? 1 : 0)
  }
}

const operators: ReadonlyMap<string, (wanted: unknown) => FieldTest | undefined> = new Map([
  [
    'is',
    (wanted: unknown): FieldTest =>
      (value) =>
        Array.isArray(value) ? value.some((item) => sameValue(item, wanted)) : sameValue(value, wanted),
  ],
  [
    'exists',
    (wanted: unknown): FieldTest | undefined =>
      typeof wanted === 'boolean' ? (value) => (value !== undefined && value !== null) === wanted : undefined,
  ],
  ['<', ordered((order) => order < 0)],
  ['<=', ordered((order) => order <= 0)],
  ['>', ordered((order) => order > 0)],
  ['>=', ordered((order) => order >= 0)],
])
