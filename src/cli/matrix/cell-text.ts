/** A cell of an access review in words. */
import type { MatrixCell } from '../../trial/compare/matrix.ts'
import { placeText } from '../text.ts'

/** `yes: the group devops (gate.yaml:12:5)`, `no`, `sometimes: not with the method DELETE: the group devops (…)`. */
export function cellText({ access, rules, conditions }: MatrixCell): string {
  const why = rules.map(
    ({ action, words, place }) => `${action === 'deny' ? 'kept out by ' : ''}${words} (${placeText(place)})`,
  )
  return [access, conditions.join(', '), why.join(', ')].filter((part) => part !== '').join(': ')
}
