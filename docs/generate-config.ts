/** docs/config.md, printed from the schema. */

import type { z } from 'zod'
import { variableOf } from '#src/config/environment.ts'
import { globalTwins, routeTwins } from '#src/config/judge-keys.ts'
import { type KnownKey, knownKeys, knownRouteKeys } from '#src/config/known-keys.ts'
import { routeSchema } from '#src/config/route-settings.ts'
import { defaultOf, metaOf, typeNameOf } from '#src/config/setting-type.ts'
import { brokerSettings } from '#src/config/settings-broker.ts'
import { identitySettings } from '#src/config/settings-identity.ts'
import { listenerSettings } from '#src/config/settings-listener.ts'
import { policyToolSettings } from '#src/config/settings-policy-tools.ts'
import { upstreamSettings } from '#src/config/settings-upstream.ts'

type Shape = Readonly<Record<string, z.ZodType>>

const intro = `# Configuration

<!-- Printed from src/config by \`npm run docs\`. Do not edit. -->

\`ostiary serve --config FILE\` reads YAML or JSON; the option may be given several times, and for each top-level key the
later file wins. Nearly every global setting can be given by an environment variable, too, which wins over the files. Keys,
variables and meanings are Pomerium's; where something differs it is said below. \`ostiary check --config FILE\` reads the
same and prints all problems at once, or the routes as they will be matched.

- **Durations** are numbers with units: \`30s\`, \`1h30m\`, \`500ms\`; \`0s\` is none.
- **Lists** may be written as one text with commas or spaces, **maps** as JSON text: that is how variables hold them.
- **\`NAME_file\`** gives the path of a file that holds the value. Relative paths start at the working directory, then at
  the folder of the configuration.
- **\`\${NAME}\`** in a text stands for an environment variable, \`\${NAME:-text}\` for the text where it is not set or empty,
  **\`\${file:PATH}\`** for the text of a file; \`$\${\` is the text \`\${\`. In \`set_request_headers\`, \`\${pomerium.…}\` is left for the request.
- **\`ROUTES\`** and **\`POLICY\`** hold the base64 of a YAML or JSON list of routes. \`policy\` is the older name of \`routes\`;
  both may be used, \`policy\` comes first.
- **\`tests\`** holds cases of who may do what, for \`ostiary test\`; see policy.md.
- **An unknown key** is an error that names the nearest known one (\`--lenient\`: a warning). Top-level keys that begin
  with \`x-\` are for anchors and are not read.
- **Values of the Helm chart** \`pomerium/pomerium\` are recognised by their shape and read directly.
`

/** The text of docs/config.md. */
export function configReference(): string {
  return [
    intro,
    section('Listeners', listenerSettings, globalTwins),
    section('Signing in', identitySettings, globalTwins),
    section('The broker inside', brokerSettings, globalTwins),
    section('Upstreams and logs', upstreamSettings, globalTwins),
    section('Safe edits', policyToolSettings, globalTwins),
    '## Routes\n\nEach entry of `routes` is a map with these keys. Routes are tried in order, hosts without `*` first; the first that matches is taken.\n',
    table(routeSchema.shape, { twins: routeTwins, variables: false }),
    others('Other keys of Pomerium', knownKeys),
    others('Other route keys of Pomerium', knownRouteKeys),
  ].join('\n')
}

function section(title: string, shape: Shape, twins: readonly string[]): string {
  return `## ${title}\n\n${table(shape, { twins, variables: true })}`
}

function table(shape: Shape, { twins, variables }: { twins: readonly string[]; variables: boolean }): string {
  const rows = Object.entries(shape).map(([key, schema]) => {
    const meta = metaOf(schema)
    const names = [`\`${key}\``, ...(twins.includes(key) ? [`\`${key}_file\``] : [])].join('<br>')
    const notes = [
      meta.doc,
      meta.pomerium === undefined ? '' : `*Pomerium:* ${meta.pomerium}`,
      meta.reload === 'restart' ? 'Needs a restart.' : '',
    ].filter((note) => note !== '')
    const cells = [
      names,
      ...(variables ? [meta.fileOnly ? '' : `\`${variableOf(key)}\``] : []),
      typeNameOf(schema),
      shownDefault(schema),
      notes.join(' '),
    ]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  const head = ['Key', ...(variables ? ['Variable'] : []), 'Type', 'Default', 'Meaning']
  return `| ${head.join(' | ')} |\n|${' --- |'.repeat(head.length)}\n${rows.join('\n')}\n`
}

function shownDefault(schema: z.ZodType): string {
  const { shownDefault: shown } = metaOf(schema)
  if (shown !== undefined) return shown
  const value = defaultOf(schema)
  if (value === undefined) return ''
  if (Array.isArray(value) || typeof value === 'object') return 'empty'
  return value === '' ? 'empty' : `\`${String(value)}\``
}

function others(title: string, keys: ReadonlyMap<string, KnownKey>): string {
  const lines = [...keys].map(([key, known]) => `- \`${key}\`: ${fate(known)}`)
  return `## ${title}\n\nThese are recognised, and none of them is dropped without a word.\n\n${lines.join('\n')}\n`
}

function fate(known: KnownKey): string {
  switch (known.kind) {
    case 'unsupported': {
      const off = known.off.filter((word) => word !== '')
      return `refused, not supported yet${off.length === 0 ? '' : ` (\`${off[0]}\` is accepted)`}`
    }
    case 'ignored':
      return `ignored with a warning: ${known.why}`
    case 'removed':
      return `refused: ${known.hint}`
  }
}
