/** What single settings cannot see: contradictions inside a route, equal routes, routes that no request reaches. */
import { hasRules, type NamedRules, needsSignIn, shorthands } from './access.ts'
import { isNull } from './node.ts'
import type { Findings } from './problem.ts'
import { hostRuleOf, pathRuleOf, type RouteDraft, spanOf } from './route-draft.ts'

/** Contradictions and doubts inside one route. */
export function checkRoute(
  draft: RouteDraft,
  { findings, policies }: { findings: Findings; policies: NamedRules },
): void {
  checkTarget(draft, findings)
  checkAccess(draft, { findings, policies })
  checkPath(draft, findings)
}

function checkTarget(draft: RouteDraft, findings: Findings): void {
  const { values, entries, path, node } = draft
  if (!entries.has('from'))
    findings.error({
      kind: 'missing',
      path: `${path}.from`,
      message: '"from" is missing',
      hint: 'say which address it is for: from: https://app.example.com',
      span: node.span,
    })
  else if (/^http:/i.test(values.from ?? '')) {
    findings.warn({
      kind: 'doubtful',
      path: `${path}.from`,
      message: 'public addresses are https; http: means the same here',
      span: spanOf(draft, 'from'),
    })
  }
  if (entries.has('to') ? values.to?.length === 0 : !draft.entries.has('redirect') && !refusedTarget(draft)) {
    findings.error({
      kind: 'missing',
      path: `${path}.to`,
      message: '"to" is missing',
      hint: 'say where requests go: to: http://app:8080',
      span: spanOf(draft, 'to'),
    })
  }
}

/** `redirect` and `response` are targets, too; they were refused by name already. */
function refusedTarget({ node }: RouteDraft): boolean {
  return node.kind === 'map' && node.entries.some(({ key }) => /^(redirect|response)$/i.test(key))
}

function checkAccess(draft: RouteDraft, { findings, policies }: { findings: Findings; policies: NamedRules }): void {
  const { values, path } = draft
  const given = (key: 'allowed_users' | 'allowed_domains') => (values[key]?.length ?? 0) > 0
  const clash = (a: string, b: string) =>
    findings.error({
      kind: 'contradiction',
      path: `${path}.${a}`,
      message: `"${a}" and "${b}" exclude each other`,
      hint: 'keep the one that is meant',
      span: spanOf(draft, a),
    })
  const isPublic = values.allow_public_unauthenticated_access === true
  if (isPublic && values.allow_any_authenticated_user === true)
    clash('allow_public_unauthenticated_access', 'allow_any_authenticated_user')
  for (const key of ['allowed_users', 'allowed_domains'] as const) {
    if (isPublic && given(key)) clash('allow_public_unauthenticated_access', key)
    if (values.allow_any_authenticated_user === true && given(key)) clash('allow_any_authenticated_user', key)
  }
  const narrower =
    (values.allowed_groups?.length ?? 0) > 0
      ? 'allowed_groups'
      : Object.keys(values.allowed_idp_claims ?? {}).length > 0
        ? 'allowed_idp_claims'
        : undefined
  const wide = isPublic
    ? 'allow_public_unauthenticated_access'
    : values.allow_any_authenticated_user === true
      ? 'allow_any_authenticated_user'
      : undefined
  if (narrower !== undefined && wide !== undefined) {
    findings.warn({
      kind: 'doubtful',
      path: `${path}.${narrower}`,
      message: `"${narrower}" narrows nothing: "${wide}" lets them in already`,
      span: spanOf(draft, narrower),
    })
  }
  if (shorthands(values).length === 0 && !hasRules(values.policy, policies) && draft.hasRightRules && isRead(draft)) {
    findings.warn({
      kind: 'doubtful',
      path,
      message: 'nobody may use this route',
      hint: 'say who may: allowed_groups, allowed_users, policy, …',
      span: spanOf(draft, 'from'),
    })
  }
}

/** False where something in the route was not understood; it was reported, and doubts about the rest would mislead. */
function isRead({ node, entries, values }: RouteDraft): boolean {
  const unknown =
    node.kind === 'map' &&
    node.entries.some(
      ({ key, value }) => !isNull(value) && !entries.has(key.toLowerCase()) && !key.toLowerCase().endsWith('_file'),
    )
  return !unknown && [...entries.keys()].every((key) => key in values)
}

function checkPath(draft: RouteDraft, findings: Findings): void {
  const { values, path } = draft
  const rule = pathRuleOf(values)
  const ignored = (['path', 'prefix'] as const).filter((key) => key !== rule.kind && (values[key] ?? '') !== '')
  for (const key of ignored)
    findings.warn({
      kind: 'doubtful',
      path: `${path}.${key}`,
      message: `"${key}" is not looked at, since "${rule.kind}" is set`,
      span: spanOf(draft, key),
    })
  if (rule.kind === 'regex') return
  const span = spanOf(draft, rule.kind)
  if (!rule.text.startsWith('/'))
    findings.warn({
      kind: 'doubtful',
      path: `${path}.${rule.kind}`,
      message: `no path begins like ${JSON.stringify(rule.text)}`,
      hint: 'begin it with a slash',
      span,
    })
  else if (rule.kind === 'prefix' && !rule.text.endsWith('/')) {
    findings.warn({
      kind: 'doubtful',
      path: `${path}.prefix`,
      message: `the prefix also matches ${JSON.stringify(`${rule.text}-else`)}`,
      hint: `write ${JSON.stringify(`${rule.text}/`)}, and a route with path: ${rule.text} where that is needed`,
      span,
    })
  }
}

/** Contradictions between routes: equal ones, and those behind an earlier one that takes all their requests. */
export function checkRoutesTogether(drafts: readonly RouteDraft[], findings: Findings): void {
  const byHost = Map.groupBy(drafts.filter(isRead), ({ values }) => {
    const { host, port } = hostRuleOf(values.from ?? '')
    return `${host}:${port}`
  })
  for (const group of byHost.values()) checkHost(group, findings)
}

/** The routes of one host, in order. */
function checkHost(group: readonly RouteDraft[], findings: Findings): void {
  const first = new Map<string, RouteDraft>()
  const rules = new Map<string, RouteDraft>()
  for (const draft of group) {
    const identity = identityOf(draft)
    const twin = first.get(identity)
    const hiding = hidingRule(rules, draft)
    if (twin !== undefined) {
      findings.error({
        kind: 'contradiction',
        path: draft.path,
        message: `the same route as ${twin.path}: from, path rule and to are equal`,
        hint: 'put the rules of both into one route',
        span: spanOf(draft, 'from'),
      })
    } else if (hiding !== undefined) {
      findings.warn({
        kind: 'doubtful',
        path: draft.path,
        message: `no request can reach this route: ${hiding.path} is matched first`,
        hint: `move it above ${hiding.path}, or remove it`,
        span: spanOf(draft, 'from'),
      })
    } else {
      first.set(identity, draft)
      rules.set(ruleText(draft), draft)
    }
  }
}

const ruleText = ({ values }: RouteDraft) => {
  const { kind, text } = pathRuleOf(values)
  return `${kind} ${text}`
}

/** The earlier route that takes every path of this one, if any. Patterns are not reasoned about, only compared. */
function hidingRule(rules: ReadonlyMap<string, RouteDraft>, draft: RouteDraft): RouteDraft | undefined {
  const { kind, text } = pathRuleOf(draft.values)
  const same = rules.get('prefix /') ?? rules.get(ruleText(draft))
  if (same !== undefined || kind === 'regex') return same
  for (let length = 1; length <= text.length; length++) {
    const shorter = rules.get(`prefix ${text.slice(0, length)}`)
    if (shorter !== undefined) return shorter
  }
  return undefined
}

function identityOf({ values }: RouteDraft): string {
  return JSON.stringify([
    values.from?.toLowerCase().replace(/\/$/, ''),
    values.prefix ?? '',
    values.path ?? '',
    values.regex ?? '',
    values.to,
  ])
}

/** True where some route wants people to sign in. */
export function anyNeedsSignIn(drafts: readonly RouteDraft[], policies: NamedRules): RouteDraft | undefined {
  return drafts.find(({ values }) => needsSignIn(values, policies))
}
