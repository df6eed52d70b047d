/** The authorize line: one per decision, with both sides' reasons, under Pomerium's names. */
import type { Visit } from '../listener/visit.ts'
import type { Decision, Verdict } from '../policy/decision.ts'
import type { Session } from '../session/session.ts'
import { headerPairs } from '../wire/headers.ts'
import { printHeader } from './access-line.ts'
import { jsonList, jsonText } from './json-text.ts'
import { redactQuery } from './redaction.ts'

/** What was decided about whom. */
export interface AuthorizeCheck {
  readonly route: { readonly name: string; readonly id: string }
  readonly session: Session | undefined
  readonly decision: Decision
}

/** The fields of a line where `authorize_log_fields` names none. */
export const defaultAuthorizeFields: readonly string[] = [
  'request-id',
  'check-request-id',
  'method',
  'path',
  'host',
  'ip',
  'session-id',
  'impersonate-session-id',
  'impersonate-user-id',
  'impersonate-email',
  'removed-groups-count',
  'service-account-id',
  'user',
  'email',
  'envoy-route-checksum',
  'envoy-route-id',
  'route-checksum',
  'route-id',
]

/** Prints a value, or nothing where the request has none of it. */
type Printer = (visit: Visit, check: AuthorizeCheck) => string | undefined

const absent: Printer = () => undefined

interface SessionTexts {
  readonly id: string
  readonly user: string
  readonly email: string
}

/** What a session looks like in a line, printed once for all its requests. */
const printed = new WeakMap<Session, SessionTexts>()

function textsOf(session: Session): SessionTexts {
  const known = printed.get(session)
  if (known) return known
  const texts = { id: jsonText(session.id), user: jsonText(session.userId), email: jsonText(session.email) }
  printed.set(session, texts)
  return texts
}

const printers: Readonly<Record<string, Printer>> = {
  'request-id': (visit) => `"${visit.id}"`,
  'check-request-id': (visit) => `"${visit.id}"`,
  method: (visit) => jsonText(visit.method),
  path: (visit) => jsonText(visit.path),
  host: (visit) => jsonText(visit.authority),
  ip: (visit) => jsonText(visit.clientAddress),
  'session-id': (_, { session }) => session && textsOf(session).id,
  user: (_, { session }) => session && textsOf(session).user,
  email: (_, { session }) => session && textsOf(session).email,
  'envoy-route-id': (_, { route }) => `"${route.id}"`,
  'route-id': (_, { route }) => `"${route.id}"`,
  query: (visit) => jsonText(redactQuery(visit.path, visit.query)),
  headers: (visit) => printHeaders(visit.headers),
  'id-token-claims': (_, { session }) => session && safeJson(session.claims),
  // Known names of things that do not exist here, or that no log may hold (`id-token`, `body`): accepted, not printed.
  'impersonate-session-id': absent,
  'impersonate-user-id': absent,
  'impersonate-email': absent,
  'removed-groups-count': absent,
  'service-account-id': absent,
  'envoy-route-checksum': absent,
  'route-checksum': absent,
  'cluster-stat-name': absent,
  body: absent,
  'id-token': absent,
  'mcp-method': absent,
  'mcp-tool': absent,
  'mcp-tool-parameters': absent,
}

/** Every name but those of headers. */
export const authorizeFieldNames: readonly string[] = Object.keys(printers)

/** Names in `authorize_log_fields` that stand for nothing, for configuration to refuse. */
export function unknownAuthorizeFields(names: readonly string[]): string[] {
  return names.filter((name) => printerOf(name) === undefined)
}

/** Everything of a line but level and time, for one configuration; the verdicts are always part of it. */
export function compileAuthorizeLine(
  fields: readonly string[] = defaultAuthorizeFields,
): (visit: Visit, check: AuthorizeCheck) => string {
  const columns = fields.flatMap((name) => {
    const print = printerOf(name)
    return print && print !== absent ? [{ key: `,${jsonText(name)}:`, print }] : []
  })
  return (visit, check) => {
    let line = ''
    for (const { key, print } of columns) {
      const value = print(visit, check)
      if (value !== undefined) line += key + value
    }
    return line + printVerdict('allow', check.decision.allow) + printVerdict('deny', check.decision.deny)
  }
}

/** `,"allow":true,"allow-why-true":[…]`. */
export function printVerdict(side: 'allow' | 'deny', { value, reasons }: Verdict): string {
  return `,"${side}":${value},"${side}-why-${value}":${reasons.length === 0 ? '[]' : jsonList(reasons)}`
}

function printerOf(name: string): Printer | undefined {
  if (Object.hasOwn(printers, name)) return printers[name]
  const header = /^headers\.([!#$%&'*+\-.^_`|~0-9A-Za-z]+)$/.exec(name)?.[1]?.toLowerCase()
  return header === undefined ? undefined : (visit) => printHeader(visit.headers, header)
}

function printHeaders(headers: readonly string[]): string {
  const names = new Set([...headerPairs(headers)].map(([name]) => name))
  return `{${[...names].map((name) => `${jsonText(name)}:${printHeader(headers, name)}`).join(',')}}`
}

/** Claims as JSON; what cannot be printed (a cycle, a big integer) must not end a request. */
function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null'
  } catch {
    return 'null'
  }
}
