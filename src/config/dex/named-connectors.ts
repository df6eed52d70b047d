/** Connectors in files of their own that a configuration names, so that their secrets can be kept apart from it. */
import { printPath } from '../problem.ts'
import type { Settling } from './checking.ts'
import { connectorsOfFile } from './read-connector-file.ts'
import type { ReadConnector } from './read-connectors.ts'

/** Those of all files, after `declared`, which the configuration itself holds; an id that comes again is reported. */
export async function withNamedConnectors(
  declared: readonly ReadConnector[],
  paths: readonly string[],
  { files, findings, beside, lenient, path, at }: Settling,
): Promise<readonly ReadConnector[]> {
  const all = [...declared]
  for (const [index, file] of paths.entries()) {
    const key = ['connectorFiles', index]
    const where = { path: printPath([...path, ...key]), span: at(key) }
    const read = await files.read(file, beside)
    if (read.kind === 'unreadable') {
      const message = `cannot read ${JSON.stringify(file.slice(0, 200))}: ${read.reason}`
      findings.error({ ...where, kind: 'file', message })
      continue
    }
    for (const connector of connectorsOfFile(read.text, { name: read.name, lenient, findings })) {
      const { id } = connector.settings
      if (!all.some(({ settings }) => settings.id === id)) all.push(connector)
      else {
        const message = `another connector has this id: ${JSON.stringify(id)}`
        const hint = 'the id is part of what users are known by; give each connector one of its own'
        findings.error({
          ...{ kind: 'contradiction', path: printPath([...connector.path, 'id']), message, hint },
          span: connector.at(['id']),
        })
      }
    }
  }
  return all
}
