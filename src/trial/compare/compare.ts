/** What two configurations decide differently: over all values that their rules mention, and for people who are named. */
import { pathRuleOf } from '../../config/route-draft.ts'
import type { Facts } from '../../policy/facts.ts'
import type { State } from '../changes.ts'
import type { Question } from '../read-question.ts'
import { requestOf, type TrialRequest } from '../request.ts'
import { type Subject, subjectName } from '../subject.ts'
import type { Reached, Trial } from '../trial.ts'
import type { TrialRoute } from '../trial-route.ts'
import { Asking } from './asking.ts'
import type { Comparison, RouteDifference, RouteName } from './difference.ts'
import { type RoutePair, routePairs } from './pairs.ts'
import { type Records, recordsText } from './records.ts'
import { applyAll, combinations, countCombinations, openSpace, type ValueClass } from './space.ts'

export interface CompareOptions {
  /** People to ask for by name, and what they were said to ask for. */
  readonly questions: readonly Question[]
  /** Of both configurations. */
  readonly records: readonly [Records, Records]
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Any request; what is read of the answer is only which rules there are. */
const someFacts: Facts = {
  ...{ method: 'GET', path: '/', host: 'any', headers: [], query: '', clientAddress: '192.0.2.1', now: 0 },
  ...{ session: undefined, clientCertificate: undefined },
}

/** Combinations of values over all routes, and for one. */
const mostOfAll = 400_000
const mostOfOne = 5_000
const leastOfOne = 200

export function compareTrials(before: Trial, after: Trial, { questions, records, now }: CompareOptions): Comparison {
  const { pairs, unreached } = routePairs(before, after)
  const sameRecords = recordsText(records[0]) === recordsText(records[1])
  const changed = pairs.filter((pair) => isChanged(pair, sameRecords))
  const limit = Math.max(leastOfOne, Math.min(mostOfOne, Math.floor(mostOfAll / Math.max(1, changed.length))))
  const notes = unreached
    .filter((route) => !hasTwin(route, unreached))
    .map(
      ({ name, place }) =>
        `${name} (${place.file}:${place.line}): no request was found that reaches it, so it was not compared`,
    )
  notes.push(...pairs.flatMap(patternNote))
  let decided = 0
  const routes = changed.map((pair): RouteDifference => {
    const asking = new Asking(before, after, pair)
    compareValues(asking, { pair, limit, now, notes, records })
    comparePeople(asking, { pair, questions, now })
    decided += asking.decided
    return {
      before: nameOf(pair.before),
      after: nameOf(pair.after),
      url: pair.urls[0] ?? '',
      differences: asking.found,
    }
  })
  return { routes: routes.filter(({ differences }) => differences.length > 0), pairs: pairs.length, decided, notes }
}

/** A route that is hidden in both configurations, and the same in both, is no news. */
function hasTwin(route: TrialRoute, among: readonly TrialRoute[]): boolean {
  return among.some((other) => other !== route && other.id === route.id && rulesText(other) === rulesText(route))
}

/** Two patterns cannot be compared whole; whoever reads "no difference" must know. */
function patternNote({ before, after }: RoutePair): readonly string[] {
  if (before.kind !== 'route' || after.kind !== 'route') return []
  const [old, next] = [before.route, after.route].map(({ settings }) => pathRuleOf(settings))
  if (old?.kind !== 'regex' && next?.kind !== 'regex') return []
  if (old?.kind === next?.kind && old?.text === next?.text) return []
  const { name, place } = after.route
  const files = `${place.file}:${place.line}`
  return [
    `${name} (${files}): its paths are given by another pattern than before; some that it could take were tried, not all`,
  ]
}

/** The rules as they are decided, named ones and short-hands included; places and order of writing are no part of it. */
function rulesText({ policy }: TrialRoute): string {
  const { tree } = policy.explain(someFacts)
  return JSON.stringify(
    tree.map((action) => [
      action.name,
      action.children.map((block) => [block.name, block.children.map(({ name, data }) => [name, data])]),
    ]),
  )
}

/** False where the same rules decide by the same records: then nothing can differ. */
function isChanged({ before, after }: RoutePair, sameRecords: boolean): boolean {
  if (before.kind !== 'route' || after.kind !== 'route') return before.kind !== after.kind
  const text = rulesText(before.route)
  return text !== rulesText(after.route) || (!sameRecords && text.includes('"record"'))
}

function nameOf(reached: Reached): RouteName | undefined {
  return reached.kind === 'route' ? { name: reached.route.name, place: reached.route.place } : undefined
}

interface ValueOptions {
  readonly pair: RoutePair
  readonly limit: number
  readonly now: number
  readonly records: readonly Records[]
  readonly notes: string[]
}

function compareValues(asking: Asking, { pair, limit, now, notes, records }: ValueOptions): void {
  const { neutral, classes, whole } = openSpace({
    ...{ url: pair.urls[0] ?? '', urls: pair.urls, now, records },
    trees: (state) => asking.policies(state).map(({ policy, facts }) => policy.explain(facts).tree),
    truths: (state) => asking.policies(state).flatMap(({ policy, facts }) => policy.truths(facts)),
  })
  const ofRequest = classes.filter(({ about }) => about === 'request')
  askAll(asking, { classes: ofRequest, whole: [], limit, neutral, isKnown: false })
  askAll(asking, { classes, whole, limit, neutral, isKnown: true })
  const count = countCombinations(classes)
  const name = nameOf(pair.before)?.name ?? nameOf(pair.after)?.name ?? ''
  if (count > limit)
    notes.push(
      `${name}: ${classes.length} values make more combinations than can be tried; the ${limit} smallest and every whole rule were compared`,
    )
}

interface AskAll {
  readonly classes: readonly ValueClass[]
  readonly whole: readonly (readonly ValueClass[])[]
  readonly limit: number
  readonly neutral: State
  /** Somebody who has signed in. */
  readonly isKnown: boolean
}

/** Small combinations first; one that only adds something to a difference already found is the same difference. */
function askAll(asking: Asking, { classes, whole, limit, neutral, isKnown }: AskAll): void {
  const seen: { readonly key: string; readonly combination: readonly ValueClass[] }[] = []
  const ask = (combination: readonly ValueClass[]) => {
    const state = applyAll(combination, neutral)
    const subject = isKnown ? state.person : 'nobody'
    const outcome = asking.ask(state.request, subject)
    if (!outcome) return
    const key = `${outcome.before} ${outcome.after}`
    if (seen.some((one) => one.key === key && one.combination.every((part) => combination.includes(part)))) return
    if (combination.some(({ slot }) => slot === 'path') && !asking.reaches(state.request)) return
    seen.push({ key, combination })
    const request = joined(combination.filter(({ about }) => about === 'request').map(wordsOf))
    for (const who of isKnown ? peopleOf(combination) : ['anybody without signing in'])
      asking.note(state.request, subject, { who, request, from: 'values' })
  }
  for (const combination of combinations(classes, limit)) ask(combination)
  for (const combination of whole) {
    ask(combination)
    for (const one of classes.slice(0, 500)) {
      if (!combination.some(({ slot }) => slot === one.slot)) ask([...combination, one])
    }
  }
}

/** Everybody whom it concerns, by name as far as the rules name them. */
function peopleOf(combination: readonly ValueClass[]): readonly string[] {
  const [first, ...more] = combination.filter(({ about }) => about === 'person')
  if (!first) return ['anybody who is signed in']
  return more.length === 0 ? first.words : [joined([first, ...more].map(wordsOf))]
}

function wordsOf({ slot, words }: ValueClass): string {
  // Nobody reads a list of moments.
  if (slot === 'time' && words.length > 1) return `${words[0]}, or another like it`
  const shown = words.slice(0, 3).join(' or ')
  return words.length > 3 ? `${shown} or ${words.length - 3} more` : shown
}

function joined(parts: readonly string[]): string {
  return parts.join(' and ')
}

function comparePeople(
  asking: Asking,
  { pair, questions, now }: { pair: RoutePair; questions: readonly Question[]; now: number },
): void {
  const seen = new Set<string>()
  const ask = (request: TrialRequest, subject: Subject) => {
    const key = JSON.stringify([request.method, request.url, subject])
    if (seen.has(key)) return
    seen.add(key)
    if (!asking.ask(request, subject)) return
    const isPlain = request.method === 'GET' && request.url === pair.urls[0]
    const words = isPlain ? '' : `${request.method} ${request.url}`
    asking.note(request, subject, { who: subjectName(subject), request: words, from: 'cases' })
  }
  // Nobody was asked for with the values.
  const known = questions.filter(({ subject }) => subject !== 'nobody')
  for (const { subject } of known) ask(requestOf(pair.urls[0] ?? '', now), subject)
  for (const { subject, request } of known) if (asking.reaches(request)) ask(request, subject)
}
