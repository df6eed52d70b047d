/** What oidc-provider keeps (sessions, grants, codes, tokens) in the broker's store, each with its end. */
import type { Adapter, AdapterConstructor, AdapterPayload } from 'oidc-provider'
import type { JsonObject, NewRecord, RecordIndexes, Store, StoredRecord } from '../store/store.ts'
import { loadOidcLibrary } from './oidc-library.ts'

/** Kinds that end with the grant they came from. An interaction names one too, and goes on without it. */
export const grantedKinds = [
  'AccessToken',
  'AuthorizationCode',
  'RefreshToken',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
  'PreAuthorizedCode',
] as const

export interface StoreAdapterOptions {
  readonly store: Store
  readonly now: () => number
  /**
   * For so long after its first use a refresh token that comes again is refused and no more (Dex's
   * `expiry.refreshTokens.reuseInterval`): whoever lost the race asks again. Milliseconds; 0: it ends the grant.
   */
  readonly reuseInterval?: number
}

/**
 * How long a device code is kept after its end: the device that still polls is told `expired_token` (RFC 8628 §3.5)
 * instead of that nobody knows its code.
 */
const EXPIRED_DEVICE_MS = 10 * 60_000

/** An adapter class for one provider. */
export function storeAdapter(options: StoreAdapterOptions): AdapterConstructor {
  const { store, now, reuseInterval = 0 } = options

  return class StoreAdapter implements Adapter {
    readonly #kind: string

    constructor(kind: string) {
      this.#kind = kind
    }

    async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
      const kind = this.#kind
      const record = recordOf({ kind, id, payload, expiresIn, now: now() })
      // A proof that two requests bring at once is new for one of them (RFC 9449 §11.1, RFC 7523 §3).
      const isOnce = kind === 'ReplayDetection'
      const version = await store.put(record, isOnce ? { ifVersion: 0 } : {})
      if (version === undefined) throw new (await loadOidcLibrary()).errors.InvalidRequest('a proof was used twice')
    }

    async find(id: string): Promise<AdapterPayload | undefined> {
      return payloadOf(await store.get(this.#kind, id))
    }

    async findByUid(uid: string): Promise<AdapterPayload | undefined> {
      return payloadOf(await store.findBy(this.#kind, 'uid', uid))
    }

    async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
      return payloadOf(await store.findBy(this.#kind, 'userCode', userCode))
    }

    /**
     * Of two who redeem a code or a refresh token at once one gets it. oidc-provider has read `consumed` before it
     * comes here, so the other is stopped here, and what it would do for one that comes later is done here too: all
     * that came from the grant ends (RFC 6749 §4.1.2, RFC 9700 §4.14.2).
     */
    async consume(id: string): Promise<void> {
      const kind = this.#kind
      if (await store.consume(kind, id, now())) return
      const { InvalidGrant, InvalidRequestUri } = (await loadOidcLibrary()).errors
      if (kind === 'PushedAuthorizationRequest') throw new InvalidRequestUri('the request_uri was used twice')
      const record = await store.get(kind, id)
      const isForgiven = kind === 'RefreshToken' && now() - (record?.consumedAt ?? 0) < reuseInterval
      const grant = record?.indexes?.grant
      if (grant !== undefined && !isForgiven) await store.deleteBy([...grantedKinds, 'Grant'], 'grant', grant)
      throw new InvalidGrant('used by another request at the same time')
    }

    async destroy(id: string): Promise<void> {
      await store.delete(this.#kind, id)
    }

    /** Ends every code and token of the grant, whatever its kind. */
    async revokeByGrantId(grantId: string): Promise<void> {
      await store.deleteBy(grantedKinds, 'grant', grantId)
    }
  }
}

function payloadOf(record: StoredRecord | undefined): AdapterPayload | undefined {
  if (!record) return undefined
  const { value, consumedAt } = record
  return { ...value, ...(consumedAt !== undefined && { consumed: Math.floor(consumedAt / 1000) }) }
}

interface Upsert {
  readonly kind: string
  readonly id: string
  readonly payload: AdapterPayload
  /** Seconds. */
  readonly expiresIn: number | undefined
  readonly now: number
}

function recordOf({ kind, id, payload, expiresIn, now }: Upsert): NewRecord {
  // Whether it was used is the store's to say.
  const { consumed: _, ...value } = payload
  const grace = kind === 'DeviceCode' ? EXPIRED_DEVICE_MS : 0
  return {
    kind,
    id,
    // What oidc-provider hands over is made for JSON.
    value: value as JsonObject,
    ...(expiresIn && { expiresAt: now + expiresIn * 1000 + grace }),
    indexes: indexesOf({ kind, id, payload }),
  }
}

function indexesOf({ kind, id, payload }: Pick<Upsert, 'kind' | 'id' | 'payload'>): RecordIndexes {
  const isGranted = (grantedKinds as readonly string[]).includes(kind)
  return {
    grant: isGranted ? payload.grantId : kind === 'Grant' ? id : undefined,
    uid: payload.uid,
    userCode: payload.userCode,
    session: payloadText(payload, 'sessionUid'),
    subject: payload.accountId,
    client: payload.clientId,
  }
}

function payloadText(payload: AdapterPayload, key: string): string | undefined {
  const value: unknown = Object.hasOwn(payload, key) ? Reflect.get(payload, key) : undefined
  return typeof value === 'string' ? value : undefined
}
