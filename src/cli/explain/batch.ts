/** `ostiary explain --batch -`: other programs ask, one question a line, and get one decision a line, in the same order. */
import { isMap } from '../../policy/rules.ts'
import { checkKeys, type Mistake, questionKeys, readQuestion } from '../../trial/read-question.ts'
import type { Trial } from '../../trial/trial.ts'
import type { Io } from '../io.ts'
import { shortDecisionJson } from './decision-json.ts'
import { linesOf } from './lines.ts'

interface Answering {
  readonly trial: Trial
  /** The moment of a question that names none. */
  readonly now: number
  readonly io: Pick<Io, 'out'>
}

const keys = ['id', ...questionKeys] as const

/** Answers until the input ends. Resolves to 1 where some line was no question; it was answered by `{error}`. */
export async function answerBatch(input: AsyncIterable<string | Uint8Array>, answering: Answering): Promise<number> {
  let code = 0
  for await (const line of linesOf(input)) {
    const { answer, isGood } = answerLine(line, answering)
    if (!isGood) code = 1
    answering.io.out(`${JSON.stringify(answer)}\n`)
  }
  return code
}

function answerLine(line: string | undefined, { trial, now }: Answering): { answer: object; isGood: boolean } {
  const map = line === undefined ? undefined : parsed(line)
  if (!isMap(map)) return { answer: { error: 'expected one JSON object a line' }, isGood: false }
  const id = map['id'] === undefined ? {} : { id: map['id'] }
  const mistakes: string[] = []
  const mistake: Mistake = (path, message) => void mistakes.push(`${path.join('.')}: ${message}`)
  checkKeys(map, keys, mistake)
  const { request, subject } = readQuestion(map, { time: now, mistake })
  if (mistakes.length > 0) return { answer: { ...id, error: mistakes.join('; ') }, isGood: false }
  return { answer: { ...id, ...shortDecisionJson(trial.decide(request, subject)) }, isGood: true }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
