/** A connector that management was handed, read as the configuration reads one: its keys, their types, what is dangerous. */
import type { ReadConnector } from '../../broker/management/local-connectors.ts'
import { readConnector } from '../../config/dex/read-connectors.ts'
import { Source } from '../../config/place.ts'
import { Findings } from '../../config/problem.ts'
import { readYaml } from '../../config/read-yaml.ts'

/** No variables are put in: what comes over a socket names none of this machine's. */
export const readRunTimeConnector: ReadConnector = (given) => {
  const findings = new Findings()
  const source = new Source('file', `connector ${given.id}`, JSON.stringify(given))
  const node = readYaml(source, findings)
  const read = node && readConnector(node, { path: [], findings, lenient: false, environment: undefined })
  if (read && findings.errors.length === 0) return { kind: 'connector', settings: read.settings }
  return {
    kind: 'problems',
    lines: findings.errors.map(({ path, message, hint }) => `${path}: ${message}${hint ? `; ${hint}` : ''}`),
  }
}
