/** Takes a changed configuration into force, whole or not at all; one reload at a time. */
import { printProblems } from '../../config/print-problems.ts'
import type { Configuration } from '../../config/read-configuration.ts'
import type { Settings } from '../../config/schema.ts'
import { compileSnapshot, type ServedSnapshot } from '../../snapshot/compile.ts'
import type { Current } from '../../snapshot/current.ts'
import type { Kept } from '../../snapshot/kept.ts'
import type { ServedBroker } from './broker.ts'
import { type Doors, needRestart, prepareDoors, replaceInDoors } from './doors.ts'
import { Rollback } from './rollback.ts'

export interface ReloaderOptions {
  readonly read: () => Promise<Configuration>
  readonly current: Current<ServedSnapshot>
  readonly kept: Kept
  readonly doors: Doors
  readonly settings: Settings
  /** The broker of this process. */
  readonly broker?: ServedBroker | undefined
}

export class Reloader {
  readonly #options: ReloaderOptions
  readonly #rollback: Rollback
  #settings: Settings
  #running: Promise<boolean> | undefined
  #again = false
  /** Told of everything that was read, refused or not: its files are what to watch from now on. */
  onRead: (configuration: Configuration) => void = () => {}

  constructor(options: ReloaderOptions) {
    this.#options = options
    this.#settings = options.settings
    this.#rollback = new Rollback({
      last: (window, now) => options.kept.traffic.last(window, now),
      restore: (settings) => this.#restore(settings),
      log: () => options.current.snapshot.log,
      now: Date.now,
    })
  }

  /** Nothing is watched any more. */
  end(): void {
    this.#rollback.stop()
  }

  /** Reads and swaps; a call while one is running makes it run once more. False: refused, and nothing changed. */
  reload(): Promise<boolean> {
    if (this.#running) {
      this.#again = true
      return this.#running
    }
    this.#running = this.#untilQuiet().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #untilQuiet(): Promise<boolean> {
    let taken: boolean
    do {
      this.#again = false
      taken = await this.#once()
    } while (this.#again)
    return taken
  }

  async #once(): Promise<boolean> {
    const { read, current } = this.#options
    const { log } = current.snapshot
    try {
      const configuration = await read()
      this.onRead(configuration)
      if (configuration.kind === 'problems') {
        log.event('error', 'configuration refused, the old one stays in force', {
          service: 'config',
          problems: configuration.problems.map(printOne),
        })
        return false
      }
      const { settings, warnings, fingerprints } = configuration
      if (this.#rollback.isRefused(fingerprints)) return false
      await prepareDoors(this.#options.doors, settings)
      const brokerWaits = await this.#reloadBroker(settings)
      const before = this.#settings
      const next = this.#enforce(settings)
      this.#rollback.begin({ before, after: settings, traffic: next.traffic, fingerprints })
      const waiting = [...needRestart(before, settings), ...brokerWaits]
      next.log.event('info', 'configuration in force', {
        service: 'config',
        routes: settings.routes.length,
        warnings: warnings.map(printOne),
        ...(waiting.length > 0 && { 'needs-restart': waiting }),
      })
      return true
    } catch (error) {
      log.event('error', 'configuration refused, the old one stays in force', { service: 'config', error })
      return false
    }
  }

  /** The proxy at once; the broker's clients, connectors and users with it. */
  #restore(settings: Settings): void {
    this.#enforce(settings)
    const { log } = this.#options.current.snapshot
    this.#reloadBroker(settings).catch((error: unknown) =>
      log.event('error', 'the broker could not be rolled back', { service: 'config', error }),
    )
  }

  /** The broker's clients, connectors and users; what else has changed there waits for a new process. */
  async #reloadBroker({ broker: next }: Settings): Promise<readonly string[]> {
    const { broker } = this.#options
    if (!broker || !next) return broker || next ? ['broker'] : []
    return await broker.reload(next)
  }

  /** Compiles and swaps; throws where that cannot be, and then nothing has changed. */
  #enforce(settings: Settings): ServedSnapshot {
    const { current, kept, doors } = this.#options
    const next = compileSnapshot(settings, kept)
    replaceInDoors(doors, settings)
    current.swap(next)
    const now = Date.now()
    kept.upgrades.closeWhere((upgrade) => !next.mayStay(upgrade, now), 1008)
    this.#settings = settings
    return next
  }
}

function printOne(problem: Parameters<typeof printProblems>[0][number]): string {
  return printProblems([problem]).split('\n', 1)[0] ?? ''
}
