/** What a compiled policy can do. */
import type { Decision } from './decision.ts'
import type { Facts } from './facts.ts'
import type { Path } from './problem.ts'

/** One node of an explanation: an action, one of its blocks, or a criterion. */
export interface ExplainedNode {
  readonly kind: 'action' | 'block' | 'criterion'
  /** `allow`, `or`, `claim/groups` … */
  readonly name: string
  readonly value: boolean
  /** Where it was written, from the root of the configuration. */
  readonly source: Path
  /** Of a criterion: its data as text, its reason, and the value it looked at (undefined where there was none). */
  readonly operand?: string
  /** Of a criterion: its data as it was written. */
  readonly data?: unknown
  readonly reason?: string
  readonly saw?: unknown
  readonly children: readonly ExplainedNode[]
}

export interface Explanation {
  readonly decision: Decision
  readonly tree: readonly ExplainedNode[]
}

export interface PolicyNeeds {
  /** The flattened names of all claims that are looked at, in every spelling that is tried. */
  readonly claims: ReadonlySet<string>
  /** False when no criterion looks at the session: it need not be opened. */
  readonly session: boolean
  /** False when it is certain that nobody is let in without signing in. */
  readonly admitsAnonymous: boolean
  /** True when a criterion looks at the client's certificate. */
  readonly clientCertificate: boolean
  /** Names (lower case) of the header fields that are looked at. */
  readonly headers: ReadonlySet<string>
  /** Names of the parameters of the query that are looked at. */
  readonly query: ReadonlySet<string>
  /** True when the same request may be decided otherwise at another moment. */
  readonly time: boolean
}

export interface Policy {
  readonly needs: PolicyNeeds
  decide(facts: Facts): Decision
  /** The same decision, with what every criterion saw; costs more than `decide`. */
  explain(facts: Facts): Explanation
  /** Whether each criterion holds, in the order of the tree of `explain`; costs little. */
  truths(facts: Facts): readonly boolean[]
}
