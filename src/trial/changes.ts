/** Small changes of a question that could turn a denial round; each is only a guess until it was decided. */

import type { ExplainedNode } from '../policy/policy.ts'
import type { Path } from '../policy/problem.ts'
import { isMap } from '../policy/rules.ts'
import { momentText, parseMoment } from './moment.ts'
import type { TrialRequest } from './request.ts'
import { groupsOf, type Person } from './subject.ts'

export interface State {
  readonly person: Person
  readonly request: TrialRequest
}

export interface Change {
  readonly kind: 'group' | 'domain' | 'user' | 'claim' | 'method' | 'address' | 'time'
  readonly words: string
  /** The criterion that it is meant for. */
  readonly source: Path
  apply(state: State): State
}

/** How the person or the request could be, so that this criterion turns to `wanted`. */
export function changesFor(node: ExplainedNode, wanted: boolean, state: State): readonly Change[] {
  const [criterion = '', ...rest] = node.name.split('/')
  const at = { source: node.source }
  const person = (change: (person: Person) => Person) => (old: State) => ({ ...old, person: change(old.person) })
  const request = (change: Partial<TrialRequest>) => (old: State) => ({
    ...old,
    request: { ...old.request, ...change },
  })
  switch (criterion === 'claim' && rest.join('/') === 'groups' ? 'groups' : criterion) {
    case 'groups':
      return groupChanges(node.data, wanted).map(({ words, change }) => ({
        kind: 'group',
        words,
        ...at,
        apply: person(change),
      }))
    case 'domain':
      return texts(node.data, wanted).map((domain) => ({
        kind: 'domain',
        words: `a verified address at ${domain}`,
        ...at,
        apply: person((old) => verified({ ...old, email: `${old.email.split('@')[0] || 'somebody'}@${domain}` })),
      }))
    case 'email':
      return texts(node.data, wanted).map((email) => ({
        kind: 'user',
        words: `the user ${email}`,
        ...at,
        apply: person((old) => verified({ ...old, email })),
      }))
    case 'user':
      return texts(node.data, wanted)
        .filter((id) => !id.includes('@'))
        .map((userId) => ({
          kind: 'user',
          words: `the user id ${userId}`,
          ...at,
          apply: person((old) => ({ ...old, userId })),
        }))
    case 'claim':
      return values(node.data, wanted).map((value) => ({
        kind: 'claim',
        words: `the claim ${rest.join('/')} with ${JSON.stringify(value)}`,
        ...at,
        apply: person((old) => ({ ...old, claims: withClaim(old.claims, rest.join('/').split(/[./]/), value) })),
      }))
    case 'http_method':
      return texts(node.data, wanted).map((method) => ({
        kind: 'method',
        words: `the method ${method}`,
        ...at,
        apply: request({ method }),
      }))
    case 'source_ip':
      return wanted
        ? addresses(node.data).map((range) => ({
            kind: 'address',
            words: `a connection from ${range}`,
            ...at,
            apply: request({ address: range.split('/')[0] ?? range }),
          }))
        : []
    case 'date':
    case 'day_of_week':
    case 'time_of_day':
      return moments(node.data, state.request.time).map((time) => ({
        kind: 'time',
        words: `the time ${momentText(time)}`,
        ...at,
        apply: request({ time }),
      }))
    default:
      return []
  }
}

interface GroupChange {
  readonly words: string
  readonly change: (person: Person) => Person
}

function groupChanges(data: unknown, wanted: boolean): readonly GroupChange[] {
  const add = (group: string): GroupChange => ({
    words: `the group ${group}`,
    change: (old) => ({ ...old, groups: [...groupsOf(old), group] }),
  })
  const drop = (group: string): GroupChange => ({
    words: `not being in the group ${group}`,
    change: (old) => ({
      ...old,
      groups: groupsOf(old).filter((one) => one !== group),
      claims: withoutGroups(old.claims),
    }),
  })
  const only = (group: string): GroupChange => ({
    words: `the group ${group} and no other`,
    change: (old) => ({ ...old, groups: [group] }),
  })
  return operators(data, 'has').flatMap(([operator, value]) => {
    if (typeof value !== 'string') return []
    if (operator === 'exclude') return [wanted ? drop(value) : add(value)]
    if (!wanted) return [drop(value)]
    return [operator === 'is' ? only(value) : add(value)]
  })
}

function withoutGroups({ groups: _, ...claims }: Person['claims']): Person['claims'] {
  return claims
}

function verified(person: Person): Person {
  const { email: _, email_verified: __, ...claims } = person.claims
  return { ...person, claims, emailVerified: true }
}

/** The texts that a string matcher would take; a guess for `starts_with` and its like. */
function texts(data: unknown, wanted: boolean): readonly string[] {
  if (!wanted) return []
  return operators(data, 'is').flatMap(([operator, value]) => {
    if (operator === 'not' || operator === 'not_in') return []
    return (Array.isArray(value) ? value : [value])
      .slice(0, 4)
      .filter((text) => typeof text === 'string' && text !== '')
  })
}

function values(data: unknown, wanted: boolean): readonly unknown[] {
  if (!wanted) return []
  return operators(data, 'has').flatMap(([operator, value]) => (operator === 'exclude' ? [] : [value]))
}

function operators(data: unknown, usual: string): readonly (readonly [string, unknown])[] {
  if (!isMap(data)) return [[usual, data]]
  return Object.entries(data).map(([operator, value]) => [operator.toLowerCase(), value] as const)
}

function addresses(data: unknown): readonly string[] {
  return (Array.isArray(data) ? data : [data]).slice(0, 4).filter((range) => typeof range === 'string')
}

function withClaim(
  claims: Person['claims'],
  [name = '', ...inner]: readonly string[],
  value: unknown,
): Person['claims'] {
  const old = claims[name]
  if (inner.length > 0) return { ...claims, [name]: withClaim(isMap(old) ? old : {}, inner, value) }
  return { ...claims, [name]: Array.isArray(old) ? [...old, value] : value }
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** The edges that the data names, and every full hour of a week from now. */
function moments(data: unknown, now: number): readonly number[] {
  const edge = (name: string) => {
    const text = isMap(data) ? data[name] : undefined
    const moment = typeof text === 'string' ? parseMoment(text) : undefined
    return moment === undefined ? [] : [moment]
  }
  // A whole minute reads best; where the span is shorter than that, its very edge.
  const first = edge('after').flatMap((moment) => [Math.ceil(moment / MINUTE) * MINUTE, moment])
  const last = edge('before').flatMap((moment) => [Math.ceil(moment / MINUTE - 1) * MINUTE, moment - 1])
  const next = Math.ceil(now / HOUR) * HOUR
  return [...first, ...last, ...Array.from({ length: 7 * 24 }, (_, hour) => next + hour * HOUR)]
}
