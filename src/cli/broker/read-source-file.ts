/** Files that connectors name: certificates, keys, tokens. Whoever manages connectors names them, so none is read for ever. */
import { constants, open } from 'node:fs/promises'

const mostOctets = 1024 * 1024

/** The text of a regular file of bounded size. @throws as `readFile` of node:fs does, and where it is another thing */
export async function readSourceFile(path: string): Promise<string> {
  // Opening a pipe waits for its other end, unless told otherwise.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  if (!(await file.stat()).isFile()) throw failure('EINVAL', 'it is no file')
  const octets = Buffer.alloc(mostOctets + 1)
  const { bytesRead } = await file.read(octets, 0, octets.length, 0)
  if (bytesRead > mostOctets) throw failure('EFBIG', `it has more than ${mostOctets} octets`)
  return octets.toString('utf8', 0, bytesRead)
}

function failure(code: string, reason: string): Error {
  return Object.assign(new Error(`cannot read it: ${reason}`), { code })
}
