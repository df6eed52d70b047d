/** Files that a broker's configuration names: certificates, keys, authorities. Their texts take the places of their paths. */
import type { z } from 'zod'
import type { Secret } from '../../crypto/secret.ts'
import type { FileReader } from '../file-reader.ts'
import type { Span } from '../node.ts'
import { authorities, certificateChain, fits, privateKey } from '../pem-types.ts'
import { type Findings, printPath } from '../problem.ts'
import type { Path } from './read-section.ts'

export interface FileReading {
  readonly files: FileReader
  readonly findings: Findings
  /** The file that names the others. */
  readonly beside: string | undefined
  /** Where the configuration stands in its file; the paths below are inside of it. */
  readonly path: Path
  readonly at: (path: Path) => Span
}

interface Named {
  /** As it is written; '' for none. */
  readonly file: string
  readonly path: Path
}

/** Authorities of a file as PEM text; undefined for none, and after a problem. */
export async function readAuthorities(named: Named, reading: FileReading): Promise<string | undefined> {
  return await readPem(named, authorities(), reading)
}

export interface Pair {
  readonly cert: string
  readonly key: Secret
}

/** A certificate and its key by file. Undefined where neither is named, and after a problem. */
export async function readPair(
  { cert, key }: { readonly cert: Named; readonly key: Named },
  reading: FileReading,
): Promise<Pair | undefined> {
  if (cert.file === '' && key.file === '') return undefined
  const lone = cert.file === '' ? key : key.file === '' ? cert : undefined
  if (lone !== undefined) {
    const [has, needs] = lone === cert ? ['a certificate', 'its key'] : ['a key', 'its certificate']
    reading.findings.error({
      kind: 'missing',
      path: printPath([...reading.path, ...lone.path]),
      message: `${has} without ${needs}`,
      hint: `add ${(lone === cert ? key : cert).path.at(-1)}`,
      span: reading.at(lone.path),
    })
    return undefined
  }
  const chain = await readPem(cert, certificateChain(), reading)
  const secret = await readPem(key, privateKey(), reading)
  if (chain === undefined || secret === undefined) return undefined
  if (!fits(chain, secret)) {
    reading.findings.error({
      kind: 'contradiction',
      path: printPath([...reading.path, ...key.path]),
      message: 'the key does not fit the certificate',
      span: reading.at(key.path),
    })
    return undefined
  }
  return { cert: chain.pem, key: secret }
}

async function readPem<S extends z.ZodType>(
  { file, path: inner }: Named,
  type: S,
  { files, findings, beside, path, at }: FileReading,
): Promise<z.output<S> | undefined> {
  if (file === '') return undefined
  const where = { path: printPath([...path, ...inner]), span: at(inner) }
  const read = await files.read(file, beside)
  const shown = JSON.stringify(file.slice(0, 200))
  if (read.kind === 'unreadable') {
    findings.error({ ...where, kind: 'file', message: `cannot read ${shown}: ${read.reason}` })
    return undefined
  }
  const result = type.safeParse(read.text.trimEnd())
  if (result.success) return result.data
  for (const issue of result.error.issues) {
    const found = issue.code === 'custom' ? issue.params?.['found'] : undefined
    const got = typeof found === 'string' ? `, got ${found}` : ''
    findings.error({ ...where, kind: 'file', message: `cannot use ${shown}: expected ${issue.message}${got}` })
  }
  return undefined
}
