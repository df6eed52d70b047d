/** The product as an operator runs it: `ostiary serve` in a process of its own, with a configuration file that can change. */
import { renameSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Browser } from './browser.ts'
import { type Certs, testCerts } from './certs.ts'
import { freePort, type ProgramOptions, startProgram, temporaryFolder } from './program.ts'

export type Config = Readonly<Record<string, unknown>>

export interface ProxyOptions {
  /** The whole configuration but addresses and certificates, which are filled in where it names none. */
  readonly config: Config
  readonly port?: number
  readonly env?: Readonly<Record<string, string>>
  /** More options for `serve`. */
  readonly args?: readonly string[]
  /** More options for Node. */
  readonly nodeArgs?: readonly string[]
  /** Where its standard output goes, when it is not simply read. */
  readonly stdout?: ProgramOptions['stdout']
  /** A program that starts it, with its arguments: `prlimit --nofile=64`. */
  readonly launcher?: readonly string[]
}

export type LogLine = Readonly<Record<string, unknown>>

export interface RunningProxy extends AsyncDisposable {
  readonly pid: number
  readonly port: number
  readonly configFile: string
  readonly certs: Certs
  /** `https://HOST.corp.test:PORT` and `path`. */
  url(host: string, path?: string): string
  browser(): Browser
  /** What the health listener answers. */
  health(path: string): Promise<number>
  /** Puts another configuration in its place at once, as `mv` does. */
  write(config: Config): void
  /** Overwrites the file in place with any text. */
  writeText(text: string): void
  /** Reads standard output from now on, where it was held. */
  readOn(): void
  /** All that it printed. */
  output(): string
  /** The JSON lines among that. */
  log(): LogLine[]
  /** The first line that `matches`, waited for. */
  logged(matches: (line: LogLine) => boolean, what?: string): Promise<LogLine>
  signal(name: NodeJS.Signals): void
  readonly ended: Promise<number | string>
  stop(): Promise<void>
}

const entry = fileURLToPath(new URL('../../ostiary.js', import.meta.url))
const LOGGED_WITHIN_MS = 10_000

/** Starts it and waits until its health listener says that it is ready. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const certs = await testCerts()
  const port = options.port ?? (await freePort())
  const healthPort = await freePort()
  const folder = temporaryFolder('proxy')
  const configFile = join(folder.path, 'ostiary.json')
  const complete = (config: Config): string =>
    JSON.stringify({
      address: `127.0.0.1:${port}`,
      authenticate_service_url: `https://authenticate.corp.test:${port}`,
      ...(config['insecure_server'] !== true && {
        certificate_file: certs.certificateFile,
        certificate_key_file: certs.keyFile,
      }),
      health_check_addr: `127.0.0.1:${healthPort}`,
      ...config,
    })
  writeFileSync(configFile, complete(options.config))
  const health = (path: string) => statusOf(`http://127.0.0.1:${healthPort}${path}`)
  const args = [...(options.nodeArgs ?? []), entry, 'serve', '--config', configFile, ...(options.args ?? [])]
  const [launcher, ...launching] = options.launcher ?? []
  const program = await startProgram({
    name: 'Ostiary',
    command: launcher ?? process.execPath,
    args: launcher ? [...launching, process.execPath, ...args] : args,
    cwd: folder.path,
    env: { ...options.env },
    isReady: async () => (await health('/readyz')) === 200,
    asOurselves: true,
    ...(options.stdout !== undefined && { stdout: options.stdout }),
  }).catch((error: unknown) => {
    folder[Symbol.dispose]()
    throw error
  })

  const log = () => linesOf(program.output())
  const stop = async () => {
    await program.stop()
    folder[Symbol.dispose]()
  }
  return {
    pid: program.pid,
    port,
    configFile,
    certs,
    url: (host, path = '/') => `https://${host}.corp.test:${port}${path}`,
    browser: () => new Browser({ port, ca: certs.ca }),
    health,
    write(config) {
      writeFileSync(`${configFile}.new`, complete(config))
      renameSync(`${configFile}.new`, configFile)
    },
    writeText: (text) => writeFileSync(configFile, text),
    readOn: program.readOn,
    output: program.output,
    log,
    async logged(matches, what = 'such a line') {
      for (const until = Date.now() + LOGGED_WITHIN_MS; Date.now() < until; await pause(20)) {
        const found = log().find(matches)
        if (found) return found
      }
      throw new Error(`the log never had ${what}:\n${program.output().slice(-4000)}`)
    },
    signal: program.signal,
    ended: program.ended,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function linesOf(output: string): LogLine[] {
  return output.split('\n').flatMap((line) => {
    try {
      const value: unknown = line.startsWith('{') ? JSON.parse(line) : undefined
      return typeof value === 'object' && value !== null ? [value as LogLine] : []
    } catch {
      return []
    }
  })
}

function statusOf(url: string): Promise<number> {
  return new Promise((resolve) => {
    const asked = request(url, { agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.on('error', () => resolve(0))
    asked.end()
  })
}
