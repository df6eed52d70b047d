/** A comparison for a pull request, as Markdown that GitHub, GitLab and Gitea draw as tables. */

import { counted, oneLine } from '../text.ts'
import type { Found } from './found.ts'
import { routeOfChange } from './print-comparison.ts'
import { countText, routeTitle, ruleText, verbs, whoText } from './words.ts'

export function printMarkdown({ before, after, comparison, replay }: Found): string {
  const { routes, pairs, decided, notes } = comparison
  const kinds = routes.flatMap(({ differences }) => differences.map(({ kind }) => kind))
  const title = routes.length === 0 ? 'nobody gains or loses anything' : countText(kinds)
  const tables = routes.flatMap((route) => [
    `#### ${plain(routeTitle(route))}`,
    '',
    table(
      ['', 'Who', 'Decision', 'Rule'],
      route.differences.map((difference) => [
        `**${verbs[difference.kind]}**`,
        plain(whoText(difference)),
        `${difference.before} → ${difference.after}`,
        plain(ruleText(difference)),
      ]),
    ),
    '',
  ])
  const logged = replay
    ? [
        '#### From the decision log',
        '',
        table(
          ['', 'Route', 'Who', 'Decision', 'Requests'],
          replay.changes.map((change) => [
            `**${verbs[change.kind]}**`,
            plain(routeOfChange(change)),
            plain(change.who),
            `${change.before} → ${change.after}`,
            String(change.count),
          ]),
        ),
        '',
        `${counted(replay.decisions, 'logged decision')} taken again.`,
        '',
      ]
    : []
  return [
    `### Access: ${title}`,
    '',
    ...tables,
    ...logged,
    ...notes.map((note) => `> ${plain(note)}\n`),
    `<sub>${plain(before)} → ${plain(after)}: ${counted(pairs, 'route')} compared, ${counted(decided, 'question')} asked of both</sub>`,
    '',
  ].join('\n')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Names come from configurations and logs: nothing in them may become markup, a mention or a link. */
function plain(text: string): string {
  return oneLine(text)
    .replace(/[\\`*_{}[\]()#+!|~$-]/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/@/g, '&#64;')
    .replace(/:\/\//g, '&#58;//')
}
