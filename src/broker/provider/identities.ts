/**
 * Who signed in, kept beside the provider's own records: once for the browser session, once for each grant (one sign-in
 * at one application). Tokens of a grant speak of its identity only, so two devices of one person disturb each other not.
 */
import type { UpstreamIdentity } from '../connectors/connector.ts'
import type { JsonObject, Store } from '../store/store.ts'

/** An identity with what the broker knows of it. */
export interface KnownIdentity {
  readonly subject: string
  readonly connectorId: string
  readonly identity: UpstreamIdentity
  /** When the source last said so, milliseconds since the epoch. */
  readonly checkedAt: number
}

/** Where a grant came from. */
export interface GrantOrigin {
  readonly clientId: string
  /** The browser session behind it; undefined for token exchange. */
  readonly sessionUid: string | undefined
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

const sessionKind = 'SessionIdentity'
const grantKind = 'GrantIdentity'

export class Identities {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async keepForSession(uid: string, known: KnownIdentity, expiresAt: number): Promise<void> {
    await this.#store.put({
      kind: sessionKind,
      id: uid,
      value: printKnown(known),
      expiresAt,
      indexes: { session: uid, subject: known.subject },
    })
  }

  async ofSession(uid: string): Promise<KnownIdentity | undefined> {
    const record = await this.#store.get(sessionKind, uid)
    return record && readKnown(record.value)
  }

  async keepForGrant(grantId: string, known: KnownIdentity, origin: GrantOrigin): Promise<void> {
    const { clientId, sessionUid, expiresAt } = origin
    await this.#store.put({
      kind: grantKind,
      id: grantId,
      value: { ...printKnown(known), clientId, ...(sessionUid !== undefined && { sessionUid }) },
      expiresAt,
      indexes: { grant: grantId, subject: known.subject, client: clientId, session: sessionUid },
    })
  }

  /** Lays what the source says now over what the grant knew; false where the grant has ended. */
  async renewForGrant(grantId: string, known: KnownIdentity): Promise<boolean> {
    const record = await this.#store.get(grantKind, grantId)
    if (!record) return false
    const { id, kind, value, expiresAt, indexes, version } = record
    const renewed = { id, kind, value: { ...value, ...printKnown(known) }, expiresAt, ...(indexes && { indexes }) }
    // Of two at the same moment either is right.
    const written = await this.#store.put(renewed, { ifVersion: version })
    return written !== undefined || (await this.#store.get(grantKind, grantId)) !== undefined
  }

  async ofGrant(grantId: string): Promise<{ known: KnownIdentity; origin: GrantOrigin } | undefined> {
    const record = await this.#store.get(grantKind, grantId)
    const known = record && readKnown(record.value)
    if (!record || !known) return undefined
    const { clientId, sessionUid } = record.value
    return {
      known,
      origin: {
        clientId: String(clientId ?? ''),
        sessionUid: typeof sessionUid === 'string' ? sessionUid : undefined,
        expiresAt: record.expiresAt ?? Number.MAX_SAFE_INTEGER,
      },
    }
  }

  /** Forgets what a browser session or a grant knew. */
  async forget(index: 'session' | 'grant' | 'subject', value: string): Promise<void> {
    await this.#store.deleteBy([sessionKind, grantKind], index, value)
  }
}

export function printKnown({ subject, connectorId, identity, checkedAt }: KnownIdentity): JsonObject {
  const { connectorData, ...rest } = identity
  return {
    subject,
    connectorId,
    checkedAt,
    identity: { ...rest, groups: [...rest.groups], ...(connectorData !== undefined && { connectorData }) },
  }
}

/** An identity out of a record of ours; undefined where it is none. */
export function readKnown(value: unknown): KnownIdentity | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { subject, connectorId, checkedAt, identity } = value as Partial<Record<string, unknown>>
  if (typeof subject !== 'string' || typeof connectorId !== 'string' || typeof checkedAt !== 'number') return undefined
  if (typeof identity !== 'object' || identity === null) return undefined
  // Written by `printKnown` only: the records are sealed.
  return { subject, connectorId, checkedAt, identity: identity as UpstreamIdentity }
}
