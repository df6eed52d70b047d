/** `ostiary serve`: one process from its configuration to its end. */
import { printProblems } from '../config/print-problems.ts'
import { type Configuration, readConfiguration } from '../config/read-configuration.ts'
import type { Settings } from '../config/schema.ts'
import { randomText } from '../crypto/random.ts'
import { Secret } from '../crypto/secret.ts'
import { checkRequestHeaders } from '../forward/request-headers.ts'
import { type Log, openLog } from '../observe/log.ts'
import { proxiesInWords, proxiesOf } from '../outbound/environment-proxy.ts'
import type { Content } from '../respond/html.ts'
import { compileSnapshot, type ServedSnapshot } from '../snapshot/compile.ts'
import { Current } from '../snapshot/current.ts'
import { type Kept, openKept } from '../snapshot/kept.ts'
import { checkPolicy } from './check-policy.ts'
import type { Io } from './io.ts'
import type { ServedBroker } from './serve/broker.ts'
import { joinBroker, storeSecretsOf } from './serve/join-broker.ts'
import { readProven } from './serve/proven-configuration.ts'
import { RefusedToStart, type Running, run } from './serve/run.ts'

export interface ServeOptions {
  readonly files: readonly string[]
  /** A Dex configuration, in the place of the key `broker`. */
  readonly brokerFile?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Unknown keys are warnings. */
  readonly lenient?: boolean
  /** Refuse a configuration whose cases fail, now and at each reload. */
  readonly requireTests?: boolean
  /** Follow changes of the files; true where it is not said. */
  readonly watch?: boolean
  /** Stands under the broker's password form. */
  readonly brokerHint?: Content
}

/** Starts the proxy; rejects with RefusedToStart where the configuration is wrong or an address cannot be had. */
export async function serve(options: ServeOptions, io: Pick<Io, 'err'>): Promise<Running> {
  const kept = openKept({ proxyFor: proxiesOf(options.env) })
  const readAll = options.requireTests ? readProven : readConfiguration
  // The proxy's secret at the broker beside it: nobody else needs it, and it stays over reloads.
  const brokerSecret = new Secret(randomText(32))
  const read = async (): Promise<Configuration> => {
    const tools = { checkPolicy, checkHeaders: checkRequestHeaders, randomKey: kept.randomKey }
    const found = await readAll({ ...options, ...tools })
    return found.kind === 'ok' ? { ...found, settings: joinBroker(found.settings, brokerSecret) } : found
  }
  const configuration = await read()
  io.err(printProblems(configuration.warnings))
  const settings = settingsOf(configuration)
  const serving: { current: Current<ServedSnapshot> | undefined } = { current: undefined }
  const broker = await openBrokerOf(settings, { kept, serving, options })
  try {
    serving.current = new Current(compiled(settings, kept))
    const proxies = proxiesInWords(options.env)
    if (proxies.length > 0) serving.current.snapshot.log.event('info', 'ways out', { proxies })
    return await run({ options, read, configuration, settings, kept, current: serving.current, broker })
  } catch (error) {
    await broker?.[Symbol.asyncDispose]()
    throw error
  }
}

/** The broker of this process, where the configuration has one: before the first snapshot, which leads to it. */
async function openBrokerOf(
  settings: Settings,
  {
    kept,
    serving,
    options,
  }: { kept: Kept; serving: { readonly current: Current<ServedSnapshot> | undefined }; options: ServeOptions },
): Promise<ServedBroker | undefined> {
  if (!settings.broker) return undefined
  // Only here: a proxy without a broker does without all that one is made of.
  const { openServedBroker } = await import('./serve/broker.ts')
  const early = openLog({ sink: kept.sink, level: settings.log_level })
  const log = (): Log => serving.current?.snapshot.log ?? early
  try {
    const broker = await openServedBroker(settings.broker, {
      log,
      storeSecrets: storeSecretsOf(settings),
      env: options.env,
      // Who has a session goes on to the applications meanwhile.
      waits: true,
      ...(options.brokerHint !== undefined && { hint: options.brokerHint }),
      // Who was put out at the broker is out at the proxy at once, open connections included.
      ...(settings.idp_provider_url === settings.broker.issuer && {
        onRevoked: (subject: string, at: number) => {
          kept.revoked.revokeUser(subject, at)
          kept.upgrades.closeWhere(({ session }) => session !== undefined && kept.revoked.isRevoked(session), 1008)
        },
      }),
      routesOpenTo: (person) => serving.current?.snapshot.routesOpenTo(person) ?? [],
    })
    kept.broker = broker.access
    return broker
  } catch (cause) {
    throw new RefusedToStart(`${cause instanceof Error ? cause.message : String(cause)}\n`, { cause })
  }
}

/** What the checks cannot see, such as a log file that may not be written, refuses the start as well. */
function compiled(settings: Settings, kept: Kept) {
  try {
    return compileSnapshot(settings, kept)
  } catch (cause) {
    throw new RefusedToStart(`${cause instanceof Error ? cause.message : String(cause)}\n`, { cause })
  }
}

function settingsOf(configuration: Configuration): Settings {
  if (configuration.kind === 'ok') return configuration.settings
  const { problems } = configuration
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  throw new RefusedToStart(`${printProblems(problems)}${count}: nothing was started\n`)
}
