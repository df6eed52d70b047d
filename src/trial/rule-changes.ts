/** Small changes of a route's rules that could let somebody in; each is only a guess until it was decided. */
import type { RouteSettings } from '../config/schema.ts'
import type { ExplainedNode } from '../policy/policy.ts'
import type { Path } from '../policy/problem.ts'
import type { AccessFields } from '../policy/short-hands.ts'
import type { Person } from './subject.ts'

/** A change of the access fields of a route. */
export interface RuleChange {
  readonly words: string
  /** What is taken away; undefined where something is added to the route. */
  readonly source: Path | undefined
  readonly access: AccessFields
}

/** Whatever stands against the person taken away, one at a time; and the person, or a group of theirs, added to the route. */
export function ruleChangesFor(
  route: RouteSettings,
  { tree, root, person }: { tree: readonly ExplainedNode[]; root: Path; person: Person },
): readonly RuleChange[] {
  const removals = tree.flatMap((action) =>
    action.children.flatMap((block) => {
      const isAgainst = (action.name === 'deny') === block.value
      if (!isAgainst) return []
      if (action.name === 'deny')
        return without(route, block.source, { root, words: `without the rule deny ${block.name}` })
      if (block.name === 'or' || block.children.length < 2) return []
      const turned = block.name !== 'and'
      return block.children
        .filter(({ value }) => value === turned)
        .flatMap(({ name, operand, source }) =>
          without(route, source.slice(0, -1), { root, words: `without ${name} ${operand ?? ''}`.trim() }),
        )
    }),
  )
  return [...removals, ...additions(route, person)]
}

function additions(route: RouteSettings, { email, groups }: Person): readonly RuleChange[] {
  const users = email === '' ? [] : [{ key: 'allowed_users', value: email } as const]
  const added = [...groups.slice(0, 3).map((value) => ({ key: 'allowed_groups', value }) as const), ...users]
  return added.map(({ key, value }) => ({
    words: `${value} added to ${key}`,
    source: undefined,
    access: { ...route, [key]: [...route[key], value] },
  }))
}

/** The route without what stands at `source`, which goes from the root of the configuration. */
function without(
  route: RouteSettings,
  source: Path,
  { root, words }: { root: Path; words: string },
): readonly RuleChange[] {
  const inside = source.slice(root.length)
  if (inside[0] !== 'policy' || !root.every((step, index) => source[index] === step)) return []
  const access = { ...route, policy: structuredClone(route.policy) }
  const last = inside.at(-1)
  const parent = inside
    .slice(0, -1)
    .reduce<unknown>((here, step) => (here as Record<string | number, unknown>)[step], access)
  if (Array.isArray(parent) && typeof last === 'number') parent.splice(last, 1)
  else if (typeof parent === 'object' && parent !== null && last !== undefined)
    delete (parent as Record<string | number, unknown>)[last]
  return [{ words, source, access }]
}
