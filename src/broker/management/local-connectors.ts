/** The connectors of our own broker under management: kept in the store, served by the book, proved before they are kept. */
import type { ConnectorSettings } from '../../config/dex/connectors/connector-settings.ts'
import { type ConnectorBook, connectorPrint } from '../connectors/connector-book.ts'
import { isLocal } from '../declared-connectors.ts'
import type { JsonObject, Store } from '../store/store.ts'
import { checkConnectorId, checkName } from './checked-texts.ts'
import { connectorConflict, connectorTaken, trialLines } from './connector-refusals.ts'
import { type ChangeOptions, type ConnectorChange, type ConnectorRecord, ManagementError } from './management.ts'
import { allOf, kinds, printStoredConnector, readStoredConnector } from './records.ts'
import { missing, readOnly, untilWritten } from './refusals.ts'
import { withoutSecretsOf } from './secret-keys.ts'

/** A connector as it was given, before anybody has looked whether its keys are right. */
export type GivenConnector = Pick<ConnectorRecord, 'id' | 'type' | 'name' | 'config' | 'groups' | 'grantTypes'>

/** Reads a connector's keys as the configuration does. `lines` are for people, without secrets. */
export type ReadConnector = (
  given: GivenConnector,
) =>
  | { readonly kind: 'connector'; readonly settings: ConnectorSettings }
  | { readonly kind: 'problems'; readonly lines: readonly string[] }

export interface LocalConnectorOptions {
  readonly store: Store
  readonly book: ConnectorBook
  readonly readConnector: ReadConnector
  readonly warn: (message: string, error?: unknown) => void
}

/** What a start or a reload did with the connectors of the file; ids. */
export interface Reconciliation {
  readonly created: readonly string[]
  readonly updated: readonly string[]
  readonly deleted: readonly string[]
  readonly unchanged: readonly string[]
  /** Made by management under an id that the file has, too: not served while it has. */
  readonly shadowed: readonly string[]
}

/** How long a source may take to prove that it works. */
const TRIAL_MS = 20_000

export class LocalConnectors {
  readonly #options: LocalConnectorOptions
  #fileVersions = new Map<string, number>()
  /** Versions of records that cannot be served. */
  readonly #broken = new Map<string, number>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: LocalConnectorOptions) {
    this.#options = options
  }

  async list(): Promise<readonly ConnectorRecord[]> {
    const declared = this.#declared().map((settings) => this.#fileRecord(settings))
    const stored = await allOf(this.#options.store, kinds.connector)
    return [...declared, ...stored.map(readStoredConnector).filter(({ id }) => !this.#isDeclared(id))]
  }

  async get(id: string): Promise<ConnectorRecord> {
    const declared = this.#declared().find((settings) => settings.id === id)
    if (declared) return this.#fileRecord(declared)
    const record = await this.#options.store.get(kinds.connector, id)
    if (record) return readStoredConnector(record)
    throw missing('show', 'connector', id)
  }

  async create(change: ConnectorChange, { force, dryRun = false }: ChangeOptions): Promise<ConnectorRecord> {
    const { id, type = '', name = '', version = 0, config = {}, groups, grantTypes } = change
    checkConnectorId(id)
    if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0)
      throw new ManagementError('invalid', `cannot create connector "${id}": its version is no whole number`)
    const { store } = this.#options
    if (this.#isDeclared(id) || (await store.get(kinds.connector, id))) throw connectorTaken(id, this.#isDeclared(id))
    const more = { ...(groups && { groups }), ...(grantTypes && { grantTypes }) }
    const record: ConnectorRecord = { id, type, name, version, config, ...more, origin: 'store' }
    await this.#prove('create', record, force)
    if (dryRun) return record
    const written = await store.put(stored(record), { ifVersion: 0 })
    if (written === undefined) throw connectorTaken(id, this.#isDeclared(id))
    await this.#serve(id)
    return record
  }

  /** Whoever names no version is the last writer; nobody's change is lost between the look and the writing. */
  async update(change: ConnectorChange, options: ChangeOptions): Promise<ConnectorRecord> {
    return await untilWritten('connector', change.id, () => this.#tryUpdate(change, options))
  }

  async #tryUpdate(
    change: ConnectorChange,
    { force, dryRun = false }: ChangeOptions,
  ): Promise<ConnectorRecord | undefined> {
    const { id, version, config, groups, grantTypes } = change
    if (this.#isDeclared(id)) throw readOnly('update', 'connector', id)
    const { store } = this.#options
    const found = await store.get(kinds.connector, id)
    if (!found) throw missing('update', 'connector', id)
    const old = readStoredConnector(found)
    const next = Number(old.version) + 1
    if (version !== undefined && version !== next) throw connectorConflict(id, { old: old.version, next, got: version })
    const record: ConnectorRecord = {
      ...old,
      // As Pachyderm does: what is empty stays.
      type: change.type || old.type,
      name: change.name || old.name,
      version: next,
      config: config ?? old.config,
      ...(groups && { groups }),
      ...(grantTypes && { grantTypes }),
    }
    await this.#prove('update', record, force)
    if (dryRun) return record
    const written = await store.put(stored(record), { ifVersion: found.version })
    if (written !== undefined) {
      await this.#serve(id)
      return record
    }
    if (version === undefined) return undefined
    const now = await store.get(kinds.connector, id)
    throw connectorConflict(id, { old: now ? readStoredConnector(now).version : 'gone', next, got: version })
  }

  async delete(id: string): Promise<void> {
    if (this.#isDeclared(id)) throw readOnly('delete', 'connector', id)
    if (!(await this.#options.store.delete(kinds.connector, id))) throw missing('delete', 'connector', id)
    await this.#serve(id)
  }

  /** Takes the connectors of the file into service, tells what changed since the last time, and those of the store after it. */
  async reconcile(connectors: readonly ConnectorSettings[]): Promise<Reconciliation> {
    const { store, book } = this.#options
    // First, so that people can sign in by them though the store fails.
    book.declare(connectors)
    const known = new Map((await allOf(store, kinds.fileConnector)).map((record) => [record.id, record]))
    const created: string[] = []
    const updated: string[] = []
    const unchanged: string[] = []
    const versions = new Map<string, number>()
    for (const settings of connectors) {
      const { id } = settings
      const digest = connectorPrint(settings)
      const before = known.get(id)
      if (before?.value['digest'] === digest) {
        unchanged.push(id)
        versions.set(id, before.version)
        continue
      }
      const version = await store.put({ kind: kinds.fileConnector, id, value: { digest } })
      versions.set(id, version ?? 1)
      if (before) updated.push(id)
      else created.push(id)
    }
    this.#fileVersions = versions
    const deleted = [...known.keys()].filter((id) => !versions.has(id))
    for (const id of deleted) await store.delete(kinds.fileConnector, id)
    await this.refresh()
    const shadowed = book.storedIds.filter((id) => versions.has(id))
    return { created, updated, deleted, unchanged, shadowed }
  }

  /** Takes into service what others (another instance at the same store) have changed. */
  async refresh(): Promise<void> {
    const ids = new Set((await allOf(this.#options.store, kinds.connector)).map(({ id }) => id))
    for (const id of new Set([...ids, ...this.#options.book.storedIds])) await this.#serve(id)
  }

  /** The book follows the store, one at a time, so that of two writers the later one is served. */
  #serve(id: string): Promise<void> {
    const mine = this.#turn.then(() => this.#follow(id))
    this.#turn = mine.catch(() => {})
    return mine
  }

  async #follow(id: string): Promise<void> {
    const { store, book, readConnector, warn } = this.#options
    const record = await store.get(kinds.connector, id)
    if (!record) {
      this.#broken.delete(id)
      return book.remove(id)
    }
    const given = givenOf(readStoredConnector(record))
    const read = readConnector(given)
    if (read.kind === 'connector') return book.replace(read.settings)
    book.remove(id)
    // Once for each version: `refresh` comes by every few seconds.
    if (this.#broken.get(id) !== record.version)
      warn(
        `connector "${id}" is not served: ${read.lines.map((line) => withoutSecretsOf(given.config, line)).join('; ')}`,
      )
    this.#broken.set(id, record.version)
  }

  /** Reads its keys, and opens it unless it is forced in. */
  async #prove(verb: string, record: ConnectorRecord, force: boolean): Promise<void> {
    const { id, name, type, config } = record
    const refusal = (failure: 'invalid' | 'does-not-work', details: readonly string[], cause?: unknown) =>
      new ManagementError(failure, `cannot ${verb} connector "${id}": ${reasons[failure]}`, {
        details: details.map((line) => withoutSecretsOf(config, line)),
        cause,
      })
    if (type === '') throw refusal('invalid', ['it has no type'])
    if (name === '') throw refusal('invalid', ['it has no name'])
    checkName('name of a connector', name)
    const read = this.#options.readConnector(givenOf(record))
    if (read.kind === 'problems') throw refusal('invalid', read.lines)
    if (force) return
    try {
      using lease = await this.#options.book.openAside(read.settings)
      await lease.connector.check(AbortSignal.timeout(TRIAL_MS))
    } catch (error) {
      throw refusal('does-not-work', trialLines(error), error)
    }
  }

  #declared(): readonly ConnectorSettings[] {
    return this.#options.book
      .all()
      .filter(({ origin }) => origin === 'file')
      .map(({ settings }) => settings)
  }

  #isDeclared(id: string): boolean {
    return this.#options.book.find(id)?.origin === 'file'
  }

  #fileRecord(settings: ConnectorSettings): ConnectorRecord {
    const { id, type, name, raw, groups, grantTypes } = settings
    const version = this.#fileVersions.get(id) ?? 1
    // Decoded from JSON or YAML, so it is JSON. What stands for the users of the file is for nobody to see.
    const config = isLocal(settings) ? {} : (raw as JsonObject)
    const more = { ...(groups && { groups: { ...groups } }), ...(grantTypes.length > 0 && { grantTypes }) }
    return { id, type, name, version, config, ...more, origin: 'file' }
  }
}

const reasons = {
  invalid: 'its settings are wrong',
  'does-not-work': 'it does not work',
} as const

function stored(record: ConnectorRecord) {
  return { kind: kinds.connector, id: record.id, value: printStoredConnector(record) }
}

/** Without what management keeps beside it: a reader takes keys that it does not know for mistakes. */
function givenOf({ id, type, name, config, groups, grantTypes }: ConnectorRecord): GivenConnector {
  return { id, type, name, config, ...(groups && { groups }), ...(grantTypes && { grantTypes }) }
}
