/** The client of the measurements: wrk where it is installed, else one of our own; always on one core. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { findProgram } from '#test/actors/program.ts'

export interface Load {
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  readonly seconds: number
  readonly core: number
}

export interface Loaded {
  readonly requests: number
  /** Answers other than 2xx, and broken connections. */
  readonly errors: number
}

export const loadProgram = findProgram('wrk') ? 'wrk' : 'bench/own-client.ts'

/** Sends requests for so many seconds; resolves with how many were answered. */
export async function sendLoad(load: Load): Promise<Loaded> {
  const url = `http://127.0.0.1:${load.port}${load.path}`
  const wrk = findProgram('wrk')
  if (!wrk) {
    const own = fileURLToPath(new URL('own-client.ts', import.meta.url))
    const text = await output(['taskset', '-c', String(load.core), process.execPath, own, JSON.stringify(load)])
    return JSON.parse(text) as Loaded
  }
  const headers = Object.entries(load.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const sizes = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`]
  const text = await output(['taskset', '-c', String(load.core), wrk, ...sizes, ...headers, url])
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0)
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0)
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? []
  return { requests, errors: bad + broken.reduce((sum, count) => sum + Number(count), 0) }
}

function output([command = '', ...args]: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve(text) : reject(new Error(`${command} ended with ${code}`))))
  })
}
