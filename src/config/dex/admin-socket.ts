/** Where the administration socket is: the path that is given, or one beside what it administers. */
import { dirname, join, resolve } from 'node:path'
import type { Environment } from '../environment.ts'
import type { StorageSettings } from './broker-settings.ts'

/** Name of the socket where none is given. */
const defaultSocket = 'ostiary.sock'

/** Octets that a path of a socket may have everywhere (macOS: 104 with the end mark). */
export const longestSocket = 103

interface Where {
  readonly storage: StorageSettings
  readonly environment: Environment
  readonly cwd: string
}

/** The absolute path. `given`: '' for none, undefined for the default, which may be none as well. */
export function adminSocketOf(given: string | undefined, { storage, environment, cwd }: Where): string | undefined {
  if (given !== undefined) return given === '' ? undefined : resolve(cwd, given)
  const folder = storage.type === 'sqlite3' ? dirname(storage.file) : environment['XDG_RUNTIME_DIR']
  if (folder === undefined || folder === '') return undefined
  const path = join(resolve(cwd, folder), defaultSocket)
  return Buffer.byteLength(path) > longestSocket ? undefined : path
}
