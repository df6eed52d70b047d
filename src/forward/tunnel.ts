/** Two joined sockets of one WebSocket: watched, counted, and ended together. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { closeFrame, FrameBoundary } from './frame-boundary.ts'
import type { CloseCode } from './open-upgrades.ts'

export interface TunnelEnd {
  /** Octets that went to the client. */
  readonly size: number
  readonly reason: 'via_upstream' | 'upgrade_cut' | 'idle_timeout'
}

export interface Tunnel {
  readonly ended: Promise<TunnelEnd>
  close(code: CloseCode): void
}

/** Milliseconds for the other side to follow once one has ended, or has been told to. */
const lingering = 5000

/** Watches `client` and `upstream`, which are piped into each other; resolves `ended` when both are gone. */
export function watchTunnel(client: Duplex, upstream: Socket, idleTimeout: number): Tunnel {
  const toClient = new FrameBoundary()
  const toUpstream = new FrameBoundary()
  let size = 0
  let reason: TunnelEnd['reason'] = 'via_upstream'
  let closing = false
  let linger: NodeJS.Timeout | undefined

  upstream.on('data', (chunk: Buffer) => {
    size += chunk.length
    toClient.pass(chunk)
  })
  client.on('data', (chunk: Buffer) => toUpstream.pass(chunk))

  const cutSoon = (): void => {
    linger ??= setTimeout(() => {
      client.destroy()
      upstream.destroy()
    }, lingering)
  }
  for (const socket of [client, upstream]) {
    socket.on('error', () => {}) // the close that follows says all there is to say
    socket.on('end', cutSoon)
  }
  client.on('close', () => upstream.destroy())
  upstream.on('close', () => {
    client.end()
    cutSoon()
  })

  function close(code: CloseCode): void {
    if (closing) return
    closing = true
    if (reason === 'via_upstream') reason = 'upgrade_cut'
    upstream.unpipe(client)
    client.unpipe(upstream)
    // Nothing more is relayed; what still arrives is read and forgotten, so that a FIN is seen.
    upstream.resume()
    client.resume()
    sayGoodbye(client, toClient, closeFrame(code, false))
    sayGoodbye(upstream, toUpstream, closeFrame(code, true))
    cutSoon()
  }

  if (idleTimeout > 0) {
    // Whatever one side sends the other one receives, so either socket sees all that moves.
    upstream.setTimeout(idleTimeout, () => {
      reason = 'idle_timeout'
      close(1001)
    })
  }

  const ended = new Promise<TunnelEnd>((resolve) => {
    let gone = 0
    const left = (): void => {
      gone++
      if (gone < 2) return
      clearTimeout(linger)
      resolve({ size, reason })
    }
    for (const socket of [client, upstream]) {
      if (socket.closed) left()
      else socket.once('close', left)
    }
  })
  return { ended, close }
}

/** In the middle of a frame nothing can be said; the end of the connection has to do. */
function sayGoodbye(socket: Duplex, sent: FrameBoundary, frame: Buffer): void {
  if (sent.clean && !sent.closed && socket.writable) socket.end(frame)
  else socket.end()
}
