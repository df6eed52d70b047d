/**
 * `expiry.refreshTokens.reuseInterval`: a client whose answer was lost on the way may show the old refresh token once
 * more, for a few seconds, and gets the same answer again. Anything later is a replay and ends the family.
 */
import { createHash } from 'node:crypto'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { JsonObject, Store } from '../store/store.ts'

interface GraceOptions {
  readonly store: Store
  /** Milliseconds; 0: no grace. */
  readonly interval: number
  readonly now: () => number
}

const kind = 'RefreshAnswer'
/** Of two requests at the same moment the second may come before the first one's answer is there. */
const waits = [50, 150, 400, 900]

/** Koa middleware around the token endpoint. The client has been authenticated when it looks. */
export function refreshGrace({ store, interval, now }: GraceOptions) {
  return async (context: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> => {
    await next()
    if (interval === 0 || context.oidc?.route !== 'token') return
    const { params, client } = context.oidc
    const token = params?.['refresh_token']
    if (!client || params?.['grant_type'] !== 'refresh_token' || typeof token !== 'string') return
    const id = createHash('sha256')
      .update(JSON.stringify([client.clientId, token, params['scope'] ?? '']))
      .digest('base64url')
    if (context.status === 200) {
      const value = context.body as JsonObject
      await store.put({ kind, id, value, expiresAt: now() + interval, indexes: {} })
      return
    }
    const used = await context.oidc.provider.RefreshToken.find(token)
    if (used?.clientId !== client.clientId || !isInGrace(used, { interval, now: now() })) return
    for (const wait of [0, ...waits]) {
      await new Promise((resolve) => setTimeout(resolve, wait))
      const record = await store.get(kind, id)
      if (!record) continue
      context.status = 200
      context.body = { ...record.value }
      return
    }
  }
}

/** Whether a token that was used before may be shown once more. `consumed` is in seconds. */
export function isInGrace(
  token: { readonly consumed?: unknown },
  { interval, now }: { readonly interval: number; readonly now: number },
): boolean {
  return typeof token.consumed === 'number' && now - token.consumed * 1000 < interval + 1000 && interval > 0
}
