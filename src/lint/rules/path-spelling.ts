/** Rules on a path that another spelling gets around. */
import { pathRuleOf } from '../../config/route-draft.ts'
import { itemsOf, type LintRule, type LintSubject, operatorsOf, type Remark } from '../lint-rule.ts'
import { literalStart } from '../regex-text.ts'

export const pathSpelling: LintRule = {
  name: 'path-spelling',
  doc: 'A rule on a path that another spelling gets around: with `path_with_escaped_slashes_action: keep_unchanged` the route for `/admin/` does not take `/admin%2fx`, which many applications read as the same; and `deny` of exactly `/admin` does not take `/admin/`.',
  bad: `policy:
  - deny:
      or:
        - http_path: /admin`,
  rewrite: `policy:
  - deny:
      or:
        - http_path:
            starts_with: /admin`,
  find: (subject) => [...escapedSlashes(subject), ...exactDenials(subject)],
}

/** Asks the route table itself who would take the other spelling. */
function escapedSlashes({ settings, trial }: LintSubject): readonly Remark[] {
  if (settings.path_with_escaped_slashes_action !== 'keep_unchanged') return []
  return settings.routes.flatMap((route): readonly Remark[] => {
    const host = /^https?:\/\/([^/:]+)/i.exec(route.from)?.[1] ?? ''
    const { kind, text } = pathRuleOf(route)
    const start = kind === 'regex' ? literalStart(text) : text
    if (host.includes('*') || start.indexOf('/', 1) === -1) return []
    const spelling = `/${start.slice(1).replaceAll('/', '%2f')}${kind === 'path' ? '' : 'x'}`
    const taker = trial.find(host, '', spelling)
    if (taker === undefined || taker.settings === route) return []
    return [
      {
        owner: route,
        path: [kind],
        message: `${JSON.stringify(spelling)} is not taken by this route but by ${taker.settings.source.path}`,
        hint: 'leave path_with_escaped_slashes_action at reject_request',
      },
    ]
  })
}

function exactDenials(subject: LintSubject): readonly Remark[] {
  return itemsOf(subject).flatMap(({ owner, item, block }): readonly Remark[] => {
    if (item.name !== 'http_path' || block.action !== 'deny' || block.kind !== 'or') return []
    const operators = operatorsOf(item.operand, 'is')
    const path = operators.get('is')
    if (typeof path !== 'string' || path === '/' || operators.size > 1) return []
    const other = path.endsWith('/') ? path.slice(0, -1) : `${path}/`
    return [
      {
        owner,
        path: item.source,
        message: `this denies exactly ${path}, not ${other}, which many applications take for the same`,
        hint: `write starts_with: ${path.replace(/\/$/, '')}`,
      },
    ]
  })
}
