/** Cases: who asks for what, and what must be decided; from NAME.cases.yaml beside NAME.yaml, or from `tests:` inside it. */
import { basename, dirname, join } from 'node:path'
import { FileReader, type ReadFile } from '../config/file-reader.ts'
import { type ConfigNode, placeOf, plainOf, spanAt } from '../config/node.ts'
import { type Place, Source } from '../config/place.ts'
import { Findings, type Problem } from '../config/problem.ts'
import { readYaml } from '../config/read-yaml.ts'
import { isMap } from '../policy/rules.ts'
import {
  checkKeys,
  type Mistake,
  type Question,
  questionKeys,
  readQuestion,
  readText,
  readTexts,
} from './read-question.ts'
import type { TrialOutcome } from './trial.ts'

export interface Case extends Question {
  readonly name: string
  readonly place: Place
  readonly expect: TrialOutcome
  /** The name of the route that must take the request. */
  readonly route: string | undefined
  /** Reasons that must be among those of the decision. */
  readonly reasons: readonly string[]
}

export interface CasesReading {
  readonly cases: readonly Case[]
  readonly problems: readonly Problem[]
  /** Paths of the files that hold cases, as they are shown. */
  readonly files: readonly string[]
}

export interface CasesOptions {
  /** The configuration's files; each may have cases beside it. */
  readonly configuration: readonly string[]
  /** Files of cases instead of those beside the configuration. */
  readonly files?: readonly string[] | undefined
  /** `tests:` of the configuration. */
  readonly tests?: ConfigNode | undefined
  readonly cwd?: string | undefined
  readonly readFile?: ReadFile | undefined
}

/**
 * The moment of a case that names none: a Wednesday at noon, always the same one, so that no case passes in the
 * morning and fails at night.
 */
export const usualTime = Date.UTC(2026, 0, 7, 12)

const outcomes: readonly TrialOutcome[] = ['allow', 'deny', 'sign-in', 'no-route', 'refused', 'own-page']
const caseKeys = ['name', ...questionKeys, 'expect', 'route', 'reasons'] as const

/** `gate.yaml` → `gate.cases.yaml`, in the same folder. */
export function casesBeside(configuration: string): string {
  return join(dirname(configuration), `${basename(configuration).replace(/\.(ya?ml|json)$/i, '')}.cases.yaml`)
}

/** Reads all cases; a file beside a configuration may be missing, one that was named may not. */
export async function readCases(options: CasesOptions): Promise<CasesReading> {
  const findings = new Findings()
  const reader = new FileReader({ cwd: options.cwd ?? process.cwd(), readFile: options.readFile })
  const named = options.files !== undefined && options.files.length > 0
  const paths = named ? (options.files ?? []) : options.configuration.map(casesBeside)
  const files: string[] = []
  const cases: Case[] = []
  for (const path of paths) {
    const read = await reader.read(path)
    const source = new Source('file', path, read.kind === 'text' ? read.text : '')
    if (read.kind === 'text') {
      files.push(path)
      const node = readYaml(source, findings)
      if (node !== undefined) cases.push(...readList(node, findings))
    } else if (named || !read.isMissing) {
      const span = { source, start: 0, end: 0 }
      findings.error({ kind: 'file', path: '', message: `cannot read the cases: ${read.reason}`, span })
    }
  }
  if (options.tests !== undefined && !named) cases.push(...readList(options.tests, findings))
  return { cases, problems: findings.errors, files }
}

function readList(node: ConfigNode, findings: Findings): readonly Case[] {
  if (node.kind === 'list') return node.items.flatMap((item) => readCase(item, findings))
  if (node.kind === 'scalar' && node.value === null) return []
  findings.mismatch({ path: '', expected: 'a list of cases', node })
  return []
}

function readCase(node: ConfigNode, findings: Findings): readonly Case[] {
  const map = plainOf(node, true)
  if (!isMap(map)) {
    findings.mismatch({ path: '', expected: 'a case: a map of who, url and expect', node })
    return []
  }
  let isGood = true
  const mistake: Mistake = (path, message) => {
    isGood = false
    findings.error({ kind: 'value', path: path.join('.'), message, span: spanAt(node, path, true).span })
  }
  checkKeys(map, caseKeys, mistake)
  const question = readQuestion(map, { time: usualTime, mistake })
  const expect = outcomes.find((outcome) => outcome === map['expect'])
  if (expect === undefined) mistake(['expect'], `expected one of ${outcomes.join(', ')}`)
  const { method, url } = question.request
  const read = {
    ...question,
    name: readText(map, 'name', mistake) ?? `${method} ${url}`,
    place: placeOf(node.span),
    expect: expect ?? 'deny',
    route: readText(map, 'route', mistake),
    reasons: readTexts(map, 'reasons', mistake),
  }
  return isGood ? [read] : []
}
