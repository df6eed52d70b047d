/** Files, environment and secret files to one checked configuration, or to all the problems at once. */
import { checkCertificateNames } from './check-certificate-names.ts'
import { checkOwnBroker } from './check-own-broker.ts'
import { checkRoute, checkRoutesTogether } from './check-routes.ts'
import { checkSettings } from './check-settings.ts'
import { type Environment, overlay, variablesOf } from './environment.ts'
import { FileReader, type ReadFile } from './file-reader.ts'
import { readCertificateFiles, readTwins } from './file-twins.ts'
import { globalVocabulary, judgeFlags, judgeKeys } from './judge-keys.ts'
import type { ConfigNode, Entry, MapNode, Span } from './node.ts'
import { parseFields } from './parse-fields.ts'
import { Source } from './place.ts'
import { Findings, type Problem } from './problem.ts'
import { readDocument } from './read-document.ts'
import { readOwnBroker } from './read-own-broker.ts'
import { readRecords } from './read-records.ts'
import { type CheckHeaders, type CheckPolicy, readPolicies, readRoutes, withoutRules } from './read-routes.ts'
import type { RouteDraft } from './route-draft.ts'
import { type Settings, settingsSchema } from './schema.ts'
import { type Checked, type RandomKey, settle } from './settle.ts'

export interface ConfigurationOptions {
  /** In order; a later file wins for each top-level key. None at all is right: everything can come from the environment. */
  readonly files: readonly string[]
  readonly env: Environment
  /** Where relative paths start; the process's own working directory by default. */
  readonly cwd?: string
  readonly readFile?: ReadFile
  /** Dex's configuration for the broker inside (`--broker`); it wins over `broker:`. */
  readonly brokerFile?: string | undefined
  /** Unknown keys are warnings, not errors. */
  readonly lenient?: boolean
  /** What the policy station says about the `policy` of a route. */
  readonly checkPolicy?: CheckPolicy
  /** What the forward station says about the `set_request_headers` of a route. */
  readonly checkHeaders?: CheckHeaders
  /**
   * True of an error that does not matter for what is asked: it is set aside, and what it concerns counts as not set.
   * Whoever only decides offline needs neither the secrets nor the certificates of the place where the proxy runs.
   */
  readonly tolerate?: (problem: Problem) => boolean
  /** A key for a secret that is not set, base64 of 32 bytes. Give `rememberRandomKeys()` so that reloads keep it. */
  readonly randomKey?: RandomKey
}

interface Read {
  readonly warnings: readonly Problem[]
  /** Every file that was read or looked for, absolute: the configuration, secrets, certificates. */
  readonly watched: readonly string[]
  /** What each of them held, for `watchFiles`. */
  readonly fingerprints: ReadonlyMap<string, string>
}

export type Configuration =
  | ({
      readonly kind: 'ok'
      readonly settings: Settings
      /** `tests:` as it was read; the trial knows what it means. */
      readonly tests: ConfigNode | undefined
      /** Errors that were set aside. */
      readonly tolerated: readonly Problem[]
    } & Read)
  | ({ readonly kind: 'problems'; readonly problems: readonly Problem[] } & Read)

/** Reads and checks everything; never throws for what a file or variable holds. */
export async function readConfiguration(options: ConfigurationOptions): Promise<Configuration> {
  const findings = new Findings()
  const files = new FileReader({ cwd: options.cwd ?? process.cwd(), readFile: options.readFile })
  const documents: MapNode[] = []
  for (const file of options.files) {
    const document = await readDocument(file, { files, findings, environment: options.env })
    if (document !== undefined) documents.push(document)
  }
  // A file that could not be read leaves gaps that would be reported as if they were mistakes.
  const complete = documents.length === options.files.length
  const whole = options.files[0] === undefined ? nowhere('env', '') : nowhere('file', options.files[0])
  const merged = overlay(mergeDocuments(documents, whole), variablesOf(options.env), findings)
  const checked = complete ? await check(merged, { options, findings, files, whole }) : undefined
  const read = { warnings: findings.warnings, watched: files.watched, fingerprints: files.fingerprints }
  const { tolerate = () => false } = options
  const problems = findings.errors.filter((problem) => !tolerate(problem))
  if (problems.length > 0 || checked === undefined) return { kind: 'problems', problems, ...read }
  const settings = settle(checked, options.randomKey)
  return { kind: 'ok', settings, tests: checked.tests, tolerated: findings.errors, ...read }
}

interface Checking {
  readonly options: ConfigurationOptions
  readonly findings: Findings
  readonly files: FileReader
  readonly whole: Span
}

async function check(
  document: MapNode,
  { options, findings, files, whole }: Checking,
): Promise<Checked & { readonly tests: ConfigNode | undefined }> {
  const lenient = options.lenient === true
  const entries = judgeKeys(document, { vocabulary: globalVocabulary, path: [], findings, lenient })
  const flags = document.entries.find(({ key }) => key.toLowerCase() === 'runtime_flags')
  if (flags !== undefined) judgeFlags(flags.value, findings)
  await readTwins(entries, 'global', { files, findings, path: [] })
  const pairs = entries.get('certificates')
  if (pairs !== undefined)
    entries.set('certificates', {
      ...pairs,
      value: await readCertificateFiles(pairs.value, { files, findings, path: [] }),
    })
  const broker = await readOwnBroker(entries.get('broker'), {
    ...{ files, findings, lenient, environment: options.env, cwd: options.cwd ?? process.cwd() },
    brokerFile: options.brokerFile,
  })
  // Also where something is wrong with it: nothing else is missing then.
  const isBrokered = entries.delete('broker') || options.brokerFile !== undefined
  const values = parseFields(settingsSchema.shape, entries, { path: [], findings })
  const records = await readRecords(values.records, { entry: entries.get('records'), findings, files })
  const { checkPolicy, checkHeaders } = options
  const policies = readPolicies(values.policies ?? {}, {
    ...{ entry: entries.get('policies'), findings, checkPolicy, scope: { records } },
  })
  const scope = { records, named: withoutRules(policies) }
  const drafts: RouteDraft[] = []
  for (const key of ['policy', 'routes'] as const) {
    drafts.push(
      ...(await readRoutes(key, entries.get(key), { findings, files, lenient, checkPolicy, checkHeaders, scope })),
    )
  }
  for (const draft of drafts) checkRoute(draft, { findings, policies })
  checkRoutesTogether(drafts, findings)
  checkSettings(values, { entries, drafts, policies, findings, whole, isBrokered })
  checkCertificateNames(values, { entries, drafts, findings, broker })
  if (broker !== undefined) checkOwnBroker(values, { entries, drafts, findings, broker })
  return { values, policies, records, drafts, broker: broker?.settings, tests: entries.get('tests')?.value }
}

/** The later document's entry takes the place of the earlier one's of the same name (`NAME` and `NAME_file` are one). */
function mergeDocuments(documents: readonly MapNode[], span: Span): MapNode {
  const entries = documents.reduce<readonly Entry[]>((below, above) => {
    const bare = (key: string) => key.toLowerCase().replace(/_file$/, '')
    const taken = new Set(above.entries.map(({ key }) => bare(key)))
    return [...below.filter(({ key }) => !taken.has(bare(key))), ...above.entries]
  }, [])
  return { kind: 'map', entries, span }
}

/** The whole of a file, or of the environment: for what is missing there. */
function nowhere(origin: 'file' | 'env', name: string): Span {
  return { source: new Source(origin, name, '', false), start: 0, end: 0 }
}
