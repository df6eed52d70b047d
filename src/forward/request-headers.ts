/** The header list that goes to the application: built fresh, from what may pass and what we say ourselves. */
import type { Visit } from '../listener/visit.ts'
import { withoutCookies } from '../wire/cookies.ts'
import { connectionOptions, headerOf } from '../wire/headers.ts'
import { headerText } from './claim-text.ts'
import { compileFate } from './header-fate.ts'
import { knownReference, parseTemplate, type Template } from './header-template.ts'
import type { ClaimHeader, Identity } from './identity.ts'
import type { HostRule } from './rewrite.ts'

export interface RequestHeaderOptions {
  readonly host: HostRule
  /** Name to template. */
  readonly set?: Readonly<Record<string, string>> | undefined
  readonly remove?: readonly string[] | undefined
  readonly passIdentity: boolean
  readonly claimHeaders: readonly ClaimHeader[]
  /** True for the names of our own cookies, which are never forwarded. */
  readonly isOwnCookie: (name: string) => boolean
}

export interface RequestHeaders {
  /** True when `build` needs an identity: for its headers, or for `${pomerium.jwt}`. */
  readonly needsIdentity: boolean
  /** `targetHost` is the Host of the chosen target. The list begins with `host` and its value. */
  build(visit: Visit, targetHost: string, identity: Identity | undefined): string[]
}

/** Fields that a `Connection` field cannot nominate away: without them the request would say something else (RFC 9110 §7.6.1). */
const endToEnd: ReadonlySet<string> = new Set([
  'authorization',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'host',
  'origin',
  'range',
])

/** Compiles what a route does to request headers; the options were checked by `checkRequestHeaders`. */
export function compileRequestHeaders(options: RequestHeaderOptions): RequestHeaders {
  const { host, passIdentity, isOwnCookie } = options
  const removed = new Set((options.remove ?? []).map((name) => name.toLowerCase()))
  const set = Object.entries(options.set ?? {})
    .map(([name, value]): readonly [string, Template] => [name.toLowerCase(), parseTemplate(value)])
    .filter(([name]) => !removed.has(name))
  const constant: string[] = []
  const templated: (readonly [string, Template])[] = []
  for (const [name, template] of set) {
    if (template.references.length > 0) templated.push([name, template])
    else constant.push(name, headerText(template.render({ header: () => '', assertion: '' })))
  }
  const written = [...options.claimHeaders.map(({ header }) => header), ...removed, ...set.map(([name]) => name)]
  const fateOf = compileFate(written)
  const writes = (name: string) => !removed.has(name) && !set.some(([other]) => other === name)
  const sets = {
    requestId: writes('x-request-id'),
    forwardedFor: writes('x-forwarded-for'),
    forwardedProto: writes('x-forwarded-proto'),
    forwardedHost: host.kind !== 'preserve' && writes('x-forwarded-host'),
    assertionFor: passIdentity && writes('x-pomerium-jwt-assertion-for'),
  }

  function build(visit: Visit, targetHost: string, identity: Identity | undefined): string[] {
    const list = ['host', hostOf(host, visit, targetHost)]
    const { headers } = visit
    let cookie = ''
    let nominated: readonly string[] | undefined
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at] as string
      const value = headers[at + 1] as string
      switch (fateOf(name)) {
        case 'pass':
          list.push(name, value)
          break
        case 'drop':
          break
        case 'connection':
          if (value !== 'keep-alive' && value !== 'close') nominated = connectionOptions(headers)
          break
        case 'cookie': {
          const rest = withoutCookies(value, isOwnCookie)
          if (rest !== '') cookie = cookie === '' ? rest : `${cookie}; ${rest}`
          break
        }
        case 'authorization':
          if (!isForUs(value)) list.push(name, value)
          break
        case 'assertion':
          if (sets.assertionFor) list.push('x-pomerium-jwt-assertion-for', value)
          break
      }
    }
    if (nominated !== undefined) dropNominated(list, nominated)
    if (cookie !== '') list.push('cookie', cookie)

    if (sets.requestId) list.push('x-request-id', visit.id)
    if (sets.forwardedFor && visit.forwardedFor !== '') list.push('x-forwarded-for', visit.forwardedFor)
    if (sets.forwardedProto) list.push('x-forwarded-proto', visit.scheme)
    if (sets.forwardedHost) list.push('x-forwarded-host', visit.authority)
    if (passIdentity && identity !== undefined) append(list, identity.headers)
    append(list, constant)
    if (templated.length > 0) {
      // Templates see the list as it is forwarded: what was taken away cannot come back through them.
      const seen = list.slice()
      const facts = {
        header: (name: string) => (name === 'host' ? '' : (headerOf(seen, name)?.replaceAll(', ', ',') ?? '')),
        assertion: identity?.assertion ?? '',
      }
      for (const [name, template] of templated) list.push(name, headerText(template.render(facts)))
    }
    return list
  }

  const usesAssertion = templated.some(([, { references }]) =>
    references.some((path) => path[0] === 'pomerium' && path[1] === 'jwt'),
  )
  return { needsIdentity: passIdentity || usesAssertion, build }
}

/** Names that set_request_headers cannot write: they belong to the connection, or decide which route is taken. */
const unsettable: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Everything that is wrong with set_request_headers, as sentences; [] where nothing is. For the configuration's check. */
export function checkRequestHeaders(set: Readonly<Record<string, string>>): readonly string[] {
  const problems: string[] = []
  for (const [name, value] of Object.entries(set)) {
    const lower = name.toLowerCase()
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name))
      problems.push(`cannot set ${JSON.stringify(name)}: no header name`)
    if (lower === 'host') problems.push('cannot set Host: use host_rewrite')
    else if (unsettable.has(lower)) problems.push(`cannot set ${name}: it belongs to the connection`)
    for (const path of parseTemplate(value).references) {
      if (knownReference(path) === 'unsupported') {
        problems.push(`cannot set ${name}: ${path.slice(0, 2).join('.')} is not supported yet`)
      }
    }
  }
  return problems
}

function hostOf(rule: HostRule, visit: Visit, targetHost: string): string {
  switch (rule.kind) {
    case 'fixed':
      return rule.host
    case 'preserve':
      return visit.authority
    case 'target':
      return targetHost
  }
}

/** Credentials that Pomerium's own clients send to the proxy and not to the application. */
function isForUs(authorization: string): boolean {
  return /^(?:pomerium\s|bearer\s+pomerium-)/i.test(authorization)
}

function dropNominated(list: string[], nominated: readonly string[]): void {
  let kept = 2
  for (let at = 2; at < list.length; at += 2) {
    const name = list[at] as string
    if (nominated.includes(name) && !endToEnd.has(name)) continue
    list[kept] = name
    list[kept + 1] = list[at + 1] as string
    kept += 2
  }
  list.length = kept
}

function append(list: string[], more: readonly string[]): void {
  for (let at = 0; at < more.length; at++) list.push(more[at] as string)
}
