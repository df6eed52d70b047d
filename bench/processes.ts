/** Processes under measurement: each bound to one core, their time on it read from the kernel. */
import { type ChildProcess, spawn } from 'node:child_process'
import { openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { accepts } from '#test/actors/program.ts'

export interface Bound extends AsyncDisposable {
  /** Seconds on a core so far, of the process and its children. */
  cpuSeconds(): number
}

export interface BoundOptions {
  readonly command: readonly string[]
  readonly core: number
  readonly port: number
  /** For what it prints. */
  readonly folder: string
  readonly name: string
  readonly env?: Readonly<Record<string, string>>
}

/** Starts it on `core` and waits until it listens. */
export async function startBound(options: BoundOptions): Promise<Bound> {
  const { command, core, port, folder, name, env } = options
  const output = openSync(join(folder, `${name}.log`), 'a')
  const child = spawn('taskset', ['-c', String(core), ...command], {
    cwd: folder,
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdio: ['ignore', output, output],
  })
  for (let i = 0; !(await accepts('127.0.0.1', port)); i++) {
    if (child.exitCode !== null || i > 200) {
      throw new Error(`cannot start ${name}: ${readFileSync(join(folder, `${name}.log`), 'utf8').slice(-2000)}`)
    }
    await pause(50)
  }
  return {
    cpuSeconds: () => familyOf(child.pid ?? 0).reduce((sum, pid) => sum + cpuOf(pid), 0),
    [Symbol.asyncDispose]: () => stop(child),
  }
}

/** Clock ticks of /proc: 100 a second on every Linux that Node runs on. */
const ticks = 100

function cpuOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / ticks
  } catch {
    return 0
  }
}

function familyOf(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number)
  return [pid, ...children.flatMap(familyOf)]
}

function parentOf(pid: string): number {
  try {
    return Number(
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[1],
    )
  } catch {
    return 0
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(killer)
}
