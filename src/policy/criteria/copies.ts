/** Criteria over what a visitor may send in several copies: header fields and query parameters. */
import { type Criterion, outcomesOf } from '../criterion.ts'
import type { Facts } from '../facts.ts'
import { textOperand } from '../matchers/text.ts'

interface Definition {
  readonly name: string
  readonly doc: string
  /** True when the name of what to look at stands after the slash. */
  readonly isNamed: boolean
  see(subpath: string): (facts: Facts) => readonly string[]
}

/**
 * Compares every copy. Servers differ in which copy they believe, so a criterion that helps the visitor needs all of
 * them (and at least one) to match, and one that counts against the visitor needs only one.
 */
export function copiesCriterion({ name, doc, isNamed, see }: Definition): Criterion {
  const { ok, unauthorized } = outcomesOf({ name })
  return {
    name,
    doc,
    accepts: textOperand.doc,
    needsSession: false,
    reasons: [ok.reason, unauthorized.reason],
    variesBy: 'helps',
    compile({ subpath, operand, helps, report }) {
      if (isNamed && subpath === '')
        report([], `cannot read ${name}: expected a name after the slash, as in ${name}/NAME`)
      const matches = textOperand.compile(operand, report)
      const copiesOf = see(subpath)
      return {
        needsSession: false,
        claims: [],
        check(facts) {
          const copies = copiesOf(facts)
          const holds = helps ? copies.length > 0 && copies.every(matches) : copies.some(matches)
          return holds ? ok : unauthorized
        },
        saw: copiesOf,
      }
    },
  }
}
