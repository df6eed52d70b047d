/** Reads a configuration as an experienced colleague would, and warns about what works otherwise than it looks. */
import type { Problem } from '../config/problem.ts'
import type { Settings } from '../config/schema.ts'
import type { Path } from '../policy/problem.ts'
import { type Block, readRules } from '../policy/rules.ts'
import { policyFromRoute } from '../policy/short-hands.ts'
import { openTrial } from '../trial/trial.ts'
import type { LintRule, LintSubject, Remark } from './lint-rule.ts'
import { claimOutOfScope } from './rules/claim-out-of-scope.ts'
import { hiddenRoute } from './rules/hidden-route.ts'
import { ignoredData } from './rules/ignored-data.ts'
import { neverMatches } from './rules/never-matches.ts'
import { nor } from './rules/nor.ts'
import { orOfBlocks } from './rules/or-of-blocks.ts'
import { pathSpelling } from './rules/path-spelling.ts'
import { prefixBoundary } from './rules/prefix-boundary.ts'
import { rejectNeverDenies } from './rules/reject-never-denies.ts'
import { unreachablePath } from './rules/unreachable-path.ts'
import { unusedPolicy } from './rules/unused-policy.ts'
import { unverifiedDomain } from './rules/unverified-domain.ts'

/** In the order in which the reference lists them. */
export const lintRules: readonly LintRule[] = [
  orOfBlocks,
  nor,
  ignoredData,
  rejectNeverDenies,
  neverMatches,
  hiddenRoute,
  unreachablePath,
  prefixBoundary,
  pathSpelling,
  unverifiedDomain,
  claimOutOfScope,
  unusedPolicy,
]

/** All warnings about settings that were read without problems, in the order of the file. */
export function lintPolicies(settings: Settings): readonly Problem[] {
  const subject: LintSubject = {
    settings,
    trial: openTrial(settings),
    rules: [
      ...settings.routes.flatMap((route) => [
        { owner: route, blocks: policyFromRoute(route, { source: [], report }) },
        { owner: route, blocks: rulesAt(route.shadow_policy, ['shadow_policy']) },
      ]),
      ...[...settings.policies.values()].map((named) => ({ owner: named, blocks: rulesAt(named.value, []) })),
    ],
  }
  return withoutRepeats(lintRules.flatMap((rule) => rule.find(subject).map((remark) => problemOf(rule, remark)))).sort(
    (a, b) => a.line - b.line || a.column - b.column,
  )
}

/** The settings are known to be right. Without names `use` brings nothing: what is used is read where it is written. */
const report = () => undefined

function rulesAt(policy: unknown, source: Path): readonly Block[] {
  return policy === undefined ? [] : readRules(policy, { source, report })
}

/** The same sentence at the same place is told once: `allowed_users` stands for two criteria, and two readers see the same. */
export function withoutRepeats(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>()
  return problems.filter(({ file, line, column, message }) => {
    const key = `${file}:${line}:${column}: ${message.replace(/ \([a-z-]+\)$/, '')}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

function problemOf({ name }: LintRule, { owner, path, message, hint }: Remark): Problem {
  const { place, excerpt } = owner.source.remark(path)
  return {
    severity: 'warning',
    kind: 'doubtful',
    ...place,
    path: printPath(owner.source.path, path),
    message: `${message} (${name})`,
    expected: undefined,
    found: undefined,
    hint,
    excerpt,
  }
}

/** `routes[2].policy[0].allow.or[1].domain`. */
function printPath(owner: string, path: readonly (string | number)[]): string {
  return owner + path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
}
