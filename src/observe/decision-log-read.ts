/** Reads decision logs: lines in constant memory, and each as what was decided about whom. */
import { createReadStream } from 'node:fs'

/** What was written down of one decision. */
export interface LoggedDecision {
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly requestId: string
  /** Which scope it was written under. */
  readonly scope: string
  readonly method: string
  readonly host: string
  readonly port: string
  readonly path: string
  /** `?` and the parameters that policies look at, or ''. */
  readonly query: string
  /** Flat list of the header fields that policies look at: name (lower case), value, … */
  readonly headers: readonly string[]
  readonly ip: string
  readonly user: LoggedUser | undefined
  readonly routeId: string
  readonly route: string
  readonly decision: 'allow' | 'deny' | 'sign-in'
}

export interface LoggedUser {
  readonly id: string
  readonly email: string
  readonly emailVerified: boolean
  /** When they signed in, milliseconds since the epoch. */
  readonly signedIn: number
  /** Flattened; those that policies look at. */
  readonly claims: ReadonlyMap<string, readonly unknown[]>
}

/** What the lines of a scope hold of claims, headers and query, by name. */
export interface LoggedScope {
  readonly id: string
  readonly claims: ReadonlySet<string>
  readonly headers: ReadonlySet<string>
  readonly query: ReadonlySet<string>
}

export type LoggedLine =
  | { readonly kind: 'decision'; readonly decision: LoggedDecision }
  | { readonly kind: 'scope'; readonly scope: LoggedScope }
  /** No line of a decision log: cut off, or of another log. */
  | { readonly kind: 'unreadable' }

/** Longer lines are none of ours; they are thrown away as they come. */
const longestLine = 1024 * 1024

/** The lines of a file, some at a time; one that is too long comes as ''. Rejects where the file cannot be read. */
export async function* readLines(path: string): AsyncGenerator<readonly string[]> {
  let rest = ''
  let isCut = false
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 1024 * 1024 })) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    if (isCut && lines.length > 0) {
      lines[0] = ''
      isCut = false
    }
    if (rest.length > longestLine) {
      rest = ''
      isCut = true
    }
    if (lines.length > 0) yield lines
  }
  if (rest !== '' || isCut) yield [isCut ? '' : rest]
}

/** Everything of a decision's line that does not differ by moment: equal texts are decided equally, but for rules on time. */
export function timelessPart(line: string): string {
  const at = line.indexOf(',"scope":')
  return at < 0 ? line : line.slice(at)
}

/** One line, whatever it is; never throws. */
export function parseLine(line: string): LoggedLine {
  const value = parseJson(line)
  if (!isMap(value) || value['service'] !== 'decisions') return { kind: 'unreadable' }
  if (value['message'] === 'scope') {
    const names = (key: string) => new Set(Array.isArray(value[key]) ? value[key].map(String) : [])
    return {
      kind: 'scope',
      scope: { id: String(value['scope']), claims: names('claims'), headers: names('headers'), query: names('query') },
    }
  }
  const decision = readDecision(value)
  return decision ? { kind: 'decision', decision } : { kind: 'unreadable' }
}

type PlainMap = Readonly<Record<string, unknown>>

function readDecision(value: PlainMap): LoggedDecision | undefined {
  const { method, host, port, path, ip, route, user, decision } = value
  const { time, scope, 'request-id': requestId, 'route-id': routeId } = value
  const moment = typeof time === 'string' ? Date.parse(time) : Number.NaN
  const person = user === undefined ? undefined : readUser(user)
  if (Number.isNaN(moment) || (user !== undefined && person === undefined)) return undefined
  if (!isText(requestId) || !isText(method) || !isText(host) || !isText(port) || !isText(path)) return undefined
  if (!isText(ip) || !isText(route) || !isText(routeId) || !isText(scope)) return undefined
  if (decision !== 'allow' && decision !== 'deny' && decision !== 'sign-in') return undefined
  return {
    ...{ time: moment, requestId, scope, method, host, port, path, ip, user: person, routeId, route, decision },
    query: readQuery(value['query']),
    headers: pairsOf(value['headers']).flat(),
  }
}

function readUser(user: unknown): LoggedUser | undefined {
  if (!isMap(user)) return undefined
  const { id, email, 'email-verified': emailVerified, 'signed-in': signedIn, claims } = user
  if (!isText(id) || !isText(email) || typeof signedIn !== 'number') return undefined
  const values = isMap(claims) ? Object.entries(claims) : []
  return {
    ...{ id, email, signedIn, emailVerified: emailVerified !== false },
    claims: new Map(values.map(([name, list]) => [name, Array.isArray(list) ? list : [list]])),
  }
}

function readQuery(query: unknown): string {
  const pairs = pairsOf(query)
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs.map(([name, value]) => [name, value]))}`
}

/** `{a: ['1', '2']}` as pairs. */
function pairsOf(map: unknown): readonly (readonly [string, string])[] {
  if (!isMap(map)) return []
  return Object.entries(map).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : []).map((value) => [name, String(value)] as const),
  )
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isMap(value: unknown): value is PlainMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
