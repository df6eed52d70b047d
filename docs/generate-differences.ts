/** docs/differences.md, printed from the lists that the conformance tests hold themselves to. */
import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'

const folder = new URL('../test/vectors/differences/', import.meta.url)

const differences = z.array(
  z
    .strictObject({
      what: z.string().trim().min(1),
      reason: z.string().trim().min(1),
      ids: z.array(z.string()).min(1).optional(),
      pattern: z.string().optional(),
    })
    .refine(({ ids, pattern }) => ids !== undefined || pattern !== undefined, 'names no case'),
)

const titles: Readonly<Record<string, string>> = {
  config: 'Configuration',
  endpoints: 'Our own paths',
  forward: 'Headers and forwarding',
  headers: 'What applications are told',
  listener: 'Requests that are let in',
  policy: 'Policy',
  route: 'Hosts and paths',
  session: 'Sessions and cookies',
  'sign-in': 'Sign-in',
  start: 'Configurations that are refused',
  'dex-config': 'Dex: the configuration',
  'dex-connectors': 'Dex: GitHub, GitLab and the users of the file',
  'dex-ldap': 'Dex: LDAP directories',
  'dex-oauth': 'Dex: OAuth 2.0',
  'dex-oidc': 'Dex: OpenID Connect',
  'dex-requests': 'Dex: sign-in requests, one thing changed in each',
  'dex-saml': 'Dex: SAML',
  'dex-tokens': 'Dex: sign-in requests and tokens',
}

const intro = `# Where Ostiary differs from Pomerium and Dex

<!-- Printed from test/vectors/differences/ by \`npm run docs\`. Do not edit. -->

Ostiary reads Pomerium's configuration and means the same by it. That is tested: for thousands of cases it is known what
Pomerium 0.33.1 answers, and each has to be answered the same way here, unless it is listed below with a reason. A test
fails when a listed difference is none any more. The broker inside is held to Dex 2.45.1 in the same way.
`

/** The text of docs/differences.md. */
export function differenceList(): string {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
  return `${intro}${files.map(section).join('')}`
}

function section(file: string): string {
  const name = file.replace(/\.yaml$/, '')
  const list = differences.parse(parse(readFileSync(new URL(file, folder), 'utf8')))
  const entries = list.map(({ what, reason, ids }) => {
    const cases = ids === undefined ? '' : ` (${ids.length} ${ids.length === 1 ? 'case' : 'cases'})`
    return `- **${oneLine(what)}** ${oneLine(reason)}${cases}\n`
  })
  return `\n## ${titles[name] ?? name}\n\n${entries.join('')}`
}

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, ' ')
}
