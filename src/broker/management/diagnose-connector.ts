/** `ostiary idp test`: the connector's own steps, then what they come to: claims, `sub`, routes. */
import { ProxyError } from '../../errors/proxy-error.ts'
import type { DiagnosticStep, UpstreamIdentity } from '../connectors/connector.ts'
import type { ConnectorBook } from '../connectors/connector-book.ts'
import { claimsOf } from '../provider/claims.ts'
import { dexSubject } from '../provider/dex-subject.ts'
import type { JsonObject } from '../store/store.ts'
import { missing } from './refusals.ts'

/** Somebody as the proxy would see them. */
export interface Person {
  readonly subject: string
  readonly claims: JsonObject
}

export interface RouteVerdict {
  readonly route: string
  readonly isOpen: boolean
  /** One clause. */
  readonly why: string
}

/** Which of the proxy's routes let this person in; undefined where no proxy runs in this process. */
export type RoutesOpenTo = (person: Person) => readonly RouteVerdict[] | Promise<readonly RouteVerdict[]>

export interface DiagnoseOptions {
  readonly book: ConnectorBook
  readonly routesOpenTo: RoutesOpenTo | undefined
  readonly user: string | undefined
  readonly signal: AbortSignal
}

export async function* diagnoseConnector(id: string, options: DiagnoseOptions): AsyncGenerator<DiagnosticStep> {
  const { book, routesOpenTo, user, signal } = options
  let found: UpstreamIdentity | undefined
  let hasFailed = false
  try {
    using lease = await book.borrow(id)
    if (!lease) throw missing('test', 'connector', id)
    let last = ''
    for await (const step of lease.connector.diagnose({ user, signal })) {
      found = step.identity ?? found
      hasFailed ||= step.outcome === 'failed'
      last = step.outcome
      yield step
    }
    if (hasFailed) return
    if (!found) {
      if (lease.connector.kind !== 'password' && last !== 'skipped') yield unknownUser
      return
    }
    const groups = lease.renameGroups(found.groups)
    yield* conclusions(found, { id, groups, routesOpenTo })
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error
    yield { name: 'open', outcome: 'failed', found: error.message }
  }
}

const unknownUser: DiagnosticStep = {
  name: 'user',
  outcome: 'skipped',
  found: 'only the source knows who signs in, in a browser',
}

async function* conclusions(
  identity: UpstreamIdentity,
  { id, groups, routesOpenTo }: { id: string; groups: readonly string[]; routesOpenTo: RoutesOpenTo | undefined },
): AsyncGenerator<DiagnosticStep> {
  const subject = dexSubject({ userId: identity.userId, connectorId: id })
  // Made of texts, lists and flags only.
  const claims = claimsOf(identity, { connectorId: id, groups }) as JsonObject
  yield {
    name: 'claims',
    outcome: groups.length > 0 ? 'ok' : 'doubtful',
    found: groups.length > 0 ? `sub ${subject}` : `sub ${subject}, and no groups`,
    details: Object.entries(claims).map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
  }
  if (!routesOpenTo) {
    yield { name: 'routes', outcome: 'skipped', found: 'no proxy runs with this broker' }
    return
  }
  const verdicts = await routesOpenTo({ subject, claims: { sub: subject, ...claims } })
  const open = verdicts.filter(({ isOpen }) => isOpen).length
  yield {
    name: 'routes',
    outcome: open > 0 ? 'ok' : 'doubtful',
    found: `${open} of ${verdicts.length} open`,
    details: verdicts.map(({ route, isOpen, why }) => `${isOpen ? 'open' : 'shut'}  ${route}: ${why}`),
  }
}
