/** What a lint rule is: a name, a sentence, an example with its rewrite, and how it is found. */
import type { RouteSettings, Settings } from '../config/schema.ts'
import type { Path } from '../policy/problem.ts'
import type { Block, Item } from '../policy/rules.ts'
import type { Trial } from '../trial/trial.ts'

export interface LintRule {
  /** As it is printed behind the warning. */
  readonly name: string
  /** One sentence or two: what surprises people. */
  readonly doc: string
  /** YAML of a route (or of a part of one) that is warned about. */
  readonly bad: string
  /** The same as it was probably meant. */
  readonly rewrite: string
  find(subject: LintSubject): readonly Remark[]
}

export interface LintSubject {
  readonly settings: Settings
  readonly rules: readonly LintRules[]
  readonly trial: Trial
}

/** What a route or a named policy is, as far as remarks are concerned. */
type Owner = Pick<RouteSettings, 'source'>

/** The rules of a route (short-hands included), those it tries, or a named policy: each is read where it is written. */
export interface LintRules {
  readonly owner: Owner
  /** Sources go from the owner. */
  readonly blocks: readonly Block[]
}

export interface Remark {
  readonly owner: Owner
  /** From the owner to what is meant. */
  readonly path: Path
  /** One clause, lower case, no full stop. */
  readonly message: string
  /** The rewrite. */
  readonly hint: string
}

/** One criterion at its place. */
export interface ItemAt {
  readonly owner: Owner
  readonly block: Block
  readonly item: Item
  /** True where being true lets somebody in. */
  readonly helps: boolean
}

export function itemsOf({ rules }: LintSubject): readonly ItemAt[] {
  return rules.flatMap(({ owner, blocks }) =>
    blocks.flatMap((block) => {
      const helps = (block.action === 'allow') === (block.kind === 'and' || block.kind === 'or')
      return block.items.map((item) => ({ owner, block, item, helps }))
    }),
  )
}

/** A criterion as it is written: `claim/groups`. */
export function nameOf({ name, subpath }: Item): string {
  return subpath === '' ? name : `${name}/${subpath}`
}

/** The operators of a text or list matcher, lower case, with the scalar form under its own; short-hands included. */
export function operatorsOf(operand: unknown, usual: 'is' | 'has'): ReadonlyMap<string, unknown> {
  if (typeof operand !== 'object' || operand === null || Array.isArray(operand)) return new Map([[usual, operand]])
  return new Map(Object.entries(operand).map(([key, value]) => [key.toLowerCase(), value]))
}
