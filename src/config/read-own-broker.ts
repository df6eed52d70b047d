/** The broker of a configuration: named on the command line, by `broker: PATH`, or written there as a map. */
import { type BrokerReading, type ReadBroker, readBroker, readBrokerFile } from './dex/read-broker.ts'
import type { Entry, Span } from './node.ts'

interface OwnReading extends BrokerReading {
  /** From the command line: it wins. */
  readonly brokerFile: string | undefined
}

export type OwnBroker = ReadBroker & {
  /** The key that names or holds it, for what concerns it as a whole; its own first place where there is none. */
  readonly span: Span
}

/** Undefined where there is none, and after a problem. */
export async function readOwnBroker(
  entry: Entry | undefined,
  { brokerFile, ...reading }: OwnReading,
): Promise<OwnBroker | undefined> {
  const read = await readEither(entry, { brokerFile, ...reading })
  return read === undefined ? undefined : { ...read, span: entry?.keySpan ?? read.at([]) }
}

async function readEither(
  entry: Entry | undefined,
  { brokerFile, ...reading }: OwnReading,
): Promise<ReadBroker | undefined> {
  if (brokerFile !== undefined) {
    if (entry !== undefined)
      reading.findings.warn({
        kind: 'ignored',
        path: entry.key,
        message: `"${entry.key}" is ignored: --broker names another one`,
        span: entry.keySpan,
      })
    return await readBrokerFile(brokerFile, reading)
  }
  if (entry === undefined) return undefined
  const { value, key, keySpan } = entry
  const { name, origin } = keySpan.source
  const file = origin === 'file' ? name : undefined
  if (value.kind === 'map') return await readBroker(value, { ...reading, file, path: [key] })
  if (value.kind === 'scalar' && typeof value.value === 'string' && value.value.trim() !== '')
    return await readBrokerFile(value.value, { ...reading, named: { path: key, span: value.span, beside: file } })
  reading.findings.mismatch({
    path: key,
    expected: 'the path of a Dex configuration, or the configuration itself',
    node: value,
  })
  return undefined
}
