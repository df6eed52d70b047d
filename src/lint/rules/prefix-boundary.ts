/** Prefixes that end inside of a word. */
import { pathRuleOf } from '../../config/route-draft.ts'
import { itemsOf, type LintRule, type LintSubject, operatorsOf, type Remark } from '../lint-rule.ts'

export const prefixBoundary: LintRule = {
  name: 'prefix-boundary',
  doc: 'A `prefix`, or a `starts_with` on a path, without a slash at its end also takes what only begins alike: `/admin` takes `/administrator`.',
  bad: `from: https://wiki.corp.test
prefix: /admin`,
  rewrite: `from: https://wiki.corp.test
prefix: /admin/`,
  find: (subject) => [...routePrefixes(subject), ...policyPrefixes(subject)],
}

/** The first sentence is also the one of the configuration's reader, so that it is told once. */
function routePrefixes({ settings }: LintSubject): readonly Remark[] {
  return settings.routes.flatMap((route) => {
    const { kind, text } = pathRuleOf(route)
    if (kind !== 'prefix' || !text.startsWith('/') || text.endsWith('/')) return []
    return {
      owner: route,
      path: ['prefix'],
      message: `the prefix also matches ${JSON.stringify(`${text}-else`)}`,
      hint: `write ${JSON.stringify(`${text}/`)}, and a route with path: ${text} where that is needed`,
    }
  })
}

/** Where it keeps people out, taking more is the safe side. */
function policyPrefixes(subject: LintSubject): readonly Remark[] {
  return itemsOf(subject).flatMap(({ owner, item, helps }) => {
    const start = operatorsOf(item.operand, 'is').get('starts_with')
    if (!helps || item.name !== 'http_path' || typeof start !== 'string' || start.endsWith('/')) return []
    return {
      owner,
      path: item.source,
      message: `starts_with ${start} also opens ${JSON.stringify(`${start}-else`)}`,
      hint: `write starts_with: ${start}/`,
    }
  })
}
