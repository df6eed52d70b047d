/** A later end for a record that is there, and only while nobody else changes or ends it. */
import type { Store } from './store.ts'

/** oidc-provider reads the end in the value, too: `exp`, in seconds. */
export async function prolong(
  store: Store,
  { kind, id, expiresAt }: { readonly kind: string; readonly id: string; readonly expiresAt: number },
): Promise<void> {
  const record = await store.get(kind, id)
  if (!record) return
  const { value, indexes, version } = record
  const later = { ...value, ...('exp' in value && { exp: Math.floor(expiresAt / 1000) }) }
  await store.put({ kind, id, value: later, expiresAt, ...(indexes && { indexes }) }, { ifVersion: version })
}
