/** `ostiary explain`: what is decided for this person and request, by which lines of the configuration, and what would change it. */
import type { Environment } from '../config/environment.ts'
import type { ReadFile } from '../config/file-reader.ts'
import { printProblems } from '../config/print-problems.ts'
import { type NearestChange, nearestChanges } from '../trial/nearest.ts'
import { readOffline } from '../trial/read-offline.ts'
import type { Mistake, Question } from '../trial/read-question.ts'
import { readQuestion } from '../trial/read-question.ts'
import { openTrial, type Trial, type TrialDecision } from '../trial/trial.ts'
import { answerBatch } from './explain/batch.ts'
import { decisionJson } from './explain/decision-json.ts'
import { findLogged, recordedText } from './explain/logged-request.ts'
import { type QuestionOptions, questionFromOptions } from './explain/question-options.ts'
import type { Io } from './io.ts'
import { outcomePaint, printTree, questionText } from './print-decision.ts'
import { type Paint, paintFor, placeText, printColumns } from './text.ts'

export interface ExplainOptions extends QuestionOptions {
  readonly config: readonly string[]
  readonly env: Environment
  readonly cwd?: string
  readonly lenient?: boolean
  readonly readFile?: ReadFile
  /** One JSON object instead of text. */
  readonly json?: boolean
  /** One JSON question a line in, one JSON decision a line out. */
  readonly batch?: AsyncIterable<string | Uint8Array> | undefined
  /** Id of a request in the log, which is explained again. */
  readonly request?: string | undefined
  /** The lines of the log. */
  readonly log?: AsyncIterable<string | Uint8Array> | undefined
  /** Milliseconds since the epoch: the moment of a question that names none. */
  readonly now: number
}

/** Resolves to the exit code: 0 where there is an answer, whatever it is; 1 where the question or the configuration is wrong. */
export async function explain(options: ExplainOptions, io: Io): Promise<number> {
  const { config, env, cwd, lenient, readFile, batch, request, log, now } = options
  const place = { ...(cwd === undefined ? {} : { cwd }), ...(readFile ? { readFile } : {}) }
  const configuration = await readOffline({ files: config, env, ...place, ...(lenient ? { lenient } : {}) })
  if (configuration.kind === 'problems') {
    io.err(printProblems(configuration.problems))
    io.err('cannot explain: the configuration has problems\n')
    return 1
  }
  const trial = openTrial(configuration.settings)
  if (batch) return await answerBatch(batch, { trial, now, io })

  const mistakes: string[] = []
  const mistake: Mistake = ([first = '', ...rest], message) =>
    void mistakes.push(`cannot explain: ${[optionOf[first] ?? first, ...rest].join('.')}: ${message}\n`)
  let map = questionFromOptions(options, mistake)
  let recorded = ''
  if (request !== undefined) {
    const logged = log === undefined ? undefined : await findLogged(log, request)
    if (logged === undefined) {
      io.err(
        `cannot explain: no line of a decision with this request id, got ${request}\nhint: name the log by --log FILE\n`,
      )
      return 1
    }
    map = { ...logged.question, ...map }
    recorded = recordedText(logged)
  }
  if (map['url'] === undefined) {
    io.err(
      "cannot explain: no address was named\nhint: ostiary explain --config FILE --as EMAIL GET 'https://app.example.com/'\n",
    )
    return 1
  }
  const question = readQuestion({ who: 'nobody', ...map }, { time: now, mistake })
  if (mistakes.length > 0) {
    io.err(mistakes.join(''))
    return 1
  }
  const decision = trial.explain(question.request, question.subject)
  const nearest = nearestChanges(trial, question, decision)
  io.out(
    options.json
      ? `${JSON.stringify(decisionJson(decision, { trial, question, nearest }), undefined, 2)}\n`
      : printExplanation(decision, { trial, question, nearest, recorded, paint: paintFor(io.colours) }),
  )
  return 0
}

/** The option that gives each part of a question. */
const optionOf: Readonly<Record<string, string>> = { time: '--at', address: '--from', headers: '--header', url: 'URL' }

interface Printing {
  readonly trial: Trial
  readonly question: Question
  readonly nearest: readonly NearestChange[]
  /** What the log says was decided, or ''. */
  readonly recorded: string
  readonly paint: Paint
}

function printExplanation(decided: TrialDecision, { trial, question, nearest, recorded, paint }: Printing): string {
  const { decision, reasons, route, tree } = decided
  const reached = trial.reach(question.request)
  const facts = [
    [
      { text: 'route', paint: paint.dim },
      { text: route?.name ?? 'none' },
      { text: route ? placeText(route.source) : noRoute(decided), paint: paint.dim },
    ],
    [
      { text: 'decision', paint: paint.dim },
      { text: decision, paint: outcomePaint(decision, paint) },
      { text: reasons.join(', '), paint: paint.dim },
    ],
  ]
  const printed =
    reached.kind === 'route' && tree !== undefined
      ? tree.length > 0
        ? printTree(tree, { locate: reached.route.locate, paint, indent: '  ' })
        : '  there is no rule, so nobody is let in\n'
      : ''
  return [
    `${paint.strong(questionText(question.request, question.subject))}\n`,
    printColumns(facts, '  '),
    recorded === '' ? '' : `  ${paint.dim('log')}       ${recorded}\n`,
    ...(printed === '' ? [] : ['\n', printed]),
    printNearest(nearest, paint),
  ].join('')
}

function noRoute({ decision }: TrialDecision): string {
  switch (decision) {
    case 'own-page':
      return 'the proxy answers this itself'
    case 'refused':
      return 'the request is refused before any route is looked for'
    default:
      return 'no route takes this host and path'
  }
}

function printNearest(nearest: readonly NearestChange[], paint: Paint): string {
  const rows = (wanted: boolean) =>
    nearest
      .filter(({ kind }) => (kind === 'rule') === wanted)
      .map(({ words, place }) => [{ text: words }, { text: placeText(place), paint: paint.dim }])
  const personal = rows(false)
  const rules = rows(true)
  const edits = personal.length === 0 ? 'would be allowed by one of these edits' : 'or by one of these edits'
  return [
    personal.length === 0 ? '' : `\nwould be allowed with\n${printColumns(personal, '  ')}`,
    rules.length === 0 ? '' : `\n${edits}\n${printColumns(rules, '  ')}`,
  ].join('')
}
