/** Criteria over the user's e-mail address, which may be in doubt. */

import type { Session } from '../../session/session.ts'
import { type Criterion, outcomesOf, unauthenticated } from '../criterion.ts'
import type { Facts } from '../facts.ts'
import { textOperand } from '../matchers/text.ts'

interface Definition {
  readonly name: string
  readonly doc: string
  readonly certain: (session: Session) => string | undefined
  /** All that it could be taken for, where nothing is certain. */
  readonly doubtful: (session: Session) => readonly string[]
}

/**
 * What is in doubt helps nobody: where being true lets the visitor in, only what is certain is compared; where it
 * keeps the visitor out, one reading that matches is enough.
 */
export function addressCriterion({ name, doc, certain, doubtful }: Definition): Criterion {
  const { ok, unauthorized } = outcomesOf({ name })
  return {
    name,
    doc,
    accepts: textOperand.doc,
    needsSession: true,
    reasons: [ok.reason, unauthorized.reason, unauthenticated.reason],
    variesBy: 'helps',
    compile({ operand, helps, report }) {
      const matches = textOperand.compile(operand, report)
      return {
        needsSession: true,
        claims: [],
        check({ session }: Facts) {
          if (session === undefined) return unauthenticated
          const text = certain(session)
          const holds = text === undefined ? !helps && doubtful(session).some(matches) : matches(text)
          return holds ? ok : unauthorized
        },
        saw: ({ session }) => session && (certain(session) ?? (helps ? undefined : doubtful(session))),
      }
    },
  }
}
