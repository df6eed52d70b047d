/** One pair of routes, asked the same questions under both configurations. */
import type { Facts } from '../../policy/facts.ts'
import type { Policy } from '../../policy/policy.ts'
import type { State } from '../changes.ts'
import type { TrialRequest } from '../request.ts'
import type { Subject } from '../subject.ts'
import { factsOf, type Reached, type Trial, type TrialDecision, type TrialOutcome } from '../trial.ts'
import { type Difference, kindOf } from './difference.ts'
import type { RoutePair } from './pairs.ts'
import { decidingRules } from './rules.ts'

/** Asks both, and remembers how they differ. */
export class Asking {
  readonly found: Difference[] = []
  decided = 0
  readonly #before: Trial
  readonly #after: Trial
  readonly #pair: RoutePair

  constructor(before: Trial, after: Trial, pair: RoutePair) {
    this.#before = before
    this.#after = after
    this.#pair = pair
  }

  /** True where the request is taken by this pair of routes. */
  reaches(request: TrialRequest): boolean {
    return (
      isSame(this.#before.reach(request), this.#pair.before) && isSame(this.#after.reach(request), this.#pair.after)
    )
  }

  /** The policies of the pair, each with what it sees of this state. */
  policies({ person, request }: State): readonly { policy: Policy; facts: Facts }[] {
    const sides = [
      { reached: this.#pair.before, now: this.#before.reach(request) },
      { reached: this.#pair.after, now: this.#after.reach(request) },
    ]
    return sides.flatMap(({ reached, now }) => {
      if (reached.kind !== 'route') return []
      // Another path may lead elsewhere; what the criteria of this route say of it is asked all the same.
      const { arrival } = now.kind === 'route' ? now : reached
      return [{ policy: reached.route.policy, facts: factsOf(request, arrival, person) }]
    })
  }

  /** The two outcomes where they differ. */
  ask(request: TrialRequest, subject: Subject): { before: TrialOutcome; after: TrialOutcome } | undefined {
    this.decided++
    const old = this.#before.decide(request, subject)
    const next = this.#after.decide(request, subject)
    return outcomeOf(old) === outcomeOf(next) ? undefined : { before: old.decision, after: next.decision }
  }

  note(request: TrialRequest, subject: Subject, words: Pick<Difference, 'who' | 'request' | 'from'>): void {
    const old = this.#before.explain(request, subject)
    const next = this.#after.explain(request, subject)
    this.found.push({
      kind: kindOf(old.decision, next.decision),
      ...words,
      ...{ before: old.decision, after: next.decision },
      ...turningRule({ decision: old, reached: this.#pair.before }, { decision: next, reached: this.#pair.after }),
    })
  }
}

/** Signing in once more is an outcome of its own. */
function outcomeOf({ decision, policy }: TrialDecision): string {
  return policy?.kind === 'sign-in' && policy.again ? 'sign-in again' : decision
}

interface Side {
  readonly decision: TrialDecision
  readonly reached: Reached
}

/** The rule that makes the difference: the one that lets in, unless another keeps out what it would let in. */
function turningRule(before: Side, after: Side): Pick<Difference, 'rule' | 'side'> {
  const rules = ({ decision, reached }: Side) =>
    reached.kind === 'route' && decision.tree
      ? decidingRules(decision.tree, { isAllowed: decision.decision === 'allow', locate: reached.route.locate })
      : []
  const [old, next] = [rules(before)[0], rules(after)[0]]
  if (next?.action === 'deny') return { rule: next, side: 'after' }
  if (old?.action === 'deny') return { rule: old, side: 'before' }
  return next ? { rule: next, side: 'after' } : { rule: old, side: 'before' }
}

function isSame(a: Reached, b: Reached): boolean {
  return a.kind === 'route' ? b.kind === 'route' && a.route === b.route : a.kind === b.kind
}
