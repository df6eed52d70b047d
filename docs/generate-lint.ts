/** docs/policy-lint.md, printed from the rules themselves. */
import { lintRules } from '#src/lint/lint-policies.ts'
import type { LintRule } from '#src/lint/lint-rule.ts'

/** The text of docs/policy-lint.md. */
export function lintReference(): string {
  return `# What \`ostiary check\` warns about

<!-- Printed from src/lint by \`npm run docs\`. Do not edit. -->

The policy language is kept as it is, surprises included; a warning names each place where a rule does something else
than it looks like, with a rewrite. The word in brackets behind a warning is the heading here. \`--strict\` takes warnings
for errors: the right setting for CI.

${lintRules.map(entry).join('\n\n')}
`
}

function entry({ name, doc, bad, rewrite }: LintRule): string {
  return `## ${name}

${doc}

\`\`\`yaml
${bad}
\`\`\`

Rather:

\`\`\`yaml
${rewrite}
\`\`\``
}
