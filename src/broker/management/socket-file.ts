/** The file of a Unix socket: who may have it, what may be replaced, and whom to believe who serves it. */
import { lstatSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, isAbsolute } from 'node:path'
import { ManagementError } from './management.ts'

/** The kernel keeps 108 octets, the last of them zero (unix(7)). */
const LONGEST = 107

/** Makes room at `path` for a socket of ours: what a process has left behind goes, whatever else is there stays. */
export async function makeRoom(path: string): Promise<void> {
  const refuse = (why: string) => new ManagementError('invalid', `cannot listen at ${JSON.stringify(path)}: ${why}`)
  if (!isAbsolute(path) || path.includes('\0')) throw refuse('expected an absolute path')
  if (Buffer.byteLength(path) > LONGEST) throw refuse(`the path has more than ${LONGEST} octets`)
  // Not `stat`: a link would lead somewhere else.
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (!there) return
  if (!there.isSocket()) throw refuse('something that is no socket is there')
  if (await isServed(path)) throw refuse('another process serves it')
  unlinkSync(path)
}

/** Whether a process listens there, as far as this user may know. */
export function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    const told = (does: boolean) => {
      socket.destroy()
      resolve(does)
    }
    socket.once('connect', () => told(true))
    // Anything but a refusal (EACCES, EAGAIN with a full queue) leaves it possible that somebody is there.
    socket.once('error', (error: NodeJS.ErrnoException) => told(!['ECONNREFUSED', 'ENOENT'].includes(error.code ?? '')))
    socket.setTimeout(2_000, () => told(true))
  })
}

/** Whoever may write the folder may put a socket of theirs there; the reason as a clause, or undefined. */
export function folderDoubt(path: string): string | undefined {
  const folder = dirname(path)
  const there = lstatSync(folder, { throwIfNoEntry: false })
  if (!there) return `there is no folder ${folder}`
  if ((there.mode & 0o022) === 0) return undefined
  return `others may write the folder ${folder} (mode ${(there.mode & 0o7777).toString(8)})`
}

/** Before anything is sent there: see `socketDoubt`. */
export function checkOwner(path: string): void {
  const doubt = socketDoubt(path, { believesServices: true })
  if (!doubt) return
  throw new ManagementError('unreachable', `cannot reach the broker at ${JSON.stringify(path)}: ${doubt.why}`, {
    details: doubt.details ?? ['is the broker running, and is this its admin socket?'],
  })
}

/**
 * Why nothing may be sent there: it has to be a socket of ours or of root; with `believesServices` root believes a
 * service's own as well, where nobody else could have put it. Where root looks around by itself, in a folder of a user's
 * that would be anybody's.
 */
export function socketDoubt(
  path: string,
  { believesServices }: { readonly believesServices: boolean },
): { readonly why: string; readonly details?: readonly string[] } | undefined {
  const there = lstatOf(path)
  if (typeof there === 'string') return { why: there }
  if (!there) return { why: 'there is no such socket' }
  if (!there.isSocket()) return { why: 'it is no socket' }
  const ourselves = process.getuid?.()
  if (ourselves === undefined || there.uid === ourselves || there.uid === 0) return undefined
  const anybodys = folderDoubt(path)
  if (ourselves === 0 && believesServices && anybodys === undefined) return undefined
  const ofRoot = believesServices ? (anybodys ?? '') : 'name it with --socket where you know whose it is'
  const wayOut = ourselves === 0 ? ofRoot : 'run this as that user, or as root'
  return { why: `it belongs to another user (id ${there.uid})`, details: [wayOut] }
}

/** A text where it cannot be looked at. */
function lstatOf(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    return code === 'EACCES' ? 'this user may not look there' : code
  }
}
