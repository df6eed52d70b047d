/** The access line: one per request, with the names and the order that Pomerium's users have on their dashboards. */
import type { Visit } from '../listener/visit.ts'
import type { Outcome } from '../respond/answer.ts'
import { headerOf } from '../wire/headers.ts'
import { jsonText } from './json-text.ts'
import { isSecretHeader, redacted, redactQuery, redactUrl } from './redaction.ts'

/** The fields of a line where `access_log_fields` names none. */
export const defaultAccessFields: readonly string[] = [
  'upstream-cluster',
  'method',
  'authority',
  'path',
  'user-agent',
  'referer',
  'forwarded-for',
  'request-id',
  'duration',
  'size',
  'response-code',
  'response-code-details',
]

interface Access {
  readonly visit: Visit
  readonly outcome: Outcome
  readonly now: number
}

type Printer = (access: Access) => string

const printers: Readonly<Record<string, Printer>> = {
  'upstream-cluster': ({ outcome }) => jsonText(outcome.upstream ?? ''),
  method: ({ visit }) => jsonText(visit.method),
  authority: ({ visit }) => jsonText(visit.authority),
  path: ({ visit }) => jsonText(visit.path),
  'user-agent': ({ visit }) => jsonText(headerOf(visit.headers, 'user-agent') ?? ''),
  referer: ({ visit }) => {
    const referer = headerOf(visit.headers, 'referer')
    return referer === undefined ? '""' : jsonText(redactUrl(referer))
  },
  'forwarded-for': ({ visit }) => jsonText(visit.forwardedFor),
  'request-id': ({ visit }) => `"${visit.id}"`,
  duration: ({ visit, now }) => String(Math.max(0, Math.round((now - visit.receivedAt) * 1000) / 1000)),
  size: ({ outcome }) => String(outcome.size),
  'response-code': ({ outcome }) => String(outcome.status),
  'response-code-details': ({ outcome }) => jsonText(outcome.details),
  // What follows is printed only where it was asked for.
  'client-certificate': () => '""',
  'cluster-stat-name': () => '""',
  ip: ({ visit }) => jsonText(visit.clientAddress),
  query: ({ visit }) => jsonText(redactQuery(visit.path, visit.query)),
}

/** Every name but those of headers. */
export const accessFieldNames: readonly string[] = Object.keys(printers)

/** Names in `access_log_fields` that stand for nothing, for configuration to refuse. */
export function unknownAccessFields(names: readonly string[]): string[] {
  return names.filter((name) => printerOf(name) === undefined)
}

/** Everything of a line but level and time: `,"method":"GET",…` for one configuration. */
export function compileAccessLine(fields: readonly string[] = defaultAccessFields): Printer {
  const columns = fields.flatMap((name) => {
    const print = printerOf(name)
    return print ? [{ key: `,${jsonText(name)}:`, print }] : []
  })
  return (access) => {
    let line = ''
    for (const { key, print } of columns) line += key + print(access)
    return line
  }
}

function printerOf(name: string): Printer | undefined {
  if (Object.hasOwn(printers, name)) return printers[name]
  const header = /^headers\.([!#$%&'*+\-.^_`|~0-9A-Za-z]+)$/.exec(name)?.[1]?.toLowerCase()
  return header === undefined ? undefined : ({ visit }) => printHeader(visit.headers, header)
}

/** One header field of the request as JSON text; a credential is left out, its presence is not. */
export function printHeader(headers: readonly string[], name: string): string {
  const value = headerOf(headers, name)
  if (value === undefined) return '""'
  if (isSecretHeader(name)) return `"${redacted}"`
  return jsonText(name === 'referer' ? redactUrl(value) : value)
}
