/** `ostiary idp create-connector`, `update-connector` and their like. */
import type { ConnectorChange, ConnectorRecord } from '../../broker/management/management.ts'
import { holdsMask } from '../../broker/management/secret-keys.ts'
import type { JsonObject } from '../../broker/store/store.ts'
import { type FileConnector, readConnectorFile } from '../../config/dex/read-connector-file.ts'
import type { Io } from '../io.ts'
import { counted, oneLine, paintFor, placeText } from '../text.ts'
import { differenceText } from './difference.ts'
import { orProblems, printRefusal } from './outcome.ts'
import { connectorText, documentText, type Format } from './show.ts'
import { type Target, wrongUse } from './target.ts'

/** A text with its name for messages; `-` is standard input. */
export interface GivenText {
  readonly name: string
  readonly text: string
}

export interface WriteFlags {
  /** `--version`, as it was typed. */
  readonly version?: string
  readonly force: boolean
  readonly dryRun: boolean
  readonly diff: boolean
  readonly showSecrets: boolean
  readonly verbose: boolean
  readonly lenient: boolean
}

export interface Write {
  readonly target: Target
  readonly flags: WriteFlags
  readonly io: Io
}

export async function createConnectors(given: GivenText, write: Write): Promise<number> {
  const { target, io } = write
  const changes = readChanges(given, write, false)
  if (!changes) return 1
  return await each(changes, 'created', io, async (change) => {
    const { force, dryRun } = write.flags
    const made = await target.management.createConnector(change, { force, dryRun })
    tell({ verb: dryRun ? 'would create' : 'created', before: undefined, after: made }, write)
  })
}

/** `id`: of the command line; `given` undefined: nothing but the version is raised. */
export async function updateConnectors(
  { id, given }: { readonly id: string | undefined; readonly given: GivenText | undefined },
  write: Write,
): Promise<number> {
  const { target, io, flags } = write
  const changes = given ? readChanges(given, write, true) : [{ id: id ?? '', ...versionOf(flags.version, target) }]
  if (!changes) return 1
  const wanted = id === undefined ? changes : changes.filter((change) => change.id === id)
  const [first] = changes
  if (wanted.length === 0)
    throw wrongUse(
      `cannot update connector ${JSON.stringify(id)}: ${given?.name ?? ''} holds ${JSON.stringify(first?.id)}`,
      'name the id that the file has, or none',
    )
  return await each(wanted, 'updated', io, async (change) => {
    const { force, dryRun, diff } = flags
    const before = diff ? await target.management.getConnector(change.id) : undefined
    const after = await target.management.updateConnector(change, { force, dryRun })
    tell({ verb: dryRun ? 'would update' : 'updated', before, after }, write)
  })
}

export async function getConnector(
  id: string,
  { target, format, showSecrets, io }: { target: Target; format: Format; showSecrets: boolean; io: Io },
): Promise<number> {
  io.out(connectorText(await target.management.getConnector(id), { format, showSecrets }))
  return 0
}

export async function listConnectors({
  target,
  format,
  io,
}: {
  readonly target: Target
  readonly format: Format | undefined
  readonly io: Io
}): Promise<number> {
  const connectors = await target.management.listConnectors()
  if (format !== undefined) {
    io.out(
      documentText(
        connectors.map(({ id, name, type, version, origin }) => ({ id, name, type, version, origin })),
        format,
      ),
    )
    return 0
  }
  for (const { id, name, type } of connectors) io.out(`${oneLine(`${id} - ${name} (${type})`)}\n`)
  return 0
}

export async function deleteConnector(
  id: string,
  { target, flags, io }: Pick<Write, 'target' | 'io'> & { flags: { verbose: boolean } },
): Promise<number> {
  await target.management.deleteConnector(id)
  if (flags.verbose) io.out(`deleted connector ${oneLine(id)}\n`)
  return 0
}

function readChanges(
  given: GivenText,
  { target, flags, io }: Write,
  partial: boolean,
): readonly ConnectorChange[] | undefined {
  const { lenient } = flags
  const read = orProblems(
    readConnectorFile(given.text, { name: given.name, check: !target.isDex, partial, lenient }),
    io,
  )
  if (!read) return undefined
  if (flags.version !== undefined && read.connectors.length > 1)
    throw wrongUse('cannot give one version to several connectors', 'write `version` beside each in the file')
  return read.connectors.map((connector) => changeOf(connector, { target, flags, io }))
}

function changeOf(connector: FileConnector, { target, flags, io }: Write): ConnectorChange {
  const { id, type, name, config, groups, grantTypes, version, hash, place } = connector
  if (config && holdsMask(config))
    throw wrongUse(
      `cannot use the settings of connector "${id}": they hold the mask of a secret`,
      'get-connector --show-secrets prints what can be given back',
    )
  if (target.isDex && version !== undefined && flags.version === undefined)
    io.err(
      `${placeText(place)}: version ${version} is not compared: Dex counts none (--version takes what get-connector prints)\n`,
    )
  return {
    id,
    ...(type !== undefined && { type }),
    ...(name !== undefined && { name }),
    ...(config !== undefined && { config }),
    // Checked by the reader of the file: plain values.
    ...(groups !== undefined && { groups: { ...groups } as JsonObject }),
    ...(grantTypes.length > 0 && { grantTypes }),
    ...(flags.version !== undefined
      ? versionOf(flags.version, target)
      : target.isDex
        ? hash !== undefined && { version: hash }
        : version !== undefined && { version }),
  }
}

/** A whole number for our broker; the text that get-connector prints for Dex. */
function versionOf(text: string | undefined, { isDex }: Target): { readonly version?: number | string } {
  if (text === undefined) return {}
  if (isDex) return { version: text }
  if (!/^\d{1,15}$/.test(text)) throw wrongUse(`cannot read the version ${JSON.stringify(text)}`, 'give a whole number')
  return { version: Number(text) }
}

/** All of them in their order, though one is refused; 1 where any was. */
async function each(
  changes: readonly ConnectorChange[],
  done: string,
  io: Io,
  act: (change: ConnectorChange) => Promise<void>,
): Promise<number> {
  let failed = 0
  for (const change of changes) {
    try {
      await act(change)
    } catch (error) {
      failed++
      printRefusal(error, io)
    }
  }
  if (failed > 0 && changes.length > 1)
    io.err(`${changes.length - failed} of ${counted(changes.length, 'connector')} ${done}\n`)
  return failed > 0 ? 1 : 0
}

/** Nothing, where nothing was asked for: silence is success. */
function tell(
  {
    verb,
    before,
    after,
  }: { readonly verb: string; readonly before: ConnectorRecord | undefined; readonly after: ConnectorRecord },
  { flags, io }: Write,
): void {
  const { verbose, dryRun, diff, showSecrets } = flags
  const { id, type, version } = after
  if (verbose || dryRun) io.out(`${oneLine(`${verb} connector ${id} (${type}), version ${version}`)}\n`)
  if (diff) io.out(differenceText(before, after, { paint: paintFor(io.colours), showSecrets }))
}
