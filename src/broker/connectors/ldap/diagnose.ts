/** Walks the whole way to one user's identity and tells each step; reads only, and asks for no password. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { LdapSettings } from '../../../config/dex/connectors/ldap.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import type { ConnectorTools, DiagnosticStep } from '../connector.ts'
import { whyDisabled } from './account-state.ts'
import { type Chain, readChain } from './certificate-chain.ts'
import type { Connection } from './connection.ts'
import { dial } from './dial.ts'
import type { Directory } from './directory.ts'
import { directoryFailure } from './failures.ts'
import { anything } from './filters.ts'
import { type GroupTrace, groupSearchOf, readGroups } from './groups.ts'
import { within } from './time-limit.ts'
import { findUser, loginFilter, readPerson, usedAttributes, writeMemory } from './users.ts'

interface Walk {
  readonly directory: Directory
  readonly settings: LdapSettings
  readonly tools: ConnectorTools
  readonly user: string | undefined
  readonly signal: AbortSignal
}

const SOON_DAYS = 14
const UNSEEN = 'what is missing is not in the entry, or who is bound may not read it'

export async function* diagnose(walk: Walk): AsyncGenerator<DiagnosticStep> {
  let current = 'name resolution'
  let connection: Connection | undefined
  const step = (name: string) => (current = name)
  try {
    yield await resolveName(walk)
    step(walk.directory.endpoint.security === 'none' ? 'connection' : 'TLS')
    const opened = await openLine(walk)
    yield opened.step
    connection = opened.connection
    if (connection === undefined) return
    connection.close()
    step('bind')
    connection = await walk.directory.openService(walk.signal)
    yield boundStep(walk.settings)
    step('search base')
    yield await searchBases(walk, connection)
    if (walk.user === undefined) return
    yield* walkUser({ ...walk, user: walk.user }, { connection, step })
  } catch (error) {
    const failure =
      error instanceof ProxyError ? error : directoryFailure(`cannot ask ${walk.directory.endpoint.host}`, error)
    yield { name: current, outcome: 'failed', found: failure.message }
  } finally {
    connection?.close()
  }
}

async function resolveName({ directory, settings, signal }: Walk): Promise<DiagnosticStep> {
  const { host, name } = directory.endpoint
  if (isIP(host)) return { name: 'name resolution', outcome: 'skipped', found: `${host} is an address` }
  const addresses = await within(lookup(host, { all: true }), {
    signal,
    limit: settings.connectTimeout,
    giveUp: () => {},
  })
  const found = addresses.map(({ address }) => address).join(', ')
  return { name: 'name resolution', outcome: 'ok', found: `${host} is ${found}`, details: [`asked for ${name}`] }
}

/** Connects as usual; where the certificate is refused, once more without checking it, to show it. Nothing is sent then. */
async function openLine(walk: Walk): Promise<{ step: DiagnosticStep; connection: Connection | undefined }> {
  const { directory, settings, tools, signal } = walk
  const { security, name: place } = directory.endpoint
  const name = security === 'none' ? 'connection' : 'TLS'
  try {
    const connection = await directory.connect(signal)
    const { tls } = connection
    if (tls === undefined)
      return {
        connection,
        step: { name, outcome: 'doubtful', found: `${place} answers, without TLS: passwords travel in clear` },
      }
    const chain = readChain(tls, tools.now())
    const how = `${place} speaks ${tls.getProtocol() ?? 'TLS'}${security === 'startTLS' ? ' after StartTLS' : ''}`
    const doubt = settings.insecureSkipVerify ? 'any certificate is taken (insecureSkipVerify)' : endsSoon(chain)
    const found = `${how}, ${doubt ?? 'and the certificate is good'}`
    return { connection, step: { name, outcome: doubt === undefined ? 'ok' : 'doubtful', found, details: chain.lines } }
  } catch (error) {
    const details = security === 'none' ? [] : await lookAtChain(walk)
    const { message } = directoryFailure(`cannot connect to ${place}`, error)
    return { connection: undefined, step: { name, outcome: 'failed', found: message, details } }
  }
}

const endsSoon = ({ daysLeft }: Chain) => (daysLeft < SOON_DAYS ? `a certificate ends in ${daysLeft} days` : undefined)

async function lookAtChain({ directory, settings, tools, signal }: Walk): Promise<readonly string[]> {
  try {
    const { framed, tls } = await dial(directory.endpoint, { signal, limit: settings.connectTimeout, unchecked: true })
    const lines = tls === undefined ? [] : readChain(tls, tools.now()).lines
    framed.destroy()
    return lines
  } catch {
    // Not even that: the failure that is told already says why.
    return []
  }
}

function boundStep({ bindDN }: LdapSettings): DiagnosticStep {
  if (bindDN !== '') return { name: 'bind', outcome: 'ok', found: `bound as ${bindDN}` }
  return {
    name: 'bind',
    outcome: 'doubtful',
    found: 'nobody is bound (no bindDN): many directories hide mail and groups then',
  }
}

async function searchBases({ settings, signal }: Walk, connection: Connection): Promise<DiagnosticStep> {
  const bases = [
    settings.userSearch.baseDN,
    ...(groupSearchOf(settings) ? [groupSearchOf(settings)?.baseDN ?? ''] : []),
  ]
  for (const base of bases)
    await connection
      .search({ base, scope: 'base', filter: anything(), attributes: [], most: 1, signal })
      .catch((error: unknown) => Promise.reject(directoryFailure(`cannot search "${base}"`, error)))
  return { name: 'search base', outcome: 'ok', found: 'is there', details: bases }
}

async function* walkUser(
  walk: Walk & { readonly user: string },
  { connection, step }: { readonly connection: Connection; readonly step: (name: string) => void },
): AsyncGenerator<DiagnosticStep> {
  const { settings, tools, user, signal } = walk
  const { userSearch } = settings
  step('user search')
  const filter = loginFilter(userSearch, user).toString()
  const asked = [`below ${userSearch.baseDN} (${userSearch.scope})`, filter]
  const entry = await findUser(connection, { settings, login: user, signal })
  if (entry === undefined) {
    yield { name: 'user search', outcome: 'failed', found: 'no entry fits this filter', details: asked }
    return
  }
  yield { name: 'user search', outcome: 'ok', found: entry.dn, details: asked }

  step('account state')
  const why = whyDisabled(entry, tools.now())
  yield {
    name: 'account state',
    outcome: why === undefined ? 'ok' : 'failed',
    found: why ?? 'nothing speaks against it',
  }
  if (why !== undefined) return

  step('attributes')
  const used = usedAttributes(entry, userSearch)
  const details = used.map(
    ({ setting, attribute, values }) => `${setting} ${attribute}: ${values.join(', ') || 'missing'}`,
  )
  const missing = used.filter(({ values }) => values.length === 0).map(({ attribute }) => attribute)
  yield missing.length > 0
    ? { name: 'attributes', outcome: 'failed', found: `missing: ${missing.join(', ')}`, details: [...details, UNSEEN] }
    : { name: 'attributes', outcome: 'ok', found: 'all are there', details }
  if (missing.length > 0) return
  const person = readPerson(entry, userSearch)

  step('groups')
  const search = groupSearchOf(settings)
  const traces: GroupTrace[] = []
  const warnings: string[] = []
  const warn = (message: string) => void warnings.push(message)
  const groups = search
    ? await readGroups(connection, entry, { search, signal, warn, trace: (trace) => traces.push(trace) })
    : []
  yield groupStep({ isAsked: search !== undefined, groups, lines: [...traces.flatMap(linesOf), ...warnings] })

  const identity = { ...person, groups, connectorData: writeMemory(entry, user) }
  yield { name: 'identity', outcome: 'ok', found: `${person.email}, id ${person.userId}`, identity }
}

function groupStep(found: {
  readonly isAsked: boolean
  readonly groups: readonly string[]
  readonly lines: readonly string[]
}): DiagnosticStep {
  const { isAsked, groups, lines: details } = found
  if (!isAsked) return { name: 'groups', outcome: 'skipped', found: 'there is no groupSearch' }
  if (groups.length === 0) return { name: 'groups', outcome: 'doubtful', found: 'is in no group', details }
  return { name: 'groups', outcome: 'ok', found: groups.join(', '), details }
}

const linesOf = ({ matcher, filters, names }: GroupTrace) => [
  ...filters.map((filter) => `${matcher}: ${filter}`),
  `${matcher}: ${names.join(', ') || 'none'}`,
]
