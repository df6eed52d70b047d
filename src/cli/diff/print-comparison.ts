/** A comparison for a terminal: route by route, who loses and who gains, and by which rule. */
import type { DifferenceKind } from '../../trial/compare/difference.ts'
import type { ReplayChange, ReplayResult } from '../../trial/compare/replay.ts'
import { type Cell, counted, type Paint, printColumns } from '../text.ts'
import type { Found } from './found.ts'
import { countText, routeTitle, ruleText, verbs, whoText } from './words.ts'

export function printComparison({ comparison, replay, before, after }: Found, paint: Paint): string {
  const { routes, pairs, decided, notes } = comparison
  const kinds = routes.flatMap(({ differences }) => differences.map(({ kind }) => kind))
  const sum =
    routes.length === 0
      ? `no difference between ${before} and ${after}`
      : `${counted(routes.length, 'route')} with a difference: ${countText(kinds)}`
  const blocks = routes.map((route) => {
    const rows = route.differences.map((difference) => [
      ...verbCells(difference.kind, paint),
      { text: whoText(difference) },
      { text: `${difference.before} → ${difference.after}` },
      { text: ruleText(difference), paint: paint.dim },
    ])
    return `${paint.strong(routeTitle(route))}  ${paint.dim(route.url)}\n${printColumns(rows, '  ')}\n`
  })
  return [
    ...blocks,
    `${sum}\n`,
    paint.dim(`${counted(pairs, 'route')} compared, ${counted(decided, 'question')} asked of both`),
    '\n',
    ...notes.map((note) => `note: ${note}\n`),
    ...(replay ? [`\n${printReplay(replay, paint)}`] : []),
  ].join('')
}

/** Lines of one route; nobody reads more. */
const mostShown = 100

/** What the log shows: real requests of real people. */
export function printReplay(result: ReplayResult, paint: Paint): string {
  const { changes, decisions, others, inexact, unreadable } = result
  const byRoute = Map.groupBy(changes, routeOfChange)
  const blocks = [...byRoute].map(([route, ofRoute]) => {
    const rows = ofRoute
      .slice(0, mostShown)
      .map((change) => [
        ...verbCells(change.kind, paint),
        { text: change.who },
        { text: `${change.before} → ${change.after}` },
        { text: counted(change.count, 'request') },
        { text: `such as ${change.requestId}`, paint: paint.dim },
      ])
    const more = ofRoute.length > mostShown ? `  and ${ofRoute.length - mostShown} more; --json has them all\n` : ''
    return `${paint.strong(route)}\n${printColumns(rows, '  ')}${more}\n`
  })
  const requests = changes.reduce((sum, { count }) => sum + count, others)
  const sum =
    requests === 0
      ? `${counted(decisions, 'logged decision')} taken again: nothing would change`
      : `${counted(decisions, 'logged decision')} taken again, ${requests} would change: ${countText(changes.map(({ kind }) => kind))}`
  return [
    ...blocks,
    `${sum}\n`,
    ...(others > 0 ? [`note: ${counted(others, 'request')} more would change than are listed\n`] : []),
    ...inexact.map(
      ({ route, missing, count }) =>
        `note: ${route}: ${counted(count, 'decision')} not taken again, since the log does not hold ${missing.join(', ')}\n`,
    ),
    ...(unreadable > 0 ? [`note: ${counted(unreadable, 'line')} of no decision\n`] : []),
  ].join('')
}

export function routeOfChange({ route, routeAfter }: ReplayChange): string {
  return routeAfter === undefined
    ? `${route}, which is gone`
    : routeAfter === route
      ? route
      : `${route}, now ${routeAfter}`
}

function verbCells(kind: DifferenceKind, paint: Paint): readonly Cell[] {
  const colour = kind === 'loss' ? paint.bad : kind === 'gain' ? paint.good : paint.dim
  return [{ text: `${signs[kind]} ${verbs[kind]}`, paint: colour }]
}

const signs: Readonly<Record<DifferenceKind, string>> = { loss: '-', gain: '+', other: '~' }
