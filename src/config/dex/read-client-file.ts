/** Files of `ostiary idp create-client` and `update-client`: one application, or a list, by Dex's keys or Pachyderm's. */
import type { z } from 'zod'
import { maskSecrets } from '../masks.ts'
import { type ConfigNode, isNull, placeOf, spanAt, valueAt } from '../node.ts'
import { type Place, Source } from '../place.ts'
import { Findings, type Problem, printPath } from '../problem.ts'
import { refusedClientKeys } from './client-section.ts'
import { answersInClear, asBrowsersWrite, travelsInClear, wrongAddress } from './client-settings.ts'
import { goFlag, goOneOf, goSection, goText, goTexts } from './go-types.ts'
import { type GroupRules, groupRules } from './group-rules.ts'
import { readDexYaml } from './mended-yaml.ts'
import { type Path, readSection } from './read-section.ts'

/** What the file says; what it does not say is made up, or stays as it is. */
export interface FileClient {
  readonly id?: string
  readonly name?: string
  readonly secret?: string
  readonly redirectUris?: readonly string[]
  readonly trustedPeers?: readonly string[]
  readonly public?: boolean
  readonly logoUrl?: string
  readonly rules?: FileClientRules
  readonly place: Place
}

/** What Dex's API takes not. */
export interface FileClientRules {
  readonly postLogoutRedirectUris?: readonly string[]
  readonly backchannelLogoutUri?: string
  readonly refreshTokenLifetime?: 'standalone' | 'session'
  readonly allowedConnectors?: readonly string[]
  readonly pkce?: 'required' | 'optional'
  readonly groups?: GroupRules
}

export type ClientFile = (
  | { readonly kind: 'ok'; readonly clients: readonly FileClient[] }
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }
) & { readonly warnings: readonly Problem[] }

export interface ClientFileOptions {
  /** Of the file, for messages. */
  readonly name: string
  /** The clients are for a Dex, whose API takes fewer keys. */
  readonly isForDex?: boolean
  readonly lenient?: boolean
}

/** The keys of `clientShape` without its defaults: what a file leaves out stays as it is. */
const commonShape = {
  id: goText().optional(),
  name: goText().optional(),
  secret: goText().optional().meta({ doc: '', secret: true }),
  redirectURIs: goTexts().optional(),
  trustedPeers: goTexts().optional(),
  public: goFlag().optional(),
  logoURL: goText().optional(),
  /** `get-client -o json` prints it: that is read again. */
  origin: goText().optional(),
}

const rulesShape = {
  postLogoutRedirectURIs: goTexts().optional(),
  backchannelLogoutURI: goText().optional(),
  refreshTokenLifetime: goOneOf(['standalone', 'session']).optional(),
  allowedConnectors: goTexts().optional(),
  pkce: goOneOf(['required', 'optional']).optional(),
  groups: groupRules().optional(),
}

const variable = 'variables are put in only where a configuration file declares the client: write the value'
const inOwnFile = 'leave it out, or write the client into staticClients of its configuration file'
const refused = { ...refusedClientKeys, idEnv: variable, secretEnv: variable }

const clientSection = goSection({ ...commonShape, ...rulesShape }, { refused })

/** Pachyderm's spellings, and those of others that follow it. */
const spellings: Readonly<Record<string, string>> = {
  redirect_uris: 'redirectURIs',
  trusted_peers: 'trustedPeers',
  logo_url: 'logoURL',
  post_logout_redirect_uris: 'postLogoutRedirectURIs',
  backchannel_logout_uri: 'backchannelLogoutURI',
  allowed_connectors: 'allowedConnectors',
}

export function readClientFile(text: string, { name, ...options }: ClientFileOptions): ClientFile {
  const findings = new Findings()
  const node = readDexYaml(new Source('file', name, text), findings)
  if (node !== undefined) maskSecrets(node)
  const reading = { ...options, findings }
  const clients = node === undefined ? [] : entriesOf(node).flatMap((entry) => readClient(entry, reading) ?? [])
  if (node !== undefined && clients.length === 0 && findings.errorCount === 0)
    findings.error({ kind: 'missing', path: '', message: 'there is no client in it', span: node.span })
  const { errors: problems, warnings } = findings
  return problems.length > 0 ? { kind: 'problems', problems, warnings } : { kind: 'ok', clients, warnings }
}

interface ClientEntry {
  readonly node: ConfigNode
  readonly path: Path
}

function entriesOf(node: ConfigNode): readonly ClientEntry[] {
  const list = valueAt(node, 'staticClients') ?? node
  // A whole configuration without any.
  if (list === node && valueAt(node, 'issuer') !== undefined) return []
  const path = list === node ? [] : ['staticClients']
  if (list.kind === 'list') return list.items.map((item, index) => ({ node: item, path: [...path, index] }))
  return isNull(list) ? [] : [{ node: list, path }]
}

type Reading = Omit<ClientFileOptions, 'name'> & { readonly findings: Findings }

function readClient({ node, path }: ClientEntry, reading: Reading): FileClient | undefined {
  const { findings, isForDex = false, lenient = false } = reading
  if (node.kind !== 'map') {
    const expected = 'a client: a map with id, name and redirectURIs'
    findings.mismatch({ path: printPath(path), expected, node })
    return undefined
  }
  const [type, config] = [valueAt(node, 'type'), valueAt(node, 'config')]
  if (type !== undefined && config !== undefined) {
    const message = 'this is a connector, and no application'
    const hint = 'create-connector and update-connector take it'
    findings.error({ kind: 'value', path: printPath([...path, 'type']), message, hint, span: type.span })
    return undefined
  }
  const entries = node.entries.map((entry) => ({ ...entry, key: spellings[entry.key.toLowerCase()] ?? entry.key }))
  const section = { path, findings, lenient, scalars: 'converted' } as const
  const read = readSection(clientSection, { ...node, entries }, section)
  if (isForDex) refuseRules(read.node, { path, findings })
  if (read.value === undefined || !addressesAreRight(read.value, { node: read.node, path, findings })) return undefined
  const { redirectURIs, trustedPeers, logoURL, id, name, secret, public: isPublic } = read.value
  const rules = rulesOf(read.value)
  return {
    ...(id !== undefined && id !== '' && { id }),
    ...(name !== undefined && { name }),
    ...(secret !== undefined && secret !== '' && { secret }),
    ...(redirectURIs !== undefined && { redirectUris: isForDex ? redirectURIs : asBrowsersWrite(redirectURIs) }),
    ...(trustedPeers !== undefined && { trustedPeers }),
    ...(isPublic !== undefined && { public: isPublic }),
    ...(logoURL !== undefined && { logoUrl: logoURL }),
    ...(Object.keys(rules).length > 0 && { rules }),
    place: placeOf(node.span),
  }
}

/** Another program would drop them without a word. */
function refuseRules(node: ConfigNode, { path, findings }: { readonly path: Path; readonly findings: Findings }): void {
  for (const { key, keySpan } of node.kind === 'map' ? node.entries : [])
    if (Object.hasOwn(rulesShape, key))
      findings.error({
        kind: 'unsupported',
        path: printPath([...path, key]),
        message: `"${key}" is not in the API of a Dex`,
        hint: inOwnFile,
        span: keySpan,
      })
}

type ClientValues = z.output<typeof clientSection>

function rulesOf(values: ClientValues): FileClientRules {
  const { postLogoutRedirectURIs, backchannelLogoutURI, refreshTokenLifetime, allowedConnectors, pkce, groups } = values
  return {
    ...(postLogoutRedirectURIs !== undefined && { postLogoutRedirectUris: asBrowsersWrite(postLogoutRedirectURIs) }),
    ...(backchannelLogoutURI !== undefined && { backchannelLogoutUri: backchannelLogoutURI }),
    ...(refreshTokenLifetime !== undefined && { refreshTokenLifetime }),
    ...(allowedConnectors !== undefined && { allowedConnectors }),
    ...(pkce !== undefined && { pkce }),
    ...(groups !== undefined && { groups }),
  }
}

/** As in a configuration, each told at its line. */
function addressesAreRight(
  values: ClientValues,
  { node, path, findings }: ClientEntry & { readonly findings: Findings },
): boolean {
  const before = findings.errorCount
  const lists = ['redirectURIs', 'postLogoutRedirectURIs', 'backchannelLogoutURI'] as const
  for (const key of lists) {
    const given = values[key] ?? []
    for (const [index, uri] of (typeof given === 'string' ? [given].filter(Boolean) : given).entries()) {
      const inner = typeof given === 'string' ? [key] : [key, index]
      const where = { path: printPath([...path, ...inner]), span: spanAt(node, inner).span }
      const expected = wrongAddress(uri, key)
      if (expected !== undefined)
        findings.error({
          ...where,
          kind: 'value',
          message: `expected ${expected}, got ${JSON.stringify(uri.slice(0, 200))}`,
        })
      else if (key === 'redirectURIs' && travelsInClear(uri)) findings.warn({ ...where, ...answersInClear })
    }
  }
  return findings.errorCount === before
}
