/** Files of `ostiary idp create-client` and `update-client`: one application, or a list, by Dex's keys or Pachyderm's. */
import { maskSecrets } from '../masks.ts'
import { type ConfigNode, isNull, placeOf, valueAt } from '../node.ts'
import { type Place, Source } from '../place.ts'
import { Findings, type Problem, printPath } from '../problem.ts'
import { goFlag, goSection, goText, goTexts } from './go-types.ts'
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
  readonly place: Place
}

export type ClientFile = (
  | { readonly kind: 'ok'; readonly clients: readonly FileClient[] }
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }
) & { readonly warnings: readonly Problem[] }

const declared = 'only an entry of staticClients in the configuration file has it'

const clientSection = goSection(
  {
    id: goText().optional(),
    name: goText().optional(),
    secret: goText().optional().meta({ doc: '', secret: true }),
    redirectURIs: goTexts().optional(),
    trustedPeers: goTexts().optional(),
    public: goFlag().optional(),
    logoURL: goText().optional(),
  },
  {
    refused: Object.fromEntries(
      [
        ...['idEnv', 'secretEnv', 'pkce', 'groups', 'allowedConnectors', 'refreshTokenLifetime'],
        ...['postLogoutRedirectURIs', 'backchannelLogoutURI', 'mfaChain', 'ssoSharedWith', 'clientCredentialsClaims'],
      ].map((key) => [key, declared]),
    ),
  },
)

/** Pachyderm's spellings. */
const spellings: Readonly<Record<string, string>> = {
  redirect_uris: 'redirectURIs',
  trusted_peers: 'trustedPeers',
  logo_url: 'logoURL',
}

export function readClientFile(
  text: string,
  { name, lenient = false }: { readonly name: string; readonly lenient?: boolean },
): ClientFile {
  const findings = new Findings()
  const node = readDexYaml(new Source('file', name, text), findings)
  if (node !== undefined) maskSecrets(node)
  const clients =
    node === undefined ? [] : entriesOf(node).flatMap((entry) => readClient(entry, { findings, lenient }) ?? [])
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
  const path = list === node ? [] : ['staticClients']
  if (list.kind === 'list') return list.items.map((item, index) => ({ node: item, path: [...path, index] }))
  return isNull(list) ? [] : [{ node: list, path }]
}

function readClient(
  { node, path }: ClientEntry,
  { findings, lenient }: { readonly findings: Findings; readonly lenient: boolean },
): FileClient | undefined {
  if (node.kind !== 'map') {
    const expected = 'a client: a map with id, name and redirectURIs'
    findings.mismatch({ path: printPath(path), expected, node })
    return undefined
  }
  const entries = node.entries.map((entry) => ({ ...entry, key: spellings[entry.key.toLowerCase()] ?? entry.key }))
  const section = { path, findings, lenient, scalars: 'converted' } as const
  const { value } = readSection(clientSection, { ...node, entries }, section)
  if (value === undefined) return undefined
  const { redirectURIs, trustedPeers, logoURL, id, name, secret, public: isPublic } = value
  return {
    ...(id !== undefined && id !== '' && { id }),
    ...(name !== undefined && { name }),
    ...(secret !== undefined && secret !== '' && { secret }),
    ...(redirectURIs !== undefined && { redirectUris: redirectURIs }),
    ...(trustedPeers !== undefined && { trustedPeers }),
    ...(isPublic !== undefined && { public: isPublic }),
    ...(logoURL !== undefined && { logoUrl: logoURL }),
    place: placeOf(node.span),
  }
}
