/** A request found again by its id in the log or the decision log: a line of it holds who asked for what, and what was decided. */
import { type LoggedDecision, parseLine } from '../../observe/decision-log-read.ts'
import { isMap } from '../../policy/rules.ts'
import { linesOf } from './lines.ts'

type Map = Readonly<Record<string, unknown>>

export interface LoggedRequest {
  /** As far as the line tells, in the form that cases have. */
  readonly question: Map
  readonly decision: 'allow' | 'deny' | 'sign-in'
  /** Whether the line told the person's claims; without them their groups are not known. */
  readonly hasClaims: boolean
}

/** The last line of a decision with this id, or undefined. */
export async function findLogged(
  log: AsyncIterable<string | Uint8Array>,
  id: string,
): Promise<LoggedRequest | undefined> {
  let found: LoggedRequest | undefined
  for await (const line of linesOf(log)) {
    // Most lines are of other requests; parsing all of them would take most of the time.
    if (line?.includes(id)) found = readLine(line, id) ?? found
  }
  return found
}

/** `deny at the time`, with what the line does not tell. */
export function recordedText({ decision, hasClaims, question }: LoggedRequest): string {
  const isUnknown = question['who'] !== 'nobody' && !hasClaims
  const gap = isUnknown
    ? '; it tells no groups: give --as and --groups, or add id-token-claims to authorize_log_fields'
    : ''
  return `${decision} at the time${gap}`
}

function readLine(line: string, id: string): LoggedRequest | undefined {
  const read = parseLine(line)
  if (read.kind === 'decision') return read.decision.requestId === id ? ofDecisionLog(read.decision) : undefined
  let entry: unknown
  try {
    entry = JSON.parse(line)
  } catch {
    return undefined
  }
  if (!isMap(entry) || entry['request-id'] !== id || typeof entry['allow'] !== 'boolean') return undefined
  const { host, path, query, method, ip, time, user, email, 'id-token-claims': claims, headers } = entry
  if (typeof host !== 'string' || typeof path !== 'string') return undefined
  const isSomebody = typeof user === 'string' || typeof email === 'string'
  const question = {
    who: isSomebody ? { user, email, ...(isMap(claims) ? { claims } : {}) } : 'nobody',
    method,
    url: `https://${host}${path}${typeof query === 'string' ? query : ''}`,
    ...(typeof ip === 'string' ? { address: ip } : {}),
    ...(typeof time === 'string' ? { time } : {}),
    ...(isMap(headers) ? { headers } : {}),
  }
  return { question, decision: decisionOf(entry), hasClaims: isMap(claims) }
}

/** The decision log holds the claims that policies name, under flattened names, and the parts of headers and query. */
function ofDecisionLog(logged: LoggedDecision): LoggedRequest {
  const { user, method, host, port, path, query, headers, ip, time, decision } = logged
  const fields = new Map<string, string[]>()
  for (let at = 0; at + 1 < headers.length; at += 2)
    fields.set(headers[at] ?? '', [...(fields.get(headers[at] ?? '') ?? []), headers[at + 1] ?? ''])
  const who = user && {
    ...{ user: user.id, email: user.email, email_verified: user.emailVerified },
    claims: Object.fromEntries(user.claims),
    signed_in_at: new Date(user.signedIn).toISOString(),
  }
  const question = {
    who: who ?? 'nobody',
    method,
    url: `https://${host}${port === '' ? '' : `:${port}`}${path}${query}`,
    address: ip,
    time: new Date(time).toISOString(),
    headers: Object.fromEntries(fields),
  }
  return { question, decision, hasClaims: true }
}

/** What followed from both sides, as the proxy decides (sign-in before denial). */
function decisionOf(entry: Map): LoggedRequest['decision'] {
  const reasons = [`allow-why-${entry['allow']}`, `deny-why-${entry['deny']}`].flatMap((key) => entry[key])
  if (reasons.includes('user-unauthenticated')) return 'sign-in'
  return entry['allow'] === true && entry['deny'] === false ? 'allow' : 'deny'
}
