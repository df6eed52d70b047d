import { sessionCriterion } from '../criterion.ts'
import type { Facts } from '../facts.ts'
import { listOperand } from '../matchers/list.ts'

export const claim = sessionCriterion({
  name: 'claim',
  doc: 'The values of a claim, named after the slash: `claim/department`; a claim inside another by dots or slashes: `claim/realm_access.roles`. A claim that the user does not have is the empty list.',
  operand: listOperand,
  claims: claimNames,
  see(subpath) {
    const names = claimNames(subpath)
    return (facts) => claimValues(facts, names)
  },
})

/** The names that are looked up, in this order: as written, slashes as dots, and both in lower case. */
export function claimNames(written: string): readonly string[] {
  const lower = written.toLowerCase()
  return [...new Set([written, written.replaceAll('/', '.'), lower, lower.replaceAll('/', '.')])]
}

const none: readonly unknown[] = []

/** The values of the first of `names` that the user has; a Map, so that no name reaches an inherited property. */
export function claimValues({ session }: Facts, names: readonly string[]): readonly unknown[] {
  for (const name of names) {
    const values = session?.flatClaims.get(name)
    if (values !== undefined) return values
  }
  return none
}
