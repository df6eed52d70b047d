/** The lists of routes: each entry's keys judged, its files read, its values parsed, its policy checked. */
import { decodeRoutes } from './environment.ts'
import type { FileReader } from './file-reader.ts'
import { readTwins } from './file-twins.ts'
import { judgeKeys, routeVocabulary } from './judge-keys.ts'
import { type ConfigNode, type Entry, spanAt, writtenText } from './node.ts'
import { parseFields } from './parse-fields.ts'
import { type Findings, printPath } from './problem.ts'
import type { RecordSet } from './read-records.ts'
import { type RouteDraft, sourceOf } from './route-draft.ts'
import { routeSchema } from './route-settings.ts'
import type { NamedPolicy } from './schema.ts'

/** One thing the policy station has to say about a policy. */
interface PolicyFinding {
  /** An error unless it says `warning`. */
  readonly severity?: 'error' | 'warning'
  /** From the root of the policy: `[0, 'allow', 'or', 1]`. */
  readonly path: readonly (string | number)[]
  readonly message: string
  readonly expected?: string | undefined
  readonly found?: string | undefined
  readonly hint?: string | undefined
}

/** What a policy may refer to. */
export interface PolicyScope {
  /** What `use: NAME` means; without it, as inside of a named policy, there is no such thing. */
  readonly named?: ReadonlyMap<string, { readonly value: unknown; readonly source: readonly (string | number)[] }>
  readonly records: ReadonlyMap<string, RecordSet>
}

export type CheckPolicy = (policy: unknown, scope: PolicyScope) => readonly PolicyFinding[]

/** What the forward station says about `set_request_headers`: one clause for each thing that it cannot do. */
export type CheckHeaders = (set: Readonly<Record<string, string>>) => readonly string[]

interface Reading {
  readonly findings: Findings
  readonly files: FileReader
  readonly lenient: boolean
  readonly checkPolicy: CheckPolicy | undefined
  readonly checkHeaders: CheckHeaders | undefined
  readonly scope: PolicyScope
}

/** The drafts of one list; `key` is `policy` or `routes`. */
export async function readRoutes(key: string, entry: Entry | undefined, reading: Reading): Promise<RouteDraft[]> {
  const node = entry === undefined ? undefined : listOf(entry, key, reading.findings)
  const drafts: RouteDraft[] = []
  for (const [index, item] of (node?.kind === 'list' ? node.items : []).entries()) {
    const path = [key, index]
    if (item.kind === 'map') drafts.push(await readRoute(item, path, reading))
    else reading.findings.mismatch({ path: printPath(path), expected: 'a route: a map with from, to, …', node: item })
  }
  return drafts
}

/** The list itself; a text is base64 of one, as in the variables. */
function listOf({ value }: Entry, key: string, findings: Findings): ConfigNode | undefined {
  const text = writtenText(value)
  const node = text === undefined || text === '' ? value : decodeRoutes(text, { span: value.span, findings, path: key })
  if (node === undefined || node.kind === 'list' || text === '') return node
  findings.mismatch({ path: key, expected: 'a list of routes', node })
  return undefined
}

async function readRoute(
  node: ConfigNode & { kind: 'map' },
  path: readonly (string | number)[],
  reading: Reading,
): Promise<RouteDraft> {
  const { findings, files, lenient } = reading
  const entries = judgeKeys(node, { vocabulary: routeVocabulary, path, findings, lenient })
  await readTwins(entries, 'route', { files, findings, path })
  const values = parseFields(routeSchema.shape, entries, { path, findings })
  checkHeaders(entries.get('set_request_headers'), values.set_request_headers, { ...reading, path })
  const areRight = (['policy', 'shadow_policy'] as const).map((key) => {
    const entry = entries.get(key)
    if (entry === undefined || values[key] === undefined) return true
    return checkRules(entry.value, values[key], { ...reading, path: [...path, entry.key] })
  })
  return { path: printPath(path), node, entries, values, hasRightRules: !areRight.includes(false) }
}

function checkHeaders(
  entry: Entry | undefined,
  set: Readonly<Record<string, string>> | undefined,
  { findings, checkHeaders: check, path }: Reading & { readonly path: readonly (string | number)[] },
): void {
  if (entry === undefined || set === undefined || check === undefined) return
  for (const [name, value] of Object.entries(set)) {
    for (const message of check({ [name]: value })) {
      const { span } = spanAt(entry.value, [name], true)
      findings.error({ kind: 'unsupported', path: printPath([...path, entry.key, name]), message, span })
    }
  }
}

/** `policies`, each checked where it is written. */
export function readPolicies(
  documents: Readonly<Record<string, unknown>>,
  { entry, ...reading }: Omit<Reading, 'files' | 'lenient' | 'checkHeaders'> & { readonly entry: Entry | undefined },
): ReadonlyMap<string, NamedPolicy> {
  const policies = new Map<string, NamedPolicy>()
  for (const { key: name, value: node } of entry?.value.kind === 'map' ? entry.value.entries : []) {
    const value: unknown = Object.hasOwn(documents, name) ? documents[name] : []
    const path = ['policies', name]
    // Of a map with a mistake nothing is left but the names; the mistake was reported.
    if (Object.hasOwn(documents, name)) checkRules(node, value, { ...reading, path })
    policies.set(name, { value, source: sourceOf({ node, path: printPath(path) }) })
  }
  return policies
}

/** For routes: the names are there, and what is wrong with the rules behind them was said where they stand. */
export function withoutRules(policies: ReadonlyMap<string, unknown>): NonNullable<PolicyScope['named']> {
  return new Map([...policies.keys()].map((name) => [name, { value: [], source: ['policies', name] }]))
}

interface Checking extends Pick<Reading, 'findings' | 'checkPolicy' | 'scope'> {
  /** Where the rules stand. */
  readonly path: readonly (string | number)[]
}

/** False where an error was found. */
function checkRules(node: ConfigNode, policy: unknown, { findings, checkPolicy, scope, path }: Checking): boolean {
  let isRight = true
  for (const finding of checkPolicy?.(policy, scope) ?? []) {
    const { severity, message, expected, found, hint } = finding
    const { span } = spanAt(node, finding.path, true)
    const detail = {
      kind: 'policy',
      path: printPath([...path, ...finding.path]),
      message,
      expected,
      found,
      hint,
      span,
    } as const
    if (severity === 'warning') findings.warn(detail)
    else {
      isRight = false
      findings.error(detail)
    }
  }
  return isRight
}
