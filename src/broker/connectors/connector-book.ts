/**
 * The connectors that this broker serves, by id: those of the configuration file first, then those made by management.
 * Each is opened when it is first borrowed, and closed after its last borrower once it was replaced or removed, so that
 * a sign-in under way finishes with what it began with. A broken one disturbs no other.
 */
import type { ConnectorSettings } from '../../config/dex/connectors/connector-settings.ts'
import { digestText } from '../../crypto/random.ts'
import { ProxyError } from '../../errors/proxy-error.ts'
import { compileGroupRules } from '../group-rules.ts'
import type { BorrowedConnector, ConnectorLabel, OpenConnectors } from './borrowed-connector.ts'
import type { Connector, ConnectorTools } from './connector.ts'

/** Opens a connector of any type; one table of all types stands behind it. */
export type OpenConnector = (settings: ConnectorSettings, tools: ConnectorTools) => Connector | Promise<Connector>

export interface BookOptions {
  readonly open: OpenConnector
  readonly toolsFor: (id: string) => ConnectorTools
  /** What went wrong where nobody waits for it: one clause, without secrets. */
  readonly warn: (message: string, error?: unknown) => void
}

export interface BookEntry {
  readonly settings: ConnectorSettings
  readonly origin: 'file' | 'store'
}

/** An open connector for as long as the lease is held: `using lease = await book.borrow(id)`. */
export interface ConnectorLease extends BorrowedConnector {
  readonly settings: ConnectorSettings
}

interface Slot extends BookEntry {
  /** Tells whether something was changed: the settings, or a file that they name. */
  readonly print: string
  opening: Promise<Connector> | undefined
  leases: number
  isRetired: boolean
}

/** More than this many nobody can choose from. */
const MAXIMUM = 500

export class ConnectorBook implements OpenConnectors, AsyncDisposable {
  readonly #options: BookOptions
  #declared = new Map<string, Slot>()
  readonly #stored = new Map<string, Slot>()
  readonly #closing = new Set<Promise<void>>()

  constructor(options: BookOptions) {
    this.#options = options
  }

  /** For the chooser: those of the file in its order, then the others in the order they were made. */
  all(): readonly BookEntry[] {
    const others = [...this.#stored].filter(([id]) => !this.#declared.has(id)).map(([, slot]) => slot)
    return [...this.#declared.values(), ...others].map(({ settings, origin }) => ({ settings, origin }))
  }

  list(): readonly ConnectorLabel[] {
    return this.all().map(({ settings }) => labelOf(settings))
  }

  /** What the file says wins over what was made with the same id. */
  find(id: string): BookEntry | undefined {
    const slot = this.#slot(id)
    return slot && { settings: slot.settings, origin: slot.origin }
  }

  /**
   * Undefined where there is none of this id.
   * @throws ProxyError CONNECTOR_MISCONFIGURED where it cannot be opened; the next borrower tries again
   */
  async borrow(id: string): Promise<ConnectorLease | undefined> {
    const slot = this.#slot(id)
    return slot && (await this.#lease(slot))
  }

  /** Opens these settings beside the book, for a trial; the end of the lease closes the connector. */
  async openAside(settings: ConnectorSettings): Promise<ConnectorLease> {
    return await this.#lease({ ...newSlot(settings, 'store'), isRetired: true })
  }

  /** Sets all connectors of the file. What has not changed stays open. */
  declare(connectors: readonly ConnectorSettings[]): void {
    const before = this.#declared
    this.#declared = new Map()
    for (const settings of connectors.slice(0, MAXIMUM)) {
      const [known, slot] = [before.get(settings.id), newSlot(settings, 'file')]
      this.#declared.set(settings.id, known?.print === slot.print ? known : slot)
    }
    for (const slot of before.values()) if (![...this.#declared.values()].includes(slot)) this.#retire(slot)
  }

  /** Puts one that management made, or changed. */
  replace(settings: ConnectorSettings): void {
    const [known, slot] = [this.#stored.get(settings.id), newSlot(settings, 'store')]
    if (known?.print === slot.print) return
    if (!known && this.#stored.size >= MAXIMUM) {
      this.#options.warn(`connector "${settings.id}" is not served: there are ${MAXIMUM} already`)
      return
    }
    this.#stored.set(settings.id, slot)
    if (known) this.#retire(known)
  }

  /** Takes out one that management made. */
  remove(id: string): void {
    const slot = this.#stored.get(id)
    if (!slot) return
    this.#stored.delete(id)
    this.#retire(slot)
  }

  /** Ids of those that management made, shadowed ones included. */
  get storedIds(): readonly string[] {
    return [...this.#stored.keys()]
  }

  /** Connectors still held are closed as soon as they are given back. */
  async [Symbol.asyncDispose](): Promise<void> {
    const slots = [...this.#declared.values(), ...this.#stored.values()]
    this.#declared.clear()
    this.#stored.clear()
    for (const slot of slots) this.#retire(slot)
    await Promise.all(this.#closing)
  }

  #slot(id: string): Slot | undefined {
    return this.#declared.get(id) ?? this.#stored.get(id)
  }

  async #lease(slot: Slot): Promise<ConnectorLease> {
    slot.leases++
    slot.opening ??= this.#open(slot)
    try {
      const connector = await slot.opening
      let isHeld = true
      const release = () => {
        if (isHeld) this.#giveBack(slot)
        isHeld = false
      }
      const renameGroups = compileGroupRules(slot.settings.groups)
      return { ...labelOf(slot.settings), connector, renameGroups, settings: slot.settings, [Symbol.dispose]: release }
    } catch (error) {
      slot.opening = undefined
      this.#giveBack(slot)
      if (error instanceof ProxyError) throw error
      const why = error instanceof Error ? error.message : 'unknown error'
      throw new ProxyError('CONNECTOR_MISCONFIGURED', `cannot open connector "${slot.settings.id}": ${why}`, {
        cause: error,
      })
    }
  }

  async #open({ settings }: Slot): Promise<Connector> {
    return await this.#options.open(settings, this.#options.toolsFor(settings.id))
  }

  #giveBack(slot: Slot): void {
    slot.leases--
    if (slot.isRetired) this.#closeUnheld(slot)
  }

  #retire(slot: Slot): void {
    slot.isRetired = true
    this.#closeUnheld(slot)
  }

  #closeUnheld(slot: Slot): void {
    const { opening } = slot
    if (slot.leases > 0 || !opening) return
    slot.opening = undefined
    const closing = opening
      .then((connector) => connector.close())
      .catch((error: unknown) => this.#options.warn(`connector "${slot.settings.id}" did not close`, error))
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}

function newSlot(settings: ConnectorSettings, origin: Slot['origin']): Slot {
  const print = `${connectorPrint(settings)} ${settings.files ?? ''}`
  return { settings, origin, print, opening: undefined, leases: 0, isRetired: false }
}

function labelOf({ id, name, type, grantTypes }: ConnectorSettings): ConnectorLabel {
  return { id, name, type, grantTypes }
}

/** Equal for connectors that were written the same. Holds no secret. */
export function connectorPrint({ type, id, name, raw, groups, grantTypes }: ConnectorSettings): string {
  return digestText(JSON.stringify([type, id, name, raw, groups ?? null, grantTypes]))
}
