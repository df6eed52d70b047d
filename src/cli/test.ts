/** `ostiary test`: does a configuration decide what its cases say? */
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Environment } from '../config/environment.ts'
import type { ReadFile } from '../config/file-reader.ts'
import { printProblems } from '../config/print-problems.ts'
import type { CaseResult } from '../trial/case-result.ts'
import { casesBeside, readCases } from '../trial/read-cases.ts'
import { readOffline } from '../trial/read-offline.ts'
import { type CasesResult, runCases } from '../trial/run-cases.ts'
import type { Io } from './io.ts'
import { type JunitSuite, printJunit } from './junit.ts'
import { outcomePaint, printTree, questionText } from './print-decision.ts'
import { counted, oneLine, type Paint, paintFor, placeText, printColumns } from './text.ts'

export interface TestOptions {
  /** Each is a configuration of its own, or the cases beside one (`NAME.cases.yaml`). */
  readonly files?: readonly string[]
  /** One configuration of one or several files. */
  readonly config?: readonly string[]
  /** Files of cases instead of those beside `config`. */
  readonly cases?: readonly string[]
  /** Where to write JUnit XML. */
  readonly junit?: string | undefined
  readonly env: Environment
  readonly cwd?: string
  readonly lenient?: boolean
  readonly readFile?: ReadFile
}

/** Prints a table, and for every failure why. Resolves to the exit code: 1 where a case fails, or there is none. */
export async function test(options: TestOptions, io: Io): Promise<number> {
  const { files = [], config = [], junit, cwd = process.cwd() } = options
  const runs = [...files.map((file) => [configurationOf(file)]), ...(config.length > 0 ? [config] : [])]
  if (runs.length === 0) {
    io.err('cannot test: no configuration was named\nhint: ostiary test FILE\n')
    return 1
  }
  let code = 0
  const suites: JunitSuite[] = []
  for (const [index, run] of runs.entries()) {
    if (index > 0) io.out('\n')
    const suite = await testOne(run, options, io)
    if (suite.cases.some(({ failure }) => failure !== undefined)) code = 1
    suites.push(suite)
  }
  if (junit !== undefined) await writeFile(resolve(cwd, junit), printJunit(suites))
  return code
}

function configurationOf(file: string): string {
  return file.replace(/\.cases\.yaml$/, '.yaml')
}

async function testOne(config: readonly string[], options: TestOptions, io: Io): Promise<JunitSuite> {
  const { env, cwd, lenient, readFile, cases: named } = options
  const place = { ...(cwd === undefined ? {} : { cwd }), ...(readFile ? { readFile } : {}) }
  const name = config.join(', ')
  /** Where nothing could be tested: told, and a failure in the report, where silence would read as success. */
  const nothing = (why: string, problems = ''): JunitSuite => {
    io.err(`${problems}${name}: ${why}\n`)
    const failure = `${name}: ${why}\n${problems}`
    return { name, cases: [{ name: 'nothing was tested', group: name, file: config[0] ?? name, line: 1, failure }] }
  }
  const configuration = await readOffline({ files: config, env, ...place, ...(lenient ? { lenient } : {}) })
  if (configuration.kind === 'problems') {
    const { problems } = configuration
    return nothing(`${counted(problems.length, 'problem')}: nothing was tested`, printProblems(problems))
  }
  const read = await readCases({ configuration: config, files: named, tests: configuration.tests, ...place })
  if (read.problems.length > 0) {
    const { problems } = read
    return nothing(`${counted(problems.length, 'problem')} in its cases: nothing was tested`, printProblems(problems))
  }
  if (read.cases.length === 0) {
    return nothing(`there are no cases\nhint: write them into ${config.map(casesBeside).join(' or ')}, or under tests:`)
  }
  const result = runCases(configuration.settings, read.cases)
  io.out(printResult(name, result, paintFor(io.colours)))
  return {
    name,
    cases: result.results.map((one) => ({
      name: one.case.name,
      group: one.decision.route?.name ?? one.decision.decision,
      file: one.case.place.file,
      line: one.case.place.line,
      failure: one.differences.length === 0 ? undefined : printFailure(one, result, paintFor(false)),
    })),
  }
}

function printResult(name: string, result: CasesResult, paint: Paint): string {
  const { results, failures, unexercised } = result
  const rows = results.map(({ case: { name: title }, decision, differences }) => [
    differences.length === 0 ? { text: 'ok', paint: paint.good } : { text: 'FAIL', paint: paint.bad },
    { text: title },
    { text: decision.decision, paint: outcomePaint(decision.decision, paint) },
    { text: decision.route?.name ?? '', paint: paint.dim },
  ])
  const held = failures.length === 0 ? 'all as expected' : `${failures.length} not as expected`
  const sum = `${counted(results.length, 'case')}, ${held}`
  const rules = unexercised.map(({ place, route, rule }) => [
    { text: placeText(place) },
    { text: route },
    { text: rule ?? 'no case asks for this route' },
  ])
  return [
    `${paint.strong(name)}\n${printColumns(rows, '  ')}`,
    ...failures.map((failure) => printFailure(failure, result, paint)),
    `${failures.length === 0 ? paint.good(sum) : paint.bad(sum)}\n`,
    ...(rules.length === 0 ? [] : [`rules no case exercises:\n${printColumns(rules, '  ')}`]),
  ].join('\n')
}

function printFailure({ case: one, decision, differences }: CaseResult, { trial }: CasesResult, paint: Paint): string {
  const reached = trial.reach(one.request)
  const tree =
    reached.kind === 'route' && decision.tree
      ? printTree(decision.tree, { locate: reached.route.locate, paint, indent: '    ' })
      : ''
  const route = decision.route
    ? `  by route ${decision.route.name}, ${placeText(decision.route.source)}\n`
    : decision.reasons.length > 0
      ? `  since the request is refused: ${decision.reasons.join(', ')}\n`
      : ''
  return [
    `${placeText(one.place)}: ${paint.strong(oneLine(one.name))}\n`,
    `  ${questionText(one.request, one.subject)}\n`,
    ...differences.map((difference) => `  ${paint.bad(oneLine(difference))}\n`),
    route,
    tree,
  ].join('')
}
