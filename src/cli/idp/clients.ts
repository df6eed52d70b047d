/** `ostiary idp create-client` and its like: applications that sign people in at the broker. */
import { type FileClient, readClientFile } from '../../config/dex/read-client-file.ts'
import type { Io } from '../io.ts'
import { oneLine, placeText } from '../text.ts'
import type { GivenText } from './connectors.ts'
import { orProblems, printRefusal } from './outcome.ts'
import { clientText, documentText, type Format } from './show.ts'
import { type Target, wrongUse } from './target.ts'

interface With {
  readonly target: Target
  readonly io: Io
}

interface Reading extends With {
  readonly lenient?: boolean
}

/** Prints the secret of each, once; the id, too, where it was made up. */
export async function createClients(given: GivenText, { target, io, lenient = false }: Reading): Promise<number> {
  return await each(given, { target, io, lenient }, async ({ place: _, ...client }) => {
    const made = await target.management.createClient(client)
    if (client.id === undefined) io.out(`Client id: ${JSON.stringify(made.id)}\n`)
    if (made.secret !== undefined) io.out(`Client secret: ${JSON.stringify(made.secret)}\n`)
  })
}

export async function updateClients(
  { id, given }: { readonly id: string | undefined; readonly given: GivenText },
  { target, verbose, io, lenient = false }: Reading & { readonly verbose: boolean },
): Promise<number> {
  return await each(
    given,
    { target, io, lenient },
    async ({ place: _, secret, public: isPublic, id: own, ...change }) => {
      const whose = own ?? id
      if (whose === undefined) throw wrongUse('cannot update a client without its id', 'write `id` in the file')
      if (id !== undefined && whose !== id)
        throw wrongUse(
          `cannot update client ${JSON.stringify(id)}: the file holds ${JSON.stringify(whose)}`,
          'name one of them',
        )
      if (isPublic !== undefined || secret !== undefined) {
        const now = await target.management.getClient(whose, { showSecret: secret !== undefined })
        if (isPublic !== undefined && isPublic !== now.public)
          throw wrongUse(`cannot change whether client "${whose}" is public`, 'delete the client and create it again')
        if (secret !== undefined && secret !== now.secret)
          throw wrongUse(`cannot change the secret of client "${whose}"`, 'delete the client and create it again')
      }
      await target.management.updateClient({ id: whose, ...change })
      if (verbose) io.out(`updated client ${oneLine(whose)}\n`)
    },
  )
}

async function each(
  given: GivenText,
  { target, io, lenient = false }: Reading,
  act: (client: FileClient) => Promise<void>,
): Promise<number> {
  const read = orProblems(readClientFile(given.text, { name: given.name, isForDex: target.isDex, lenient }), io)
  if (!read) return 1
  let failed = false
  for (const client of read.clients) {
    try {
      await act(client)
      await warnOfConnectors(client, { target, io })
    } catch (error) {
      failed = true
      printRefusal(error, io)
    }
  }
  return failed ? 1 : 0
}

/** A misspelt connector would keep everybody out, and nobody would see why. */
async function warnOfConnectors({ rules, place }: FileClient, { target, io }: With): Promise<void> {
  const allowed = rules?.allowedConnectors ?? []
  if (allowed.length === 0) return
  const known = new Set((await target.management.listConnectors()).map(({ id }) => id))
  for (const id of allowed)
    if (!known.has(id))
      io.err(`${placeText(place)}: allowedConnectors: warning: there is no connector ${JSON.stringify(id)} yet\n`)
}

export async function getClient(
  id: string,
  { target, format, showSecrets: showSecret, io }: With & { readonly format: Format; readonly showSecrets: boolean },
): Promise<number> {
  io.out(clientText(await target.management.getClient(id, { showSecret }), format))
  return 0
}

export async function listClients({
  target,
  io,
  format,
}: With & { readonly format?: Format | undefined }): Promise<number> {
  const clients = await target.management.listClients()
  if (format === undefined) for (const { id } of clients) io.out(`${oneLine(id)}\n`)
  else
    io.out(
      documentText(
        clients.map(({ id, name, public: isPublic, origin }) => ({ id, name, public: isPublic, origin })),
        format,
      ),
    )
  return 0
}

export async function deleteClient(
  id: string,
  { target, verbose, io }: With & { readonly verbose: boolean },
): Promise<number> {
  await target.management.deleteClient(id)
  if (verbose) io.out(`deleted client ${oneLine(id)}\n`)
  return 0
}
