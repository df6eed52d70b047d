/** One configuration file to a document of plain settings, whatever form it has: YAML, JSON, or the values of the Helm chart. */
import { extname } from 'node:path'
import type { Environment } from './environment.ts'
import type { FileReader } from './file-reader.ts'
import { isHelmValues, translateHelmValues } from './helm.ts'
import { interpolate } from './interpolate.ts'
import { maskSecrets } from './masks.ts'
import type { MapNode } from './node.ts'
import { Source } from './place.ts'
import type { Findings } from './problem.ts'
import { readYaml } from './read-yaml.ts'

/** What every configuration of Dex has, or the values of its chart, and none of ours. */
function issuerOf({ entries }: MapNode): MapNode['entries'][number] | undefined {
  const config = entries.find(({ key }) => key === 'config')?.value
  return [...entries, ...(config?.kind === 'map' ? config.entries : [])].find(
    ({ key }) => key.toLowerCase() === 'issuer',
  )
}

interface Reading {
  readonly files: FileReader
  readonly findings: Findings
  readonly environment: Environment
}

/** The document, or undefined after a problem that leaves nothing of it. */
export async function readDocument(
  file: string,
  { files, findings, environment }: Reading,
): Promise<MapNode | undefined> {
  const read = await files.read(file)
  const empty = { source: new Source('file', file, ''), start: 0, end: 0 }
  if (read.kind === 'unreadable') {
    findings.error({ kind: 'file', path: '', message: `cannot read the configuration: ${read.reason}`, span: empty })
    return undefined
  }
  if (!['.yaml', '.yml', '.json', ''].includes(extname(file).toLowerCase())) {
    findings.error({
      kind: 'file',
      path: '',
      message: 'the form of the file is not known from its name',
      hint: 'write it as .yaml or .json',
      span: empty,
    })
    return undefined
  }
  const source = new Source('file', file, read.text)
  const node = readYaml(source, findings)
  if (node === undefined) return undefined
  if (node.kind === 'scalar' && node.value === null) {
    findings.error({
      kind: 'file',
      path: '',
      message: 'the configuration is empty',
      hint: 'is the file half-written? {} is a configuration without settings',
      span: empty,
    })
    return undefined
  }
  if (node.kind !== 'map') {
    findings.mismatch({ path: '', expected: 'a map of settings', node })
    return undefined
  }
  maskSecrets(node)
  const issuer = issuerOf(node)
  if (issuer) {
    findings.error({
      kind: 'syntax',
      path: '',
      message: 'this is a configuration of the broker, as Dex has it, and not of the proxy',
      hint: `ostiary check --broker ${file}; the proxy takes it besides its own: --config PROXY --broker ${file}`,
      span: issuer.keySpan,
    })
    return undefined
  }
  if (!isHelmValues(node)) return await interpolate(node, { environment, files, findings, file })
  const { document, variables } = translateHelmValues(node, findings)
  maskSecrets(document)
  return await interpolate(document, { environment: { ...variables, ...environment }, files, findings, file })
}
