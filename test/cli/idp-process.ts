/** `ostiary idp …` as a process of its own, while the broker it manages runs in this one. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface Typed {
  readonly cwd: string
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Both outputs in the order of printing; the exit code where it is not 0. */
export async function typeIdp(args: readonly string[], { cwd, input = '', env = {} }: Typed): Promise<string> {
  return await runToEnd(process.execPath, [main, 'idp', ...args], { cwd, input, env })
}

/** A line for the shell, in which `ostiary` is a command. */
export async function typeLine(line: string, { cwd, input = '', env = {} }: Typed): Promise<string> {
  const shell = `exec 2>&1\nostiary() { "${process.execPath}" "${main}" "$@"; }\n${line}`
  return await runToEnd('sh', ['-c', shell], { cwd, input, env })
}

async function runToEnd(command: string, args: readonly string[], { cwd, input, env }: Required<Typed>) {
  const child = spawn(command, args, { cwd, env: { PATH: process.env['PATH'] ?? '', HOME: cwd, ...env } })
  let text = ''
  child.stdout.on('data', (piece: Buffer) => (text += piece.toString()))
  child.stderr.on('data', (piece: Buffer) => (text += piece.toString()))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const code = await new Promise((resolve) => child.once('close', resolve))
  return `${text}${code === 0 ? '' : `[exit ${String(code)}]\n`}`
}
