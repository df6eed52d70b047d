/** A proxy that runs: doors open, files followed, until it is drained and ends. */
import type { Configuration } from '../../config/read-configuration.ts'
import type { Settings } from '../../config/schema.ts'
import { watchFiles } from '../../config/watch-files.ts'
import { handle } from '../../pipeline.ts'
import type { ServedSnapshot } from '../../snapshot/compile.ts'
import type { Current } from '../../snapshot/current.ts'
import type { Kept } from '../../snapshot/kept.ts'
import { type Milliseconds, milliseconds } from '../../wire/units.ts'
import type { ServedBroker } from './broker.ts'
import { type Doors, openDoors } from './doors.ts'
import { ExpiryWatch } from './expiry-watch.ts'
import { Reloader } from './reloader.ts'

/** A running proxy. */
export interface Running {
  /** Where the main door is, as host:port. */
  readonly address: string
  readonly port: number
  /** Reads the configuration again; false where it was refused and nothing changed. */
  reload(): Promise<boolean>
  /** Drains and ends: readiness off, doors closed, requests under way finish within `grace`. */
  close(grace?: Milliseconds): Promise<void>
  /** Writes down an error that nobody has caught. */
  report(message: string, error: unknown): void
}

/** The configuration cannot be served; the message is for people, whole lines. */
export class RefusedToStart extends Error {}

/** How long requests under way may take to finish when the process ends. */
export const drainGrace = milliseconds(30_000)

/** Milliseconds: how often the sessions of open connections are looked at. */
const attendEvery = 5_000

export interface RunOptions {
  readonly options: { readonly watch?: boolean }
  readonly read: () => Promise<Configuration>
  readonly configuration: Configuration
  readonly settings: Settings
  readonly kept: Kept
  readonly current: Current<ServedSnapshot>
  readonly broker: ServedBroker | undefined
}

/** Opens the doors over a compiled snapshot. @throws RefusedToStart where an address cannot be had */
export async function run({
  options,
  read,
  configuration,
  settings,
  kept,
  current,
  broker,
}: RunOptions): Promise<Running> {
  // The health listener is there first, and says that the others are not yet.
  const status = { started: false, ready: false, alive: true }
  const doors = await openDoors(settings, {
    exchange: (exchange) => handle(exchange, current),
    log: () => current.snapshot.log,
    status: () => status,
  }).catch((cause: unknown) => {
    current.snapshot.retire()
    throw new RefusedToStart(`${cause instanceof Error ? cause.message : String(cause)}\n`, { cause })
  })

  status.started = true
  status.ready = true

  const reloader = new Reloader({ read, current, kept, doors, settings, broker })
  const follow = ({ watched, fingerprints }: Configuration) =>
    watchFiles(watched, () => void reloader.reload(), { known: fingerprints })
  let watcher = options.watch === false ? undefined : follow(configuration)
  const expiry = new ExpiryWatch({ log: () => current.snapshot.log, now: Date.now })
  expiry.follow(settings)
  reloader.onRead = (next) => {
    if (next.kind === 'ok') expiry.follow(next.settings)
    if (!watcher) return
    watcher[Symbol.dispose]()
    watcher = follow(next)
  }
  current.snapshot.log.event('info', 'serving', { address: doors.main.address, routes: settings.routes.length })

  let closing: Promise<void> | undefined
  kept.upgrades.judgeBy((upgrade) => {
    if (closing) return 1001
    return current.snapshot.mayStay(upgrade, Date.now()) ? undefined : 1008
  })
  // A connection that is open makes no request which would find that its session's provider has to be asked again.
  const attending = setInterval(() => {
    kept.upgrades.judgeAgain(({ session }) => session?.freshUntil !== undefined)
  }, attendEvery).unref()
  const close = (grace = drainGrace): Promise<void> => {
    status.ready = false
    watcher?.[Symbol.dispose]()
    watcher = undefined
    reloader.end()
    expiry[Symbol.dispose]()
    clearInterval(attending)
    if (closing) return doors.main.drain(milliseconds(0))
    closing = end({ doors, current, kept, broker, grace })
    return closing
  }
  return {
    address: doors.main.address,
    port: doors.main.port,
    reload: () => reloader.reload(),
    close,
    report: (message, error) => current.snapshot.log.event('error', message, { error }),
  }
}

interface Ending {
  readonly doors: Doors
  readonly current: Current<ServedSnapshot>
  readonly kept: Kept
  readonly broker: ServedBroker | undefined
  readonly grace: Milliseconds
}

async function end({ doors, current, kept, broker, grace }: Ending): Promise<void> {
  const { log } = current.snapshot
  log.event('info', 'draining', { connections: doors.main.connectionCount })
  // The door first: what would come in now would not be told goodbye.
  const drained = doors.main.drain(grace)
  kept.upgrades.closeWhere(() => true, 1001)
  await doors.redirect?.[Symbol.asyncDispose]()
  await drained
  await doors.health?.[Symbol.asyncDispose]()
  current.snapshot.retire()
  await kept.pools.destroy()
  await broker?.[Symbol.asyncDispose]()
  log.event('info', 'ended')
  await kept.decisionFile.close()
  await kept.sink.close()
}
