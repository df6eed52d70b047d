/** Routes on a path that no request has when routes are looked for. */
import { pathRuleOf } from '../../config/route-draft.ts'
import type { RouteSettings, Settings } from '../../config/schema.ts'
import { compilePathRule } from '../../route/path-rule.ts'
import { arrive, listenerOptionsOf, requestOf } from '../../trial/request.ts'
import type { Trial } from '../../trial/trial.ts'
import type { LintRule, Remark } from '../lint-rule.ts'

export const unreachablePath: LintRule = {
  name: 'unreachable-path',
  doc: 'Paths are compared as they are forwarded: escaped, with `..` and `//` resolved, without the query; and a few the proxy answers itself. A route for another spelling, or for one of those, is never reached.',
  bad: `from: https://wiki.corp.test
prefix: /über uns/`,
  rewrite: `from: https://wiki.corp.test
prefix: /%C3%BCber%20uns/`,
  find: ({ settings, trial }) => settings.routes.flatMap((route) => remarksOn(route, { settings, trial })),
}

interface Asked {
  readonly settings: Settings
  readonly trial: Trial
}

function remarksOn(route: RouteSettings, asked: Asked): readonly Remark[] {
  const { kind, text } = pathRuleOf(route)
  if (kind === 'regex' || !text.startsWith('/') || text === '/') return []
  // A prefix may end inside of an escape.
  const ends = kind === 'path' ? [''] : ['', 'x', '/x', '0', '20']
  const found = ends.map((end) => outcomeOf(route, text + end, asked))
  if (found.includes('taken')) return []
  const remark = (message: string, hint: string): readonly Remark[] => [{ owner: route, path: [kind], message, hint }]
  if (found.every((outcome) => outcome === 'own-page'))
    return remark(`no request can reach this route: the proxy answers ${text} itself`, 'use another path, or remove it')
  const spelling = found.find((outcome) => typeof outcome === 'object')?.path
  return remark(
    'no request can reach this route: no path is spelt like this when it is compared',
    spelling === undefined ? 'write the path as it is forwarded' : `write ${kind}: ${spelling}`,
  )
}

/** What becomes of a request for this path; where another one arrives, that one. */
function outcomeOf(
  route: RouteSettings,
  path: string,
  { settings, trial }: Asked,
): 'taken' | 'own-page' | 'refused' | { readonly path: string } {
  const request = requestOf(`${route.from.replace(/\/$/, '').replaceAll('*', 'x')}${path}`, 0)
  const arrival = arrive(request, listenerOptionsOf(settings))
  if (arrival.kind === 'refused') return 'refused'
  if (trial.isOwnPage(arrival)) return 'own-page'
  return compilePathRule(route)(arrival.path) ? 'taken' : { path: arrival.path }
}
