/** An access review for programs. */
import type { Matrix } from '../../trial/compare/matrix.ts'
import { placeText } from '../text.ts'

/** `{routes: [{name, from, url, place}], people: [{who, groups, routes: {NAME: {access, rules, conditions}}}], notes}`. */
export function matrixJson({ routes, rows, notes }: Matrix): unknown {
  return {
    routes: routes.map(({ place, ...route }) => ({ ...route, place: placeText(place) })),
    people: rows.map(({ who, groups, cells }) => ({
      who,
      groups,
      // A list, since two routes may have one name.
      routes: cells.map(({ access, rules, conditions }, index) => ({
        route: routes[index]?.name,
        access,
        rules: rules.map(({ action, words, place }) => ({ action, words, place: placeText(place) })),
        conditions,
      })),
    })),
    notes,
  }
}
