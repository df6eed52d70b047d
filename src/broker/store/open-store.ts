/** The store that Dex's `storage` asks for. */
import type { StorageSettings } from '../../config/dex/broker-settings.ts'
import type { Revealable } from '../../crypto/key-ring.ts'
import { keyFileOf, makeKeyFile, readKeyFile } from './key-file.ts'
import { openMemoryStore } from './memory-store.ts'
import { openPostgresStore } from './postgres-store.ts'
import { isSealed, openSealedStore } from './sealed-store.ts'
import { openSqliteStore } from './sqlite-store.ts'
import type { Store } from './store.ts'
import { storeFailure } from './store-failure.ts'

export interface StoreOptions {
  /**
   * What seals what is on disk: base64 of 32 octets each, the newest first. SQLite does without: its key is then in a
   * file beside it. PostgreSQL needs one. In memory nothing is sealed.
   */
  readonly secrets: readonly Revealable[]
  readonly now: () => number
  /** Records at most. */
  readonly limit?: number
}

/** Rejects with BROKER_STORE_FAILED where the store cannot be opened, or not with this key. */
export async function openStore(storage: StorageSettings, options: StoreOptions): Promise<Store> {
  const { secrets, ...rest } = options
  switch (storage.type) {
    case 'memory':
      return openMemoryStore(rest)
    case 'sqlite3': {
      const { file } = storage
      return sealOver(await openSqliteStore({ file, ...rest }), (inner) => secretsOfFile(file, { secrets, inner }))
    }
    case 'postgres': {
      if (secrets.length === 0) {
        throw storeFailure(
          'open the store',
          'PostgreSQL needs a secret that seals what is kept there (SHARED_SECRET), got none',
        )
      }
      return sealOver(await openPostgresStore(storage, rest), async () => secrets)
    }
  }
}

async function sealOver(inner: Store, secretsFor: (inner: Store) => Promise<readonly Revealable[]>): Promise<Store> {
  try {
    return await openSealedStore(inner, await secretsFor(inner))
  } catch (error) {
    await inner[Symbol.asyncDispose]()
    throw error
  }
}

/** A key file that is there still opens what it once sealed, after a secret was configured. */
async function secretsOfFile(
  file: string,
  { secrets, inner }: { readonly secrets: readonly Revealable[]; readonly inner: Store },
): Promise<readonly Revealable[]> {
  const path = keyFileOf(file)
  const known = readKeyFile(path)
  if (known) return [...secrets, known]
  if (secrets.length > 0) return secrets
  if (await isSealed(inner)) {
    throw storeFailure('open the store', `it is sealed, and its key must be in ${path}, got no such file and no secret`)
  }
  return [makeKeyFile(path)]
}
