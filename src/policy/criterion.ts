/** What a criterion is: a name, a sentence, what it accepts, and what it looks at; the rest is derived. */
import type { RecordSet } from '../config/read-records.ts'
import type { StepUp } from './decision.ts'
import type { Facts } from './facts.ts'
import type { Report } from './problem.ts'

/** What one criterion says of one request. */
export interface Outcome {
  readonly value: boolean
  readonly reason: string
}

/** One criterion with its data, compiled. */
export interface Leaf {
  readonly needsSession: boolean
  /** Flattened names of the claims it may look at. */
  readonly claims: readonly string[]
  /** The value it always has, where it has one. */
  readonly always?: boolean
  /** What a known user who fails here can still bring by signing in again. */
  readonly stepUp?: StepUp | undefined
  check(facts: Facts): Outcome
  /** The value it looked at, for explanations; undefined where there was none. */
  saw(facts: Facts): unknown
}

/** Records from outside, by their type. */
export type RecordSets = ReadonlyMap<string, RecordSet>

export interface CriterionInput {
  readonly subpath: string
  readonly operand: unknown
  /**
   * True where being true helps the visitor, false where it counts against them.
   * What the visitor may send twice must hold in every copy to help, and in any copy to harm.
   */
  readonly helps: boolean
  readonly records: RecordSets
  /** False where no authority for client certificates is configured: then none can be invalid. */
  readonly clientAuthority: boolean
  readonly report: Report
}

export interface Criterion {
  readonly name: string
  /** One sentence: when it is true. */
  readonly doc: string
  /** What may be written as its data. */
  readonly accepts: string
  readonly needsSession: boolean | 'depends'
  readonly reasons: readonly string[]
  /** The part of the input that the compiled form depends on, so that it is not shared between the two. */
  readonly variesBy?: 'helps' | 'clientAuthority'
  compile(input: CriterionInput): Leaf
}

/** What may stand as the data of a criterion, and how it is compared with what is seen. */
export interface Operand<Seen> {
  readonly doc: string
  /** Never throws: what is wrong is reported, and then nothing matches. */
  compile(value: unknown, report: Report): (seen: Seen) => boolean
}

interface Definition<Seen> {
  readonly name: string
  readonly doc: string
  readonly operand: Operand<Seen>
  /** The word that the reasons begin with, where it is not the name. */
  readonly reason?: string
  /** Names of the claims that are looked at, in the order tried. */
  readonly claims?: (subpath: string) => readonly string[]
  /** What to look at; undefined matches nothing, not even a negated operator. */
  see(subpath: string): (facts: Facts) => Seen | undefined
}

/** A criterion about the user: without a session it is false with the reason `user-unauthenticated`, so that sign-in follows. */
export function sessionCriterion<Seen>(definition: Definition<Seen>): Criterion {
  const outcomes = outcomesOf(definition)
  return {
    name: definition.name,
    doc: definition.doc,
    accepts: definition.operand.doc,
    needsSession: true,
    reasons: [outcomes.ok.reason, outcomes.unauthorized.reason, unauthenticated.reason],
    compile({ subpath, operand, report }) {
      const matches = definition.operand.compile(operand, report)
      const see = definition.see(subpath)
      return {
        needsSession: true,
        claims: definition.claims?.(subpath) ?? [],
        check(facts) {
          if (facts.session === undefined) return unauthenticated
          const seen = see(facts)
          return seen !== undefined && matches(seen) ? outcomes.ok : outcomes.unauthorized
        },
        saw: (facts) => (facts.session === undefined ? undefined : see(facts)),
      }
    },
  }
}

/** A criterion about the request, whoever sent it. */
export function requestCriterion<Seen>(definition: Definition<Seen>): Criterion {
  const outcomes = outcomesOf(definition)
  return {
    name: definition.name,
    doc: definition.doc,
    accepts: definition.operand.doc,
    needsSession: false,
    reasons: [outcomes.ok.reason, outcomes.unauthorized.reason],
    compile({ subpath, operand, report }) {
      const matches = definition.operand.compile(operand, report)
      const see = definition.see(subpath)
      return {
        needsSession: false,
        claims: [],
        check(facts) {
          const seen = see(facts)
          return seen !== undefined && matches(seen) ? outcomes.ok : outcomes.unauthorized
        },
        saw: see,
      }
    },
  }
}

export const unauthenticated: Outcome = { value: false, reason: 'user-unauthenticated' }

/** The two outcomes of a criterion: `x-ok` and `x-unauthorized`. */
export function outcomesOf({ name, reason }: { name: string; reason?: string }): {
  ok: Outcome
  unauthorized: Outcome
} {
  const word = reason ?? name.replaceAll('_', '-')
  return { ok: { value: true, reason: `${word}-ok` }, unauthorized: { value: false, reason: `${word}-unauthorized` } }
}
