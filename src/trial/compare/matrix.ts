/** Who may use what, and by which rule: people by routes, as an access review asks for it. */
import type { Place } from '../../config/place.ts'
import type { State } from '../changes.ts'
import { groupsOf, type Person, type Subject, subjectName } from '../subject.ts'
import { factsOf, type Trial, type TrialDecision } from '../trial.ts'
import type { TrialRoute } from '../trial-route.ts'
import { sampleUrls } from './pairs.ts'
import type { Records } from './records.ts'
import { type DecidingRule, decidingRules } from './rules.ts'
import { applyAll, combinations, openSpace, type ValueClass } from './space.ts'

export interface Matrix {
  readonly routes: readonly MatrixRoute[]
  /** The first one is nobody. */
  readonly rows: readonly MatrixRow[]
  readonly notes: readonly string[]
}

export interface MatrixRoute {
  readonly name: string
  readonly from: string
  readonly url: string
  readonly place: Place
}

export interface MatrixRow {
  readonly who: string
  readonly groups: readonly string[]
  readonly cells: readonly MatrixCell[]
}

export interface MatrixCell {
  /** `sometimes`: only for some requests, or only after signing in once more. */
  readonly access: 'yes' | 'no' | 'sometimes'
  /** Those that let in; of a `no` those that keep out, if any. */
  readonly rules: readonly DecidingRule[]
  /** When not, and what is needed besides: `not with the method DELETE`. */
  readonly conditions: readonly string[]
}

/** A route with the requests that its rules tell apart. */
interface Asked {
  readonly route: TrialRoute
  readonly url: string
  readonly neutral: State
  readonly others: readonly (readonly ValueClass[])[]
}

/** Kinds of requests that are asked for beside the plain one. */
const mostRequests = 40
const mostConditions = 3

export interface MatrixOptions {
  /** Milliseconds since the epoch: the moment of the review. */
  readonly now: number
  /** Those of the configuration. */
  readonly records: Records
}

/** Decides for everybody, and for nobody, at every route. */
export function matrixOf(trial: Trial, people: readonly Person[], { now, records }: MatrixOptions): Matrix {
  const { asked, notes } = askable(trial, { now, records })
  const sorted = [...people].sort((a, b) => (subjectName(a) < subjectName(b) ? -1 : 1))
  const subjects: readonly Subject[] = ['nobody', ...sorted]
  return {
    routes: asked.map(({ route: { name, from, place }, url }) => ({ name, from, place, url })),
    rows: subjects.map((subject) => ({
      who: subject === 'nobody' ? 'anybody, without signing in' : subjectName(subject),
      groups: subject === 'nobody' ? [] : groupsOf(subject),
      cells: asked.map((one) => cellOf(trial, one, subject)),
    })),
    notes,
  }
}

function askable(trial: Trial, { now, records }: MatrixOptions): { asked: readonly Asked[]; notes: readonly string[] } {
  const urls = new Map<TrialRoute, string[]>()
  for (const url of sampleUrls(trial.routes)) {
    const reached = trial.reach({ method: 'GET', url, address: '192.0.2.1', time: now, headers: [] })
    if (reached.kind !== 'route') continue
    const known = urls.get(reached.route)
    if (!known) urls.set(reached.route, [url])
    else if (known.length < mostRequests) known.push(url)
  }
  const notes: string[] = []
  const asked = trial.routes.flatMap((route): readonly Asked[] => {
    const [url, ...more] = urls.get(route) ?? []
    if (url === undefined) {
      notes.push(`${route.name} (${route.place.file}:${route.place.line}): no request was found that reaches it`)
      return []
    }
    const factsAt = ({ person, request }: State) => {
      const reached = trial.reach(request)
      return reached.kind === 'route' ? factsOf(request, reached.arrival, person) : undefined
    }
    const { neutral, classes } = openSpace({
      ...{ url, urls: more, now, records: [records] },
      trees: (state) => {
        const facts = factsAt(state)
        return facts ? [route.policy.explain(facts).tree] : []
      },
      truths: (state) => {
        const facts = factsAt(state)
        return facts ? route.policy.truths(facts) : []
      },
    })
    const ofRequest = classes.filter(({ about }) => about === 'request')
    // The first one is the plain request itself.
    const [, ...others] = combinations(ofRequest, mostRequests)
    return [{ route, url, neutral, others }]
  })
  return { asked, notes }
}

function cellOf(trial: Trial, { route, neutral, others }: Asked, subject: Subject): MatrixCell {
  const plain = trial.explain(neutral.request, subject)
  const isOpen = plain.decision === 'allow'
  const differing = others.flatMap((combination) => {
    const { request } = applyAll(combination, neutral)
    const reached = trial.reach(request)
    if (reached.kind !== 'route' || reached.route !== route) return []
    return (trial.decide(request, subject).decision === 'allow') === isOpen ? [] : [{ combination, request }]
  })
  const smallest = differing.filter(
    ({ combination }) =>
      !differing.some(
        (other) => other.combination !== combination && other.combination.every((part) => combination.includes(part)),
      ),
  )
  const some = smallest.slice(0, mostConditions)
  if (isOpen) {
    const conditions = some.map(({ combination }) => exceptionText(combination))
    if (smallest.length > mostConditions) conditions.push(`and ${smallest.length - mostConditions} more`)
    return { access: conditions.length > 0 ? 'sometimes' : 'yes', rules: rulesOf(plain, route), conditions }
  }
  if (some.length > 0) {
    // What the request must be is what these rules say.
    const rules = some.flatMap(({ request }) => rulesOf(trial.explain(request, subject), route))
    const apart = new Map(rules.map((rule) => [`${rule.place.line}:${rule.place.column} ${rule.words}`, rule]))
    return { access: 'sometimes', rules: [...apart.values()], conditions: [] }
  }
  if (plain.policy?.kind === 'sign-in' && plain.policy.again)
    return { access: 'sometimes', rules: [], conditions: ['after signing in once more'] }
  return { access: 'no', rules: rulesOf(plain, route), conditions: [] }
}

function rulesOf({ decision, tree = [] }: TrialDecision, { locate }: TrialRoute): readonly DecidingRule[] {
  return decidingRules(tree, { isAllowed: decision === 'allow', locate })
}

function exceptionText(combination: readonly ValueClass[]): string {
  const parts = combination.map(({ words: [first, ...more] }) => (more.length === 0 ? first : `${first} or the like`))
  return `not with ${parts.join(' and ')}`
}
