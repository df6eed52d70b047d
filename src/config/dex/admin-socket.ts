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
  const folder = storage.type === 'sqlite3' ? dirname(storage.file) : runtimeFolders(environment)[0]
  return folder === undefined ? undefined : socketsIn([folder], cwd)[0]
}

/**
 * Where such defaults are likely to be, for whoever looks for a broker of this machine: in the folder where they are
 * (beside its file), in the folders for what runs, and where the papers put a service's configuration and state.
 */
export function usualSockets({ environment, cwd }: Omit<Where, 'storage'>): readonly UsualSocket[] {
  const ofSystem = socketsIn(['/run/ostiary', '/var/lib/ostiary', '/etc/ostiary'], cwd)
  const ofUser = socketsIn([cwd, ...runtimeFolders(environment)], cwd).filter((path) => !ofSystem.includes(path))
  const marked = (isOfSystem: boolean) => (path: string) => ({ path, isOfSystem })
  return [...ofUser.map(marked(false)), ...ofSystem.map(marked(true))]
}

export interface UsualSocket {
  readonly path: string
  /** Only who administers the machine makes such folders: what a service has put there is the service's. */
  readonly isOfSystem: boolean
}

/** systemd names the folder of a service (`RuntimeDirectory=`, several with colons between) and that of a user. */
function runtimeFolders(environment: Environment): readonly string[] {
  const [ofService = ''] = (environment['RUNTIME_DIRECTORY'] ?? '').split(':')
  return [ofService, environment['XDG_RUNTIME_DIR'] ?? ''].filter((folder) => folder !== '')
}

function socketsIn(folders: readonly string[], cwd: string): readonly string[] {
  const paths = folders.map((folder) => join(resolve(cwd, folder), defaultSocket))
  return [...new Set(paths)].filter((path) => Buffer.byteLength(path) <= longestSocket)
}
