/**
 * The decision log: one line for each decision with all that it depended on, so that `ostiary replay` can take it again
 * under other rules. Of headers, query and claims only what policies name; never cookies, tokens or other credentials.
 */
import { createHash } from 'node:crypto'
import type { Visit } from '../listener/visit.ts'
import type { Session } from '../session/session.ts'
import { headersOf } from '../wire/headers.ts'
import { type AuthorizeCheck, printVerdict } from './authorize-line.ts'
import { timeText, wholeText } from './json-text.ts'
import { isSecretHeader, isSecretName } from './redaction.ts'

/** What the policies of a configuration look at, by name. */
export interface DecisionScope {
  /** Flattened, in every spelling that is tried. */
  readonly claims: ReadonlySet<string>
  /** Lower case. */
  readonly headers: ReadonlySet<string>
  readonly query: ReadonlySet<string>
}

/** A decision, and the moment at which it was taken, milliseconds since the epoch. */
export interface DecisionCheck extends AuthorizeCheck {
  readonly now: number
}

/** Where lines go; `head` is repeated at the start of every file. */
export interface DecisionSink {
  head(line: string): void
  write(line: string, now: number): void
}

export interface DecisionLog {
  /** Takes one decision down; never blocks, never throws. */
  write(visit: Visit, check: DecisionCheck): void
}

const begin = '{"level":"info","service":"decisions","time":"'

/** Opens the log of one configuration. Its scope is told first: what is not in it was not written down. */
export function openDecisionLog(sink: DecisionSink, scope: DecisionScope, now: number): DecisionLog {
  const recorded = withoutSecrets(scope)
  const lists = Object.entries(recorded).map(([name, names]) => `,"${name}":${JSON.stringify([...names])}`)
  const id = createHash('sha256').update(lists.join('')).digest('hex').slice(0, 8)
  const print = compileDecision(recorded, id)
  sink.head(`${begin}${timeText(now)}","scope":"${id}"${lists.join('')},"message":"scope"}\n`)
  return {
    write(visit, check) {
      sink.write(`${begin}${timeText(check.now)}","request-id":"${visit.id}"${print(visit, check)}\n`, check.now)
    },
  }
}

/** Without the names whose values are credentials: a decision by one of them cannot be taken again. */
function withoutSecrets({ claims, headers, query }: DecisionScope): DecisionScope {
  const keep = (names: ReadonlySet<string>, isSecret: (name: string) => boolean) =>
    new Set([...names].filter((name) => !isSecret(name)).sort())
  return {
    claims: keep(claims, isSecretName),
    headers: keep(headers, isSecretHeader),
    query: keep(query, isSecretName),
  }
}

/** Everything that is the same when the same person asks for the same thing again: nothing here may differ by moment alone. */
function compileDecision(
  { claims, headers, query }: DecisionScope,
  scope: string,
): (visit: Visit, check: DecisionCheck) => string {
  const headerNames = [...headers]
  const queryNames = [...query]
  const claimNames = [...claims]
  return (visit, { route, session, decision }) => {
    const { method, host, port, path } = visit
    let line = `,"scope":"${scope}","method":${wholeText(method)},"host":${wholeText(host)},"port":"${port}"`
    line += `,"path":${wholeText(path)}`
    if (queryNames.length > 0 && visit.query.length > 1) {
      const sent = new URLSearchParams(visit.query)
      line += printMap('query', queryNames, (name) => sent.getAll(name))
    }
    line += printMap('headers', headerNames, (name) => headersOf(visit.headers, name))
    line += `,"ip":${wholeText(visit.clientAddress)}${session ? printUser(session, claimNames) : ''}`
    line += `,"route-id":${wholeText(route.id)},"route":${wholeText(route.name)},"decision":"${decision.kind}"`
    if (decision.kind === 'sign-in' && decision.again) line += ',"step-up":true'
    return `${line}${printVerdict('allow', decision.allow)}${printVerdict('deny', decision.deny)},"message":"decision"}`
  }
}

function printUser({ userId, email, emailVerified, issuedAt, flatClaims }: Session, names: readonly string[]): string {
  const who = `{"id":${wholeText(userId)},"email":${wholeText(email)},"email-verified":${emailVerified}`
  const claims = printMap('claims', names, (name) => flatClaims.get(name) ?? [])
  return `,"user":${who},"signed-in":${issuedAt}${claims}}`
}

/** `,"headers":{"x-api":["1"]}`, or '' where there is nothing under any of the names. */
function printMap(key: string, names: readonly string[], valuesOf: (name: string) => readonly unknown[]): string {
  let map = ''
  for (const name of names) {
    const values = valuesOf(name)
    if (values.length > 0) map += `${map === '' ? '' : ','}${wholeText(name)}:${printValues(values)}`
  }
  return map === '' ? '' : `,"${key}":{${map}}`
}

function printValues(values: readonly unknown[]): string {
  let list = ''
  for (const value of values) {
    list += `${list === '' ? '' : ','}${typeof value === 'string' ? wholeText(value) : (JSON.stringify(value) ?? 'null')}`
  }
  return `[${list}]`
}
