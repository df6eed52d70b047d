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
  readonly routes: readonly LintRoute[]
  readonly trial: Trial
}

export interface LintRoute {
  readonly settings: RouteSettings
  /** Its short-hands and rules; sources go from the route. */
  readonly blocks: readonly Block[]
}

export interface Remark {
  readonly route: RouteSettings
  /** From the route to what is meant. */
  readonly path: Path
  /** One clause, lower case, no full stop. */
  readonly message: string
  /** The rewrite. */
  readonly hint: string
}

/** One criterion at its place in the rules of a route. */
export interface ItemAt {
  readonly route: RouteSettings
  readonly block: Block
  readonly item: Item
  /** True where being true lets somebody in. */
  readonly helps: boolean
}

export function itemsOf({ routes }: LintSubject): readonly ItemAt[] {
  return routes.flatMap(({ settings: route, blocks }) =>
    blocks.flatMap((block) => {
      const helps = (block.action === 'allow') === (block.kind === 'and' || block.kind === 'or')
      return block.items.map((item) => ({ route, block, item, helps }))
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
