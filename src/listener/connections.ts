/**
 * Every open connection, so that limits hold and a drain knows what is left. Our own sweep, because the timeouts of
 * node:http work only for a server that listens itself, and ours is handed its sockets.
 */
import type { Socket } from 'node:net'
import type { Milliseconds } from '../wire/units.ts'

export interface Connection {
  /** Looks at the clock; closes what has been silent for too long. */
  sweep(now: number): void
  /** Takes no further request, and closes when the last one under way is done. */
  drain(): void
}

export class Connections {
  readonly #sockets = new Set<Socket>()
  readonly #connections = new Map<Socket, Connection>()
  readonly #timer: NodeJS.Timeout
  #draining = false
  #emptied: (() => void) | undefined

  constructor({ every, now }: { every: Milliseconds; now: () => number }) {
    this.#timer = setInterval(() => {
      const instant = now()
      for (const connection of this.#connections.values()) connection.sweep(instant)
    }, every)
    this.#timer.unref()
  }

  get size(): number {
    return this.#sockets.size
  }

  /** Counts a TCP socket from its first moment, before any TLS. */
  track(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      if (this.#sockets.size === 0) this.#emptied?.()
    })
  }

  /** Registers what speaks HTTP on `socket` (the TLS socket, where there is one) until it closes. */
  register(socket: Socket, connection: Connection): void {
    this.#connections.set(socket, connection)
    socket.once('close', () => this.#connections.delete(socket))
    if (this.#draining) connection.drain()
  }

  /** Lets requests under way finish for `grace`, then cuts what is left. */
  async drain(grace: Milliseconds): Promise<void> {
    this.#draining = true
    for (const connection of this.#connections.values()) connection.drain()
    if (this.#sockets.size > 0 && grace > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, grace)
      this.#emptied = resolve
      await promise
      clearTimeout(timer)
    }
    this.destroy()
  }

  destroy(): void {
    this.#draining = true
    clearInterval(this.#timer)
    for (const socket of this.#connections.keys()) socket.destroy()
    for (const socket of this.#sockets) socket.destroy()
  }
}
