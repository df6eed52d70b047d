/** The directory as the rest sees it: questions by the service account over kept connections, and passwords tried on others. */
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { ResultCodeError } from 'ldapts'
import type { LdapSettings } from '../../../config/dex/connectors/ldap.ts'
import { ProxyError } from '../../../errors/proxy-error.ts'
import { BindPace } from './bind-pace.ts'
import { Connection, isBroken } from './connection.ts'
import { dial } from './dial.ts'
import type { Endpoint } from './endpoint.ts'
import { directoryFailure, type PasswordVerdict, passwordVerdict } from './failures.ts'
import { servicePassword } from './service-password.ts'
import { Slots } from './slots.ts'

/** Password checks at once, and people who wait for one: what is beyond is told to come back. */
const MOST_CHECKS = 32
const MOST_WAITING = 256
/** Below what firewalls take for an idle connection, which they drop without telling. */
const IDLE_MS = 60_000

interface Kept {
  readonly connection: Connection
  readonly timer: NodeJS.Timeout
}

export class Directory {
  readonly endpoint: Endpoint
  readonly #settings: LdapSettings
  readonly #now: () => number
  readonly #services: Slots
  readonly #checks = new Slots({ most: MOST_CHECKS, mostWaiting: MOST_WAITING })
  readonly #idle: Kept[] = []
  readonly #underWay = new Set<Connection>()
  readonly #pace = new BindPace()
  #isClosed = false

  constructor({ endpoint, settings, now }: { endpoint: Endpoint; settings: LdapSettings; now: () => number }) {
    this.endpoint = endpoint
    this.#settings = settings
    this.#now = now
    this.#services = new Slots({ most: settings.maxConnections, mostWaiting: MOST_WAITING })
  }

  /**
   * Asks as the service account. Where a kept connection turns out to be broken, all of `work` is done again on a new one.
   * `what`: "cannot …". @throws ProxyError CONNECTOR_UNREACHABLE, CONNECTOR_MISCONFIGURED, and what `work` throws as such
   */
  async asService<T>(
    what: string,
    { signal, work }: { readonly signal: AbortSignal; readonly work: (connection: Connection) => Promise<T> },
  ): Promise<T> {
    try {
      using _ = await this.#services.take({ signal, limit: this.#settings.timeout })
      const kept = this.#takeKept()
      if (kept !== undefined) {
        const outcome = await this.#use(kept, work)
        if ('value' in outcome) return outcome.value
        if (!isBroken(outcome.error, kept)) throw outcome.error
      }
      const outcome = await this.#use(await this.openService(signal), work)
      if ('value' in outcome) return outcome.value
      throw outcome.error
    } catch (error) {
      throw directoryFailure(`${what} at ${this.endpoint.name}`, error)
    }
  }

  /** A new connection, bound as the service account (or nobody). @throws ProxyError, GaveUp, ResultCodeError, Error */
  async openService(signal: AbortSignal): Promise<Connection> {
    const { bindDN } = this.#settings
    const connection = await this.connect(signal)
    try {
      await connection.bind({ dn: bindDN, password: servicePassword(this.#settings) }, { signal })
    } catch (error) {
      this.#end(connection)
      throw directoryFailure(`cannot bind as ${bindDN === '' ? 'nobody' : bindDN} at ${this.endpoint.name}`, error)
    }
    return connection
  }

  /** A new connection, bound as nobody yet. The caller closes it. */
  async connect(signal: AbortSignal): Promise<Connection> {
    this.#refuseWhenClosed()
    const line = await dial(this.endpoint, { signal, limit: Math.max(this.#settings.connectTimeout, 1) })
    const connection = new Connection(line, Math.max(this.#settings.timeout, 1))
    this.#underWay.add(connection)
    line.framed.once('close', () => this.#underWay.delete(connection))
    // It may have been closed while the connection was made.
    if (this.#isClosed) connection.close()
    return connection
  }

  /**
   * Tries name and password on a connection of its own, so that nothing else is ever asked with the user's rights.
   * @throws ProxyError CONNECTOR_UNREACHABLE, CONNECTOR_MISCONFIGURED
   */
  async tryPassword(
    credentials: { readonly dn: string; readonly password: string },
    signal: AbortSignal,
  ): Promise<PasswordVerdict> {
    const begin = this.#now()
    const verdict = await this.#bindOnce(credentials, signal)
    this.#pace.remember(this.#now() - begin)
    return verdict
  }

  /** Takes as long as a wrong password and finds nothing, so that nobody can tell by the clock which names there are. */
  async pretendPassword(signal: AbortSignal): Promise<void> {
    const begin = this.#now()
    const name = `cn=${randomBytes(12).toString('hex')},${this.#settings.userSearch.baseDN}`
    try {
      await this.#bindOnce({ dn: name, password: randomBytes(12).toString('hex') }, signal)
    } catch (error) {
      // A directory that cannot be reached is told as for any name; whatever it answers to this one is no matter.
      if (!(error instanceof ProxyError && error.cause instanceof ResultCodeError)) throw error
    }
    const rest = this.#pace.any() - (this.#now() - begin)
    if (rest > 0) await pause(rest, undefined, { signal }).catch(() => {})
  }

  async #bindOnce(
    credentials: { readonly dn: string; readonly password: string },
    signal: AbortSignal,
  ): Promise<PasswordVerdict> {
    try {
      using _ = await this.#checks.take({ signal, limit: this.#settings.timeout })
      const connection = await this.connect(signal)
      let word: Parameters<typeof passwordVerdict>[1]
      try {
        await connection.bind(credentials, { signal, word: (said) => (word = said) })
        return { kind: 'right' }
      } catch (error) {
        const verdict = passwordVerdict(error, word)
        if (verdict === undefined) throw error
        return verdict
      } finally {
        this.#end(connection)
      }
    } catch (error) {
      throw directoryFailure(`cannot check a password at ${this.endpoint.name}`, error)
    }
  }

  close(): void {
    this.#isClosed = true
    for (const { timer } of this.#idle.splice(0)) clearTimeout(timer)
    for (const connection of this.#underWay) connection.close()
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed)
      throw new ProxyError('CONNECTOR_UNREACHABLE', 'cannot ask the directory: the connector was closed')
  }

  async #use<T>(
    connection: Connection,
    work: (connection: Connection) => Promise<T>,
  ): Promise<{ readonly value: T } | { readonly error: unknown }> {
    try {
      return { value: await work(connection) }
    } catch (error) {
      return { error }
    } finally {
      this.#keep(connection)
    }
  }

  #takeKept(): Connection | undefined {
    for (;;) {
      const kept = this.#idle.pop()
      if (kept === undefined) return undefined
      clearTimeout(kept.timer)
      if (kept.connection.isOpen) return kept.connection
      this.#end(kept.connection)
    }
  }

  #keep(connection: Connection): void {
    if (!connection.isOpen || this.#isClosed) {
      this.#end(connection)
      return
    }
    const timer = setTimeout(() => {
      this.#idle.splice(this.#idle.indexOf(kept), 1)
      this.#end(connection)
    }, IDLE_MS)
    // A connection that waits keeps no process alive.
    timer.unref()
    const kept: Kept = { connection, timer }
    this.#idle.push(kept)
  }

  #end(connection: Connection): void {
    connection.close()
    this.#underWay.delete(connection)
  }
}
