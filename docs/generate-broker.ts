/** docs/broker-reference.md, printed from the declarations of Dex's keys. */
import type { z } from 'zod'
import {
  brokerSection,
  brokerShape,
  postgresSection,
  refusedStorages,
  sqliteSection,
} from '#src/config/dex/broker-sections.ts'
import { connectorTypes, otherNames, refusedTypes } from '#src/config/dex/connectors/connector-settings.ts'
import { type SectionInfo, sectionOf } from '#src/config/dex/go-types.ts'
import { connectorSection } from '#src/config/dex/read-connectors.ts'
import { defaultOf, metaOf, typeNameOf } from '#src/config/setting-type.ts'

const intro = `# The broker's configuration

<!-- Printed from src/config/dex by \`npm run docs\`. Do not edit. -->

The broker reads Dex's \`config.yaml\` and the values of Dex's Helm charts (\`config: {issuer: …}\`, or the same at the top)
as they are: \`ostiary broker --config FILE\` alone, \`ostiary serve --config GATE --broker FILE\` together with the proxy,
or \`broker:\` in the proxy's configuration, with the path of the file or the map itself. Keys, defaults and meanings are
Dex's; what is marked *only here* or *Ours* is not. All problems are told at once, each with file, line and column.

- **Keys** are found in any case, as Dex finds them; the same key in two cases is refused. **Unknown keys** are refused
  with the nearest known one (\`--lenient\`: a warning). Dex drops them without a word.
- **Scalars are strict** in connectors: \`bindPW: 12345\` has to be quoted, and \`false,\` is no
  boolean. Elsewhere numbers become text, as in Dex, unless they would become another text (\`0123\`). Without quotes \`yes\`,
  \`no\`, \`on\`, \`off\`, \`y\` and \`n\` are booleans, as in YAML 1.1, which Dex reads.
- **Variables**: \`$NAME\` and \`\${NAME}\` in texts of \`connectors[].config\` and \`storage.config\` stand for environment variables
  (and for \`env\` and \`envVars\` of a chart). One that is not set is empty, with a warning. There is no escape: a value with
  \`$\` in it has to come from a variable. \`DEX_EXPAND_ENV=false\` turns this off. In a \`broker:\` map of the proxy's
  configuration, \`\${NAME}\`, \`\${file:PATH}\` and \`$\${\` mean what they mean there, and come first. In connectors made by
  \`ostiary idp\` nothing is put in.
- **Durations** are text with units: \`24h\`, \`1h30m\`. **Octets** (\`…Data\`) are base64. **Paths** start at the working
  directory; those of \`web\`, \`grpc\` and \`storage\` are looked for beside the file, too.
- **Every \`insecure…\`** that is true draws a warning with its place, and so does a plain http issuer.
- **Addresses** in \`redirectURIs\` are compared character by character. A host with capitals is registered a second time in
  lower case, which is how browsers write it.
- \`HTTP_PROXY\`, \`HTTPS_PROXY\` and \`NO_PROXY\` (or in small letters) lead to the services behind connectors that are
  asked over HTTP, as in Dex: proxies with http:// or https://, with user and password where they want them; loopback
  goes straight, and so does what NO_PROXY lists (names with all below them, addresses, networks, with a port or
  without). Directories, the database and what the proxy forwards have nothing to do with them.
- The file itself, the certificates and keys of \`web\`, \`grpc\` and \`storage\`, and the certificates and key files that
  connectors name are watched: a change is taken by a reload. One of a connector that is not there or cannot be used is
  warned of, and keeps nobody out of the others; a \`clientAssertion\`, which is written anew all the time, is read when
  it is needed.
`

/** The text of docs/broker-reference.md. */
export function brokerReference(): string {
  return [
    intro,
    '## Top level\n',
    table(required(brokerSection)),
    ...Object.entries(brokerShape).flatMap(([key, schema]) => part(key, schema)),
    '## storage: sqlite3\n',
    table(required(sqliteSection)),
    '## storage: postgres\n',
    ...body(postgresSection),
    reasons('Other storages', refusedStorages, 'refused'),
    '## Connectors\n\nEach entry of `connectors` is a map with these keys; `config` holds those of its type.\n',
    ...body(connectorSection),
    ...Object.entries(connectorTypes).flatMap(([type, { schema, doc }]) => connector(type, doc, schema)),
    reasons('Other types of Dex', refusedTypes, 'refused'),
  ].join('\n')
}

/** A chapter for each top-level key that is a section. */
function part(key: string, schema: z.ZodType): string[] {
  return sectionOf(schema) === undefined ? [] : [`## ${key}\n\n${metaOf(schema).doc}\n`, ...body(schema)]
}

function connector(type: string, doc: string, schema: z.ZodType): string[] {
  const also = Object.entries(otherNames).flatMap(([other, name]) => (name === type ? [`\`${other}\``] : []))
  const names = also.length === 0 ? '' : ` ${also.join(', ')} is the same.`
  const { shape } = required(schema)
  const keys = Object.keys(shape).length === 0 ? ['It has no keys.\n'] : body(schema)
  return [`## Connector \`${type}\`\n\n${doc}${names}\n`, ...keys]
}

/** The table, what is refused and ignored, and the sections inside. */
function body(schema: z.ZodType, name = ''): string[] {
  const info = required(schema)
  const notes = [
    ...Object.entries(info.refused).map(([key, why]) => `- \`${key}\`: refused; ${why}`),
    ...Object.entries(info.ignored).map(([key, why]) => `- \`${key}\`: ignored with a warning; ${why}`),
  ]
  const inner = Object.entries(info.shape).flatMap(([key, type]) => {
    if (sectionOf(type) === undefined) return []
    const path = `${name}${name === '' ? '' : '.'}${key}${sectionOf(type)?.isList === true ? '[]' : ''}`
    return [`**\`${path}\`**\n`, ...body(type, path)]
  })
  return [table(info), ...(notes.length === 0 ? [] : [`${notes.join('\n')}\n`]), ...inner]
}

function required(schema: z.ZodType): SectionInfo {
  const info = sectionOf(schema)
  if (info === undefined) throw new TypeError('cannot print a page: a section of keys was expected')
  return info
}

function table({ shape }: SectionInfo): string {
  const rows = Object.entries(shape).map(([key, schema]) => {
    const cells = [`\`${key}\``, typeNameOf(schema), shownDefault(schema), docOf(schema)]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')).join(' | ')} |`
  })
  return `| Key | Type | Default | Meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
}

function docOf(schema: z.ZodType): string {
  const { doc, secret } = metaOf(schema)
  return secret === true ? `${doc} Never shown.` : doc
}

function shownDefault(schema: z.ZodType): string {
  const { shownDefault: shown } = metaOf(schema)
  if (shown !== undefined) return shown
  const value = defaultOf(schema)
  if (value === undefined) return schema.safeParse(undefined).success ? '' : '*has to be there*'
  if (Array.isArray(value) && value.length > 0) return value.map((item) => `\`${String(item)}\``).join(', ')
  return value === '' || typeof value === 'object' ? '' : `\`${String(value)}\``
}

function reasons(title: string, table: Readonly<Record<string, string>>, fate: string): string {
  const lines = Object.entries(table).map(([key, why]) => `- \`${key}\`: ${fate}; ${why}`)
  return `## ${title}\n\n${lines.join('\n')}\n`
}
