/** The key of a SQLite store where no secret is configured: a file beside it, for its owner alone. */
import { randomBytes, randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { Secret } from '../../crypto/secret.ts'
import { storeFailure } from './store-failure.ts'

/** Where the key of the store in `file` lies. */
export const keyFileOf = (file: string) => `${file}.key`

/**
 * The key in this file, or undefined where there is no file.
 *
 * @throws when others than its owner and group may open it, or it holds no key. The group may: Kubernetes hands volumes
 *   over by group (fsGroup).
 */
export function readKeyFile(path: string): Secret | undefined {
  let text: string
  let mode: number
  try {
    text = readFileSync(path, 'latin1').trim()
    mode = statSync(path).mode
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw storeFailure('read the key of the store', error instanceof Error ? error.message : String(error), error)
  }
  // Windows has no such modes.
  if (process.platform !== 'win32' && (mode & 0o007) !== 0) {
    const got = (mode & 0o777).toString(8).padStart(4, '0')
    throw storeFailure('use the key of the store', `${path} must have mode 0600, got ${got}`)
  }
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) {
    throw storeFailure('use the key of the store', `${path} must hold base64 of 32 octets, got something else`)
  }
  return new Secret(text)
}

/** Makes the file with a random key; where another process was faster, its key is the one. */
export function makeKeyFile(path: string): Secret {
  const temporary = `${path}.${randomUUID()}`
  try {
    const handle = openSync(temporary, 'wx', 0o600)
    try {
      writeSync(handle, `${randomBytes(32).toString('base64')}\n`)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    // A link is made whole or not at all, and never over another file.
    try {
      linkSync(temporary, path)
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
    } finally {
      unlinkSync(temporary)
    }
  } catch (error) {
    throw storeFailure('make the key of the store', error instanceof Error ? error.message : String(error), error)
  }
  const key = readKeyFile(path)
  if (!key) throw storeFailure('make the key of the store', `${path} must be there, got nothing`)
  return key
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
