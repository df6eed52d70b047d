/** A comparison for programs. */
import type { Difference, RouteName } from '../../trial/compare/difference.ts'
import { placeText } from '../text.ts'
import type { Found } from './found.ts'

/** `{before, after, routes: [{before, after, url, differences}], pairs, questions, notes, log?}`. */
export function comparisonJson({ before, after, comparison, replay }: Found): unknown {
  const { routes, pairs, decided, notes } = comparison
  return {
    before,
    after,
    routes: routes.map((route) => ({
      before: nameJson(route.before),
      after: nameJson(route.after),
      url: route.url,
      differences: route.differences.map(differenceJson),
    })),
    pairs,
    questions: decided,
    notes,
    ...(replay ? { log: replay } : {}),
  }
}

function nameJson(name: RouteName | undefined) {
  return name ? { name: name.name, place: placeText(name.place) } : null
}

function differenceJson({ rule, side, ...rest }: Difference) {
  return { ...rest, rule: rule ? { side, action: rule.action, words: rule.words, place: placeText(rule.place) } : null }
}
