/** Programs of the machine as actors: found on PATH, started in a folder of their own, ended by their own process id. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { accessSync, chmodSync, chownSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** Debian keeps servers in sbin, which is not on everybody's PATH. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']

/** Nobody: what a server runs as when the tests run as root, so that no step depends on being root. */
const NOBODY = 65534

const READY_WITHIN_MS = 15_000
const STOPPED_WITHIN_MS = 5_000

/** The path of a program on PATH (or in a folder for servers), or undefined. */
export function findProgram(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Programs that Debian does not have: a test beside one of them runs where somebody has put it. */
const unpackaged: ReadonlySet<string> = new Set(['dex'])

/**
 * The value for a test's `skip`: the reason when a program is missing, else false.
 * With OSTIARY_TEST_REQUIRE=all nothing is skipped, so that a machine which has lost a program fails aloud.
 */
export function skipWithout(...names: readonly string[]): string | false {
  const missing = names.filter((name) => findProgram(name) === undefined)
  const isRequired = process.env['OSTIARY_TEST_REQUIRE'] === 'all' && !missing.some((name) => unpackaged.has(name))
  if (missing.length === 0 || isRequired) return false
  return `needs the program ${missing.join(', ')}`
}

export interface Folder extends Disposable {
  readonly path: string
}

/** A folder under the system's temporary one, owned by whoever `startProgram` runs as, removed when disposed. */
export function temporaryFolder(label: string): Folder {
  const path = mkdtempSync(join(tmpdir(), `ostiary-${label}-`))
  if (isRoot()) {
    chmodSync(path, 0o755)
    chownSync(path, NOBODY, NOBODY)
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Hands a file or folder made by the test to whoever the programs run as. */
export function handOver(path: string): void {
  if (isRoot()) chownSync(path, NOBODY, NOBODY)
}

const isRoot = () => process.getuid?.() === 0

export interface Program extends AsyncDisposable {
  readonly pid: number
  /** Everything it has written to standard output and standard error. */
  output(): string
  /** Resolves with the exit code (or signal name) once it has ended. */
  readonly ended: Promise<number | string>
  /** Reads standard output, where it was held. */
  readOn(): void
  /** Sends a signal and waits for nothing. */
  signal(name: NodeJS.Signals): void
  /** Ends it: SIGTERM, and SIGKILL when it does not listen. */
  stop(): Promise<void>
}

export interface ProgramOptions {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Resolves to true once it serves; asked again until it does. */
  readonly isReady: () => Promise<boolean>
  /** A file it logs to, shown when it does not start. */
  readonly logFile?: string
  /** Stay who we are, even as root. */
  readonly asOurselves?: boolean
  /** `held`: a pipe that nobody reads before `readOn`; a number: this file. By default it is read. */
  readonly stdout?: 'held' | number
}

/** Starts a server and waits until it serves; throws with its output when it ends early or never serves. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: { PATH: FOLDERS.join(delimiter), LANG: 'C.UTF-8', HOME: options.cwd, ...options.env },
    stdio: ['ignore', typeof options.stdout === 'number' ? options.stdout : 'pipe', 'pipe'],
    ...(isRoot() && !options.asOurselves ? { uid: NOBODY, gid: NOBODY } : {}),
  })
  let output = ''
  const readOn = () => void child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  if (options.stdout === undefined) readOn()
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = endOf(child)
  const lastWords = () =>
    `${output}${options.logFile && existsSync(options.logFile) ? readFileSync(options.logFile, 'utf8') : ''}`
  const stop = () => stopChild(child, ended)

  const until = Date.now() + READY_WITHIN_MS
  while (!(await options.isReady())) {
    const early = await Promise.race([ended, pause(50)])
    if (early !== undefined) throw new Error(`${options.name} ended while starting (${early}): ${lastWords()}`)
    if (Date.now() > until) {
      await stop()
      throw new Error(`${options.name} does not serve after ${READY_WITHIN_MS} ms: ${lastWords()}`)
    }
  }
  const pid = child.pid ?? 0
  return {
    pid,
    output: () => output,
    ended,
    readOn,
    signal: (name) => void child.kill(name),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function endOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
}

async function stopChild(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), STOPPED_WITHIN_MS)
  await ended
  clearTimeout(killer)
}

/** Runs a program to its end and returns its output; throws when it fails. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: { readonly input?: string } = {},
): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', input: options.input ?? '' })
  if (error) throw error
  if (status !== 0) throw new Error(`${command} ${args[0] ?? ''} failed (${status}): ${stderr}`)
  return stdout
}

/** True when something accepts TCP connections at host:port. */
export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const answer = (yes: boolean) => {
      socket.destroy()
      resolve(yes)
    }
    socket.once('connect', () => answer(true))
    socket.once('error', () => answer(false))
  })
}

/** Below the ports that the system gives to outgoing connections, which would take one between our look and its use. */
const ownPorts = { from: 11_000, to: 25_000 }

/** A port that was free a moment ago, for programs that cannot choose one themselves. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(ownPorts.from, ownPorts.to)
    if (await isFree(host, port)) return port
  }
  throw new Error('cannot find a free port')
}

function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}
