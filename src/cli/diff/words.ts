/** The words of a comparison, the same in a terminal and in a pull request. */
import type { Difference, DifferenceKind, RouteDifference } from '../../trial/compare/difference.ts'
import { counted, placeText } from '../text.ts'

export const verbs: Readonly<Record<DifferenceKind, string>> = { loss: 'loses', gain: 'gains', other: 'changes' }

/** `hello`, `hello, now greetings`, `hello, which is gone`. */
export function routeTitle({ before, after }: RouteDifference): string {
  if (before && after) return before.name === after.name ? before.name : `${before.name}, now ${after.name}`
  return before ? `${before.name}, which is gone` : `${after?.name ?? ''}, which is new`
}

export function whoText({ who, request, from }: Difference): string {
  const asked = request === '' ? who : from === 'cases' ? `${who}, ${request}` : `${who} with ${request}`
  return from === 'cases' ? `${asked} (of the cases)` : asked
}

/** `was let in by the group devops (old.yaml:15:9)`. */
export function ruleText({ rule, side, kind }: Difference): string {
  if (!rule) return kind === 'gain' ? '' : 'no rule lets them in'
  const verb = side === 'before' ? 'was' : 'is'
  return `${verb} ${rule.action === 'allow' ? 'let in' : 'kept out'} by ${rule.words} (${placeText(rule.place)})`
}

export function countText(kinds: readonly DifferenceKind[]): string {
  const count = (kind: DifferenceKind) => kinds.filter((one) => one === kind).length
  const other = count('other')
  const parts = [
    `${count('loss')} ${count('loss') === 1 ? 'loss' : 'losses'}`,
    counted(count('gain'), 'gain'),
    ...(other === 0 ? [] : [counted(other, 'other change')]),
  ]
  return parts.join(', ')
}
