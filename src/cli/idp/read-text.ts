/** Texts that `idp` commands are given: files, or standard input. */
import { ManagementError } from '../../broker/management/management.ts'
import { FileReader } from '../../config/file-reader.ts'
import type { GivenText } from './connectors.ts'
import { wrongUse } from './target.ts'

const LIMIT = 4 * 1024 * 1024

/** @throws ManagementError where it cannot be read */
export async function readText(file: string): Promise<string> {
  const read = await new FileReader({ cwd: process.cwd() }).read(file)
  if (read.kind === 'text') return read.text
  throw new ManagementError('invalid', `cannot read ${JSON.stringify(file)}: ${read.reason}`)
}

/** `-`, or no file where something is piped in, is standard input. */
export async function givenText(file: string | undefined, input: NodeJS.ReadStream): Promise<GivenText> {
  if (file !== undefined && file !== '-') return { name: file, text: await readText(file) }
  if (file === undefined && input.isTTY)
    throw wrongUse('cannot read a configuration from the terminal', '--config FILE, or --config - to type it')
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of input) {
    const octets = Buffer.from(piece)
    size += octets.length
    if (size > LIMIT) throw new ManagementError('invalid', `cannot read more than ${LIMIT} octets from standard input`)
    pieces.push(octets)
  }
  return { name: '-', text: Buffer.concat(pieces).toString('utf8') }
}
