/** From the two verdicts to the decision: certificates first, then sign-in before denial, then deny before allow. */

import { unauthenticated } from './criterion.ts'
import type { Decision, StepUp, Verdict } from './decision.ts'
import { type Ask, ask, type CompiledBlock, judge } from './evaluate.ts'
import type { Facts } from './facts.ts'

export interface Sides {
  readonly allow: readonly CompiledBlock[]
  readonly deny: readonly CompiledBlock[]
}

export function decideSides(sides: Sides, facts: Facts, asked: Ask = ask): Decision {
  const allow = judge(sides.allow, facts, asked)
  const deny = judge(sides.deny, facts, asked)
  if (asksForCertificate(deny)) return { kind: 'deny', allow, deny, answer: 'client-certificate' }
  if (asksForUser(allow) || asksForUser(deny)) return { kind: 'sign-in', allow, deny }
  if (allow.value && !deny.value) return { kind: 'allow', allow, deny }
  // A denying deny by a certificate was answered above, so what is left is an allow that a certificate keeps from holding.
  return !deny.value && asksForCertificate(allow)
    ? { kind: 'deny', allow, deny, answer: 'client-certificate' }
    : { kind: 'deny', allow, deny }
}

function asksForCertificate({ reasons }: Verdict): boolean {
  return reasons.includes('client-certificate-required') || reasons.includes('invalid-client-certificate')
}

function asksForUser({ reasons }: Verdict): boolean {
  return reasons.includes(unauthenticated.reason)
}

/** A provider that ignores `acr_values` or `max_age` would send the user round for ever; one round is enough. */
const restAfterSignIn = 60_000

/**
 * Turns a denial that only `acr` or `auth_age` stand behind into another sign-in that asks for what is missing.
 * Nothing is decided by assumption: the second look only tells whether signing in again could help.
 */
export function withStepUp(decision: Decision, sides: Sides, facts: Facts): Decision {
  const { session } = facts
  if (decision.kind !== 'deny' || decision.answer || !session) return decision
  if (facts.now - session.issuedAt < restAfterSignIn) return decision
  const asked: Ask = (leaf) => {
    const outcome = leaf.check(facts)
    return leaf.stepUp && !outcome.value ? { value: true, reason: outcome.reason } : outcome
  }
  if (decideSides(sides, facts, asked).kind !== 'allow') return decision
  return { kind: 'sign-in', allow: decision.allow, deny: decision.deny, again: missing(sides, facts) }
}

function missing(sides: Sides, facts: Facts): StepUp {
  const acrValues = new Set<string>()
  let maxAge: number | undefined
  for (const { items } of [...sides.allow, ...sides.deny]) {
    for (const { leaf } of items) {
      if (!leaf.stepUp || leaf.check(facts).value) continue
      for (const value of leaf.stepUp.acrValues) acrValues.add(value)
      if (leaf.stepUp.maxAge !== undefined) maxAge = Math.min(maxAge ?? leaf.stepUp.maxAge, leaf.stepUp.maxAge)
    }
  }
  return { acrValues: [...acrValues], maxAge }
}
