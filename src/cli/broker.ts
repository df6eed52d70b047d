/** `ostiary broker`: the identity broker without a proxy, from Dex's own configuration file. */
import type { BrokerSettings } from '../config/dex/broker-settings.ts'
import { type BrokerConfiguration, readBrokerConfiguration } from '../config/dex/read-broker-configuration.ts'
import { printProblems } from '../config/print-problems.ts'
import { watchFiles } from '../config/watch-files.ts'
import { Secret } from '../crypto/secret.ts'
import { openLog } from '../observe/log.ts'
import { LogSink } from '../observe/log-sink.ts'
import type { Io } from './io.ts'
import { openServedBroker, type ServedBroker } from './serve/broker.ts'
import { RefusedToStart } from './serve/run.ts'

export interface BrokerCommandOptions {
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Unknown keys are warnings. */
  readonly lenient: boolean
  readonly logLevel: string
}

export interface RunningBroker {
  /** Reads the file again; false where it was refused and nothing changed. */
  reload(): Promise<boolean>
  close(): Promise<void>
  report(message: string, error: unknown): void
}

/** Rejects with RefusedToStart where the file is wrong or an address cannot be had. */
export async function runBroker(options: BrokerCommandOptions, io: Pick<Io, 'err'>): Promise<RunningBroker> {
  const first = await read(options)
  io.err(printProblems(first.warnings))
  if (first.kind === 'problems') {
    const count = first.problems.length === 1 ? '1 problem' : `${first.problems.length} problems`
    throw new RefusedToStart(`${printProblems(first.problems)}${count}: nothing was started\n`)
  }
  const { settings } = first
  if (settings.web.http === undefined && settings.web.https === undefined)
    throw new RefusedToStart(
      `cannot serve the broker of ${options.file}: it listens nowhere\nhint: set web.http or web.https, or run it beside the proxy with: ostiary serve --broker ${options.file}\n`,
    )
  const sink = new LogSink()
  const log = openLog({ sink, level: options.logLevel })
  const served = await openServedBroker(settings, {
    log: () => log,
    storeSecrets: secretsOf(settings, options.env),
    env: options.env,
  }).catch((cause: unknown) => {
    throw new RefusedToStart(`${cause instanceof Error ? cause.message : String(cause)}\n`, { cause })
  })
  const following = new Following({ options, served, log })
  following.follow(first)
  return {
    reload: () => following.reload(),
    report: (message, error) => log.event('error', message, { service: 'broker', error }),
    async close() {
      following[Symbol.dispose]()
      await served[Symbol.asyncDispose]()
      log.event('info', 'ended', { service: 'broker' })
      await sink.close()
    },
  }
}

interface FollowingOptions {
  readonly options: BrokerCommandOptions
  readonly served: ServedBroker
  readonly log: ReturnType<typeof openLog>
}

/** Takes a changed file into service, whole or not at all; one reload at a time. */
class Following implements Disposable {
  readonly #options: FollowingOptions
  #watcher: Disposable | undefined
  #running: Promise<boolean> = Promise.resolve(true)

  constructor(options: FollowingOptions) {
    this.#options = options
  }

  follow({ watched, fingerprints }: BrokerConfiguration): void {
    this.#watcher?.[Symbol.dispose]()
    this.#watcher = watchFiles(watched, () => void this.reload(), { known: fingerprints })
  }

  reload(): Promise<boolean> {
    this.#running = this.#running.then(() => this.#once())
    return this.#running
  }

  async #once(): Promise<boolean> {
    const { options, served, log } = this.#options
    try {
      const next = await read(options)
      this.follow(next)
      if (next.kind === 'problems') {
        const problems = next.problems.map(firstLine)
        log.event('error', 'configuration refused, the old one stays in force', { service: 'config', problems })
        return false
      }
      const waiting = await served.reload(next.settings)
      const more = waiting.length > 0 ? { 'needs-restart': waiting } : {}
      log.event('info', 'configuration in force', {
        service: 'config',
        warnings: next.warnings.map(firstLine),
        ...more,
      })
      return true
    } catch (error) {
      log.event('error', 'configuration refused, the old one stays in force', { service: 'config', error })
      return false
    }
  }

  [Symbol.dispose](): void {
    this.#watcher?.[Symbol.dispose]()
    this.#watcher = undefined
  }
}

function firstLine(problem: BrokerConfiguration['warnings'][number]): string {
  return printProblems([problem]).split('\n', 1)[0] ?? ''
}

function read({ file, env, lenient }: BrokerCommandOptions): Promise<BrokerConfiguration> {
  return readBrokerConfiguration({ file, env, lenient })
}

/**
 * What seals a store in PostgreSQL, newest first: `SHARED_SECRET` and `PREVIOUS_SHARED_SECRETS`, as for the proxy.
 * SQLite has a key file of its own.
 */
function secretsOf({ storage }: BrokerSettings, env: BrokerCommandOptions['env']): readonly Secret[] {
  if (storage.type !== 'postgres') return []
  const texts = [env['SHARED_SECRET'], ...(env['PREVIOUS_SHARED_SECRETS'] ?? '').split(/[\s,]+/)]
  return texts.flatMap((text) => (text ? [new Secret(text)] : []))
}
