/**
 * What people make the store keep, bounded: attempts, device codes and answers of strangers, for each network; grants
 * that nobody redeems and tokens, for each person. Nobody can push out what belongs to others.
 */
import type { default as Provider } from 'oidc-provider'
import { networkOf } from '../guesses/network.ts'
import { Shares, type TakenRecord } from '../store/shares.ts'
import type { Store } from '../store/store.ts'
import { grantedKinds } from './store-adapter.ts'

interface BoundOptions {
  readonly store: Store
  readonly now: () => number
  report(message: string, error: unknown): void
}

export type StrangersRecord = Omit<TakenRecord, 'endsAt'> & {
  /** Milliseconds. */
  readonly life: number
}

const mebi = 1024 * 1024
/** Of a record beside what was sent. */
const overhead = 1024
const hour = 60 * 60_000

export class BoundedRecords {
  readonly #now: () => number
  readonly #strangers: Shares
  readonly #answers: Shares
  readonly #unredeemed: Shares
  readonly #redeemed: Shares

  constructor({ store, now, report }: BoundOptions) {
    this.#now = now
    const failed = (error: unknown) => report('what somebody has too much of could not be dropped', error)
    const endGrant = ({ id }: TakenRecord) =>
      void store.deleteBy([...grantedKinds, 'Grant', 'GrantIdentity'], 'grant', id).catch(failed)
    const dropOne = ({ kind, id }: TakenRecord) => void store.delete(kind, id).catch(failed)
    this.#strangers = new Shares(
      { each: { count: 2_000, octets: 8 * mebi }, all: { count: 20_000, octets: 64 * mebi }, whenFull: 'drop' },
      dropOne,
    )
    // Large ones: counted apart, so that they push out nobody's attempt.
    this.#answers = new Shares(
      { each: { count: 500, octets: 8 * mebi }, all: { count: 2_000, octets: 32 * mebi }, whenFull: 'drop' },
      dropOne,
    )
    this.#unredeemed = new Shares(
      { each: { count: 500, octets: 16 * mebi }, all: { count: 20_000, octets: 64 * mebi }, whenFull: 'drop' },
      endGrant,
    )
    const unbounded = Number.POSITIVE_INFINITY
    this.#redeemed = new Shares(
      { each: { count: 5_000, octets: unbounded }, all: { count: 50_000, octets: unbounded }, whenFull: 'forget' },
      endGrant,
    )
  }

  /** Kept for somebody at this address who has proved nothing yet. */
  ofStranger(address: string, { life, ...record }: StrangersRecord): void {
    const now = this.#now()
    this.#strangers.take(networkOf(address), { ...record, endsAt: now + life }, now)
  }

  /** An answer of another service that a browser at this address has brought, for the moment until it is read. */
  postedFrom(address: string, { life, ...record }: StrangersRecord): void {
    const now = this.#now()
    this.#answers.take(networkOf(address), { ...record, endsAt: now + life }, now)
  }

  /** A grant was made for a code that nobody has redeemed yet. */
  granted(subject: string, grant: { readonly id: string; readonly octets: number; readonly life: number }): void {
    const now = this.#now()
    const { id, octets, life } = grant
    this.#unredeemed.take(subject, { kind: 'Grant', id, octets, endsAt: now + life }, now)
  }

  redeemed(subject: string, { id, life }: { readonly id: string; readonly life: number }): void {
    const now = this.#now()
    this.#unredeemed.giveBack({ kind: 'Grant', id })
    this.#redeemed.take(subject, { kind: 'Grant', id, octets: 0, endsAt: now + life }, now)
  }

  /** Sees what the provider keeps for strangers, and what it takes away. */
  watch(provider: Provider): void {
    provider.on('interaction.started', ({ ip, oidc: { entities, params } }) => {
      const id = entities.Interaction?.jti
      const octets = JSON.stringify(params).length + overhead
      if (id !== undefined) this.ofStranger(ip, { kind: 'Interaction', id, octets, life: hour })
    })
    provider.on('interaction.destroyed', ({ jti: id }) => this.#strangers.giveBack({ kind: 'Interaction', id }))
    provider.on('device_authorization.success', ({ ip, oidc: { entities, params } }) => {
      const id = entities.DeviceCode?.jti
      const octets = JSON.stringify(params).length + overhead
      if (id !== undefined) this.ofStranger(ip, { kind: 'DeviceCode', id, octets, life: hour })
    })
    provider.on('device_code.destroyed', ({ jti: id }) => this.#strangers.giveBack({ kind: 'DeviceCode', id }))
    provider.on('device_code.consumed', ({ jti: id }) => this.#strangers.giveBack({ kind: 'DeviceCode', id }))
    provider.on('session.destroyed', ({ jti: id }) => this.#strangers.giveBack({ kind: 'Session', id }))
    provider.use(async (context, next) => {
      await next()
      const session = context['oidc']?.session
      // Of a form that somebody without a session has been shown: its secret lies there.
      if (session && session.accountId === undefined && session.exp !== undefined)
        this.ofStranger(context.ip, { kind: 'Session', id: session.jti, octets: overhead, life: hour })
    })
  }
}
