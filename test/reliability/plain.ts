/** A proxy in plain HTTP with public routes, and a client that asks it over a few kept connections. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { type Config, type ProxyOptions, type RunningProxy, startProxy } from '#test/actors/proxy.ts'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface Client extends Disposable {
  /** Asks HOST.corp.test; rejects where the connection breaks. */
  ask(host: string, path?: string, headers?: Readonly<Record<string, string>>): Promise<Reply>
}

/** `https://NAME.corp.test` for everybody, led to `to`. */
export function publicRoute(name: string, to: string | readonly string[], more: Config = {}): Config {
  return { from: `https://${name}.corp.test`, to, allow_public_unauthenticated_access: true, ...more }
}

/** Settings without a provider: nothing is to be signed in to. */
export function plainConfig(routes: readonly Config[], more: Config = {}): Config {
  return { insecure_server: true, routes, ...more }
}

export function startPlain(
  routes: readonly Config[],
  { more, ...options }: Omit<ProxyOptions, 'config'> & { readonly more?: Config } = {},
): Promise<RunningProxy> {
  return startProxy({ ...options, config: plainConfig(routes, more) })
}

/** A client with at most `connections` connections. */
export function openClient({ port }: { readonly port: number }, connections = 16): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  return {
    ask: (host, path = '/', headers = {}) =>
      new Promise((resolve, reject) => {
        const asked = request(
          { host: '127.0.0.1', port, path, agent, headers: { host: `${host}.corp.test`, ...headers } },
          (response) => {
            let body = ''
            response.setEncoding('utf8')
            response.on('data', (chunk: string) => (body += chunk))
            response.on('error', reject)
            response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
          },
        )
        asked.on('error', reject)
        asked.end()
      }),
    [Symbol.dispose]: () => agent.destroy(),
  }
}

/** Asks again and again, several at a time, until it is ended; tells how each request ended. */
export function load(ask: () => Promise<Reply>, clients = 4) {
  let isOver = false
  const ends = new Map<string, number>()
  const count = (end: string) => ends.set(end, (ends.get(end) ?? 0) + 1)
  const one = async () => {
    while (!isOver) {
      await ask().then(
        ({ status }) => count(String(status)),
        (error: Error) => count(error.message),
      )
    }
  }
  const all = Promise.all(Array.from({ length: clients }, one))
  return {
    /** How many ended in which way: by status, or by the message of what broke. */
    async end(): Promise<Readonly<Record<string, number>>> {
      isOver = true
      await all
      return Object.fromEntries(ends)
    },
  }
}

/** The value for a test's `skip`: what is looked at here is in /proc. */
export const skipWithoutProc = existsSync('/proc/self/status') ? false : 'needs /proc'

/** Resident memory of a process, in MiB. */
export function memoryOf({ pid }: { readonly pid: number }): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

/** Open descriptors of a process. */
export function descriptorsOf({ pid }: { readonly pid: number }): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
