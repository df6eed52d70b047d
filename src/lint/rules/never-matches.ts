/** Criteria and blocks that cannot be met. */
import type { Block, Item } from '../../policy/rules.ts'
import { emptySpan, exclusion } from '../impossible.ts'
import {
  type ItemAt,
  itemsOf,
  type LintRule,
  type LintSubject,
  nameOf,
  operatorsOf,
  type Remark,
} from '../lint-rule.ts'

export const neverMatches: LintRule = {
  name: 'never-matches',
  doc: 'A criterion that no request and no person can meet: a list where one value is meant (`groups: [a, b]` is one group that is a list), an empty `in`, operators that contradict each other, a method in small letters, a path without a slash, a domain with an `@`, a span of time that ends before it begins; or an `and` that wants one thing to be two, or two that exclude one another.',
  bad: `policy:
  - allow:
      or:
        - groups: [devops, operations]`,
  rewrite: `policy:
  - allow:
      or:
        - groups: devops
        - groups: operations`,
  find: (subject) => [...itemsOf(subject).flatMap(impossibleItem), ...impossibleBlocks(subject)],
}

const texts = new Set([
  'user',
  'email',
  'domain',
  'http_method',
  'http_path',
  'acr',
  'user_agent',
  'header',
  'url_query',
])
const lists = new Set(['groups', 'claim'])

function impossibleItem({ owner, item }: ItemAt): readonly Remark[] {
  // An entry stands for an id and for an address; it cannot be both.
  if (item.source.includes('allowed_users')) return []
  const found = texts.has(item.name) ? textProblem(item) : lists.has(item.name) ? listProblem(item) : emptySpan(item)
  if (found === undefined) return []
  const [why, hint] = found
  return [{ owner, path: item.source, message: `${nameOf(item)} can never be met: ${why}`, hint }]
}

type Found = readonly [why: string, hint: string]

function listProblem(item: Item): Found | undefined {
  const operators = operatorsOf(item.operand, 'has')
  for (const [operator, value] of operators) {
    if (operator !== 'exclude' && Array.isArray(value))
      return [
        'a list is one value, not any of several',
        `write one line for each: - ${nameOf(item)}: ${String(value[0] ?? 'value')}`,
      ]
  }
  const excluded = operators.get('exclude')
  if (excluded !== undefined && [operators.get('has'), operators.get('is')].includes(excluded))
    return ['it wants and excludes the same value', 'keep one of the two']
  return undefined
}

function textProblem(item: Item): Found | undefined {
  const operators = operatorsOf(item.operand, 'is')
  const members = operators.get('in')
  if (Array.isArray(members) && members.length === 0)
    return ['its list is empty', 'name somebody, or leave the line out']
  for (const operator of ['is', 'contains', 'starts_with', 'ends_with']) {
    const value = operators.get(operator)
    if (Array.isArray(value)) return [`${operator} takes one text, not a list`, `write in: [${value.join(', ')}]`]
    if (typeof value === 'number' || typeof value === 'boolean')
      return [`${value} is no text`, `write it in quotes: "${value}"`]
  }
  return contradiction(operators) ?? wrongForm(item.name, operators)
}

/** `is`, or every member of `in`, tried against the other operators. */
function contradiction(operators: ReadonlyMap<string, unknown>): Found | undefined {
  const { is, in: members } = Object.fromEntries(operators)
  const candidates = is !== undefined ? [is] : Array.isArray(members) ? members : []
  const some = candidates.filter((value) => typeof value === 'string')
  if (some.length === 0 || operators.size < 2) return undefined
  const isPossible = some.some((text) => [...operators].every(([operator, value]) => holds(text, operator, value)))
  return isPossible ? undefined : ['its operators contradict each other', 'keep one of them']
}

function holds(text: string, operator: string, value: unknown): boolean {
  switch (operator) {
    case 'in':
      return Array.isArray(value) && value.includes(text)
    case 'not_in':
      return !(Array.isArray(value) && value.includes(text))
    case 'not':
      return text !== value
    case 'contains':
      return typeof value === 'string' && text.includes(value)
    case 'starts_with':
      return typeof value === 'string' && text.startsWith(value)
    case 'ends_with':
      return typeof value === 'string' && text.endsWith(value)
    default:
      return true
  }
}

function wrongForm(name: string, operators: ReadonlyMap<string, unknown>): Found | undefined {
  const { is, in: members, starts_with: start } = Object.fromEntries(operators)
  const whole = is !== undefined ? [is] : Array.isArray(members) ? members : []
  const every = (isWrong: (text: string) => boolean) =>
    whole.length > 0 && whole.every((text) => typeof text === 'string' && isWrong(text))
  switch (name) {
    case 'http_method':
      return every((text) => text !== text.toUpperCase())
        ? ['methods are upper case', `write ${String(whole[0]).toUpperCase()}`]
        : undefined
    case 'http_path':
      if (every((text) => text.includes('?')))
        return ['a path ends before the ?', 'compare the query by url_query/NAME']
      return every((text) => !text.startsWith('/')) ||
        (typeof start === 'string' && start !== '' && !start.startsWith('/'))
        ? ['every path begins with a slash', `write /${String(start ?? whole[0])}`]
        : undefined
    case 'domain':
      return every((text) => text.includes('@'))
        ? ['a domain is what stands behind the @', `write ${String(whole[0]).split('@').at(-1)}`]
        : undefined
    case 'email':
      return every((text) => !text.includes('@')) ? ['every address has an @', 'write the whole address'] : undefined
    default:
      return undefined
  }
}

/** Several texts that one criterion must equal at once, or something that is always false, under `and`. */
function impossibleBlocks({ rules }: LintSubject): readonly Remark[] {
  return rules.flatMap(({ owner, blocks }) =>
    blocks.flatMap((block): readonly Remark[] => {
      const why = block.kind === 'and' ? impossibleAnd(block) : undefined
      if (why === undefined) return []
      return [
        {
          owner,
          path: block.source,
          message: `this and can never be met: ${why}`,
          hint: 'write or: where one of them is enough',
        },
      ]
    }),
  )
}

const single = new Set(['user', 'email', 'domain', 'http_method', 'http_path'])

function impossibleAnd({ items }: Block): string | undefined {
  if (items.some(({ name }) => name === 'reject')) return 'reject is always false'
  const wanted = new Map<string, unknown>()
  for (const item of items) {
    if (!single.has(item.name)) continue
    const text = operatorsOf(item.operand, 'is').get('is')
    if (text === undefined) continue
    const before = wanted.get(item.name)
    if (before !== undefined && before !== text)
      return `${item.name} cannot be ${String(before)} and ${String(text)} at once`
    wanted.set(item.name, text)
  }
  return exclusion(items)
}
