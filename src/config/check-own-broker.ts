/** Contradictions between the proxy and the broker that it brings: each is told with the places on both sides. */
import { secretDigest } from '../crypto/secret-digest.ts'
import { nearest } from '../wire/nearest.ts'
import type { Path } from './dex/read-section.ts'
import type { Entry } from './node.ts'
import { placeOf } from './node.ts'
import type { Findings } from './problem.ts'
import type { OwnBroker } from './read-own-broker.ts'
import { hostRuleOf, pathRuleOf, type RouteDraft, spanOf } from './route-draft.ts'
import type { SettingValues } from './schema.ts'

interface Checking {
  readonly entries: ReadonlyMap<string, Entry>
  readonly drafts: readonly RouteDraft[]
  readonly findings: Findings
  readonly broker: OwnBroker
}

export function checkOwnBroker(values: SettingValues, checking: Checking): void {
  checkHost(checking)
  checkStorage(values, checking)
  const { settings } = checking.broker
  const url = values.idp_provider_url
  if (url !== undefined && url !== settings.issuer) {
    checkSlash(url, checking)
    return
  }
  checkClient(values, checking)
}

/** `dex.yaml:41`, as part of a message about another place. */
function placed({ broker }: Checking, path: Path): string {
  const { file, line } = placeOf(broker.at(path))
  return line === 0 ? file : `${file}:${line}`
}

/** Without a listener of its own the broker is served on the host of its issuer, where no route can be. */
function checkHost(checking: Checking): void {
  const { broker, drafts, findings } = checking
  const { issuer, web } = broker.settings
  if (web.http !== undefined || web.https !== undefined) return
  const { host } = hostRuleOf(issuer)
  const own = new URL(issuer).pathname.replace(/\/$/, '')
  for (const draft of drafts) {
    if (hostRuleOf(draft.values.from ?? '').host !== host) continue
    const { kind, text } = pathRuleOf(draft.values)
    if (own !== '' && !(kind !== 'regex' && (text === own || text.startsWith(`${own}/`)))) continue
    const inside = own === '' ? 'on this host' : `below ${own} on this host`
    findings.error({
      kind: 'contradiction',
      path: `${draft.path}.from`,
      message: `the broker is served ${inside} (issuer ${issuer}, ${placed(checking, ['issuer'])})`,
      hint: 'give the broker another host, or an issuer with a path of its own such as /dex',
      span: spanOf(draft, own === '' ? 'from' : kind),
    })
  }
}

/** A secret made at random would seal what the next process cannot open. */
function checkStorage(values: SettingValues, { broker, entries, findings }: Checking): void {
  if (broker.settings.storage.type !== 'postgres' || values.shared_secret !== undefined || entries.has('shared_secret'))
    return
  findings.error({
    kind: 'missing',
    path: 'shared_secret',
    message: 'what the broker keeps in PostgreSQL is sealed with it, and there is none',
    hint: 'make one, the same for all instances, with: head -c32 /dev/urandom | base64',
    span: broker.at(['storage']),
  })
}

/** Issuers are compared byte for byte (OpenID Connect Core §3.1.3.7). */
function checkSlash(url: string, checking: Checking): void {
  const { broker, entries, findings } = checking
  const { issuer } = broker.settings
  const entry = entries.get('idp_provider_url')
  if (entry === undefined || url.replace(/\/$/, '').toLowerCase() !== issuer.replace(/\/$/, '').toLowerCase()) return
  const isSlash = url.replace(/\/$/, '') === issuer.replace(/\/$/, '')
  findings.error({
    kind: 'contradiction',
    path: entry.key,
    message: `the issuer of the broker is ${JSON.stringify(issuer)} (${placed(checking, ['issuer'])}), got ${JSON.stringify(url)}`,
    hint: `${isSlash ? 'a slash at the end' : 'the case of letters'} counts: write both alike, or leave idp_provider_url out`,
    span: entry.value.span,
  })
}

function checkClient(values: SettingValues, checking: Checking): void {
  const { broker, entries, findings } = checking
  const id = values.idp_client_id
  const entry = entries.get('idp_client_id')
  if (id === undefined || entry === undefined) return
  const { staticClients } = broker.settings
  const number = staticClients.findIndex((client) => client.id === id)
  const client = staticClients[number]
  if (client === undefined) {
    const ids = staticClients.map((known) => known.id)
    const near = nearest(id, ids)
    const there = ids.length === 0 ? 'there are none' : `there are ${ids.slice(0, 10).join(', ')}`
    findings.warn({
      kind: 'doubtful',
      path: entry.key,
      message: `the broker has no client ${JSON.stringify(id)} in its file (${placed(checking, ['staticClients'])}): ${there}`,
      hint:
        near === undefined
          ? 'add it to staticClients, or make it with ostiary idp create-client'
          : `did you mean "${near}"?`,
      span: entry.value.span,
    })
    return
  }
  const service = entries.get('authenticate_service_url')
  const callback = `${values.authenticate_service_url}/oauth2/callback`
  if (
    values.authenticate_service_url !== undefined &&
    service !== undefined &&
    !client.redirectURIs.includes(callback)
  ) {
    findings.error({
      kind: 'contradiction',
      path: service.key,
      message: `people come back to ${callback}, which client ${JSON.stringify(id)} of the broker has not registered (${placed(checking, ['staticClients', number, 'redirectURIs'])})`,
      hint: 'add it to redirectURIs there',
      span: service.value.span,
    })
  }
  const secret = entries.get('idp_client_secret')
  if (secret === undefined || values.idp_client_secret === undefined || client.secret === undefined) return
  if (secretDigest(client.secret) === secretDigest(values.idp_client_secret)) return
  findings.error({
    kind: 'contradiction',
    path: secret.key,
    message: `client ${JSON.stringify(id)} of the broker has another secret (${placed(checking, ['staticClients', number])})`,
    hint: 'write the same text in both places',
    span: secret.keySpan,
  })
}
