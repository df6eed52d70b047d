/** Whether one source can pass a group of its own for one of another source. */
import { printPath } from '../problem.ts'
import type { Checking } from './checking.ts'

/** Their groups are written by whoever writes the configuration. */
const ownTypes: ReadonlySet<string> = new Set(['local', 'mockCallback', 'mockPassword'])

/** A prefix keeps the names of one source apart only where nobody else may use names that begin like it. */
export function checkGroupNames({ connectors, findings }: Checking): void {
  const prefixed = connectors.filter(({ settings }) => (settings.groups?.prefix ?? '') !== '')
  for (const { settings, path, at } of connectors) {
    const { id, groups, type } = settings
    if (ownTypes.has(type) || (groups && (groups.prefix !== '' || groups.allow.length > 0))) continue
    const other = prefixed.find((one) => one.settings.id !== id)
    if (!other) continue
    const { id: otherId, groups: otherGroups } = other.settings
    findings.warn({
      kind: 'doubtful',
      message: `connector "${id}" can pass off a group of its own as one of "${otherId}": nothing keeps its names from beginning with ${JSON.stringify(otherGroups?.prefix)}`,
      hint: 'give it a prefix, too, or say with allow which of its groups go on',
      path: printPath([...path, 'id']),
      span: at(['id']),
    })
  }
}
